"""The command `g3n worker audit`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from worker.codec import Decoder, Outlet
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
    tie_out: bool = False,
    archives: Path | None = None,
) -> Report:
    """Audit the ledger of the settings. `coverage`: compare it with the input topics, too. `tie_out`: also compare what
    tills ask with what was published. `archives`: their directory.

    Raises Unavailable, and OperatorError as `audit` does.
    """
    if not coverage and not tie_out:
        return await audit(settings.dsn, as_of, progress, archives=archives)
    names, bootstrap, secured = topics.from_settings(settings), settings.kafka_bootstrap_servers, security(settings)
    outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group) if tie_out else None
    decoder = (
        Decoder(settings.card_keys, frozenset(), settings.max_document_bytes, accepted=names.accepted)
        if tie_out
        else None
    )
    async with ranges(bootstrap, security=secured) as kafka, ends(bootstrap, security=secured) as bounds:
        return await audit(settings.dsn, as_of, progress, Place(names, kafka, bounds, outlet, decoder), archives)
