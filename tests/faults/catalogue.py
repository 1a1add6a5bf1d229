"""The faults: each is one function that does harm while traffic runs, and undoes it before it returns.

A fault must leave the servers able to work. It may leave workers dead: the world starts them again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.faults.servers import Server
from tests.faults.world import World, input_partitions

SESSION_TIMEOUT_S = 10
Act = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """`workers`: how many run. `settings`: theirs. `graceful`: every worker must end with status 0."""

    name: str
    act: Act
    workers: int = 2
    settings: dict[str, str] = field(default_factory=dict)
    graceful: bool = False


FAULTS: dict[str, Fault] = {}


def fault(name: str, **how: object) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        FAULTS[name] = Fault(name, act, **how)  # type: ignore[arg-type]
        return act

    return add


@fault("nothing happens", graceful=True)
async def nothing(_: World) -> None:
    """The base line: if this round fails, the campaign is wrong."""


@fault("a worker is killed", workers=3)
async def killed(world: World) -> None:
    for _ in range(2):
        await _some_worker(world, signal.SIGKILL)
        await asyncio.sleep(1)


@fault("workers are told to leave under load", workers=3, graceful=True)
async def told_to_leave(world: World) -> None:
    for _ in range(3):
        await _some_worker(world, signal.SIGTERM)
        await asyncio.sleep(0.5)


@fault("a worker freezes past its session and comes back")
async def zombie(world: World) -> None:
    """Its partitions went to others. What it has in hand when it wakes must change nothing."""
    worker = world.chance.choice(world.workers)
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(SESSION_TIMEOUT_S + 2)
    worker.send_signal(signal.SIGCONT)


@fault("Postgres crashes and recovers")
async def postgres_crash(world: World) -> None:
    for _ in range(2):
        world.servers.database.kill(signal.SIGQUIT)
        world.servers.database.start()
        await asyncio.sleep(1)


@fault("Postgres freezes")
async def postgres_freeze(world: World) -> None:
    await _freeze(world.servers.database)


@fault("sessions end while they commit")
async def terminated(world: World) -> None:
    """A commit whose answer is lost may have taken place."""
    ended = 0
    async with world.database() as connection:
        async with asyncio.timeout(60):
            while ended < 10:
                ended += await connection.fetchval(
                    "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND (query ILIKE 'commit%' OR backend_xid IS NOT NULL)) ended"
                )


@fault("all sessions end, again and again")
async def sessions_end(world: World) -> None:
    """What an administrator or a failover does, while the workers are at work and while they are idle."""
    async with world.database() as connection:
        for _ in range(10):
            await _end_sessions(connection)
            await asyncio.sleep(world.chance.uniform(0.05, 0.5))


@fault("Postgres is read-only for a while")
async def read_only(world: World) -> None:
    async with world.database() as connection:
        await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await connection.execute("SELECT pg_reload_conf()")
        await _end_sessions(connection)
        await asyncio.sleep(3)
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await connection.execute("SELECT pg_reload_conf()")
        await _end_sessions(connection)


@fault("Postgres has no connection left")
async def no_connection(world: World) -> None:
    """Somebody else takes every slot at the moment at which the workers lose theirs."""
    async with world.database() as connection:
        await connection.execute("ALTER ROLE g3n_test CONNECTION LIMIT 0")
        await _end_sessions(connection)
        await asyncio.sleep(3)
        await connection.execute("ALTER ROLE g3n_test CONNECTION LIMIT -1")


@fault("another session holds the accounts' lock")
async def locked(world: World) -> None:
    async with world.database() as connection, connection.transaction():
        await connection.execute("LOCK TABLE account IN EXCLUSIVE MODE")
        await asyncio.sleep(6)


@fault("the broker is killed")
async def broker_killed(world: World) -> None:
    world.servers.broker.kill()
    world.servers.broker.start()


@fault("the broker freezes")
async def broker_freeze(world: World) -> None:
    await _freeze(world.servers.broker)


@fault("the group's offsets are reset to the beginning")
async def offsets_reset(world: World) -> None:
    """Everything comes again, as duplicates. A group's offsets can be set only while it has no member."""
    for worker in list(world.workers):
        worker.send_signal(signal.SIGSTOP)
    group = world.place.environment["G3N_CONSUMER_GROUP"]
    await asyncio.sleep(SESSION_TIMEOUT_S + 2)
    partitions = await input_partitions(world)
    async with AIOKafkaConsumer(
        bootstrap_servers=world.place.bootstrap, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
    for worker in list(world.workers):
        worker.kill()


@fault("an outcome topic refuses what is published")
async def outcomes_refused(world: World) -> None:
    """Somebody lowers the size that the topic takes, notices, and sets it right."""
    topic = world.place.prefix + "crm.outcomes"
    await _configure(world, topic, "100")
    await asyncio.sleep(3)
    await _configure(world, topic, "1048588")


@fault("partitions are added")
async def partitions_added(world: World) -> None:
    async with world.admin() as admin:
        topic = world.place.inputs[0]
        described = await admin.describe_topics([topic])
        await admin.create_partitions({topic: NewPartitions(len(described[0]["partitions"]) + 1)})


async def _some_worker(world: World, how: signal.Signals) -> None:
    if world.workers:
        with suppress(ProcessLookupError):
            world.chance.choice(world.workers).send_signal(how)


async def _freeze(server: Server) -> None:
    server.freeze()
    await asyncio.sleep(6)
    server.thaw()


async def _end_sessions(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def _configure(world: World, topic: str, most_bytes: str) -> None:
    async with world.admin() as admin:
        kept = {"retention.ms": str(30 * 86_400_000), "max.message.bytes": most_bytes}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=kept)])
