"""The command `g3n worker audit`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from worker.kafka import topics
from worker.kafka.ends import ends
from worker.kafka.ranges import ranges
from worker.kafka.security import security
from worker.ops.audit.audit import Report, audit
from worker.ops.audit.coverage import Place
from worker.process.settings import Settings


async def make(
    settings: Settings,
    as_of: datetime | None,
    progress: Callable[[str], None],
    *,
    coverage: bool,
    archives: Path | None = None,
) -> Report:
    """Audit the ledger of the settings. `coverage`: compare it with the topics, too. `archives`: their directory.

    Raises Unavailable, and OperatorError as `audit` does.
    """
    if not coverage:
        return await audit(settings.dsn, as_of, progress, archives=archives)
    names, bootstrap, secured = topics.from_settings(settings), settings.kafka_bootstrap_servers, security(settings)
    async with ranges(bootstrap, security=secured) as kafka, ends(bootstrap, security=secured) as bounds:
        return await audit(settings.dsn, as_of, progress, Place(names.read, names.accepted, kafka, bounds), archives)
