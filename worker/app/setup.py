"""`g3n worker setup`: the database's schema, and the topics."""

from collections.abc import Callable

from worker.app.connect import KAFKA, POSTGRES, reached
from worker.app.examine import examined, warn
from worker.kafka import admin, topics
from worker.kafka.security import security as kafka_security
from worker.ledger.roles import Role
from worker.ledger.setup import set_up
from worker.process.settings import Settings


async def setup(settings: Settings, say: Callable[[str], None]) -> None:
    """`g3n worker setup`: the database's schema and the topics, a line to `say` for each thing.

    Raises Unavailable or OperatorError with a message for a person.
    """
    secured = kafka_security(settings)

    async def create() -> list[str]:
        return await admin.create_topics(
            settings.kafka_bootstrap_servers,
            topics.from_settings(settings),
            partitions=settings.partitions,
            replication=settings.replication_factor,
            security=secured,
        )

    warn(settings)
    if not await reached(POSTGRES, lambda: set_up(settings.admin_dsn, settings.role_passwords, say), is_long=True):
        say("database: up to date")
    for line in await examined(settings, settings.admin_dsn, Role.OWNER):
        say(line)
    for line in await reached(KAFKA, create):
        say(line)
