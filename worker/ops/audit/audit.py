"""One audit: every check, and the reports, of one snapshot."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from worker.ledger.pool import connect
from worker.ledger.roles import Role
from worker.ops.audit import book
from worker.ops.audit.contents import Contents
from worker.ops.audit.finance import Finance, finance
from worker.ops.audit.finding import CHECKS, Finding

MOST: Final = 100  # findings of one check that are named
# The plans of whole tables, where a worker's sessions look up keys; and time enough for them.
_SESSION: Final = {
    "enable_seqscan": "on", "enable_hashjoin": "on", "enable_mergejoin": "on", "work_mem": "256MB",
    "idle_in_transaction_session_timeout": "0", "application_name": "g3n-audit",
}  # fmt: skip
_STATEMENT_S: Final = 3600.0


@dataclass(slots=True)
class Report:
    """`checks`: how many each found; `findings` names `MOST` of each. `seconds`: how long each took."""

    made_at: datetime
    as_of: datetime | None
    finance: Finance
    checks: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not any(self.checks.values())

    def add(self, finding: Finding) -> None:
        self.checks[finding.check] = self.checks.get(finding.check, 0) + 1
        if self.checks[finding.check] <= MOST:
            self.findings.append(finding)


async def audit(dsn: str, as_of: datetime | None, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Check everything. `progress` gets the name of each check when it begins."""
    async with _snapshot(dsn) as connection:
        orgs = {row["id"]: row["code"] for row in await connection.fetch("SELECT id, code FROM org")}
        contents = Contents(connection, orgs)
        started = time.monotonic()
        report = Report(datetime.now(UTC), as_of, await finance(connection, as_of), dict.fromkeys(CHECKS, 0))
        report.seconds["finance"] = time.monotonic() - started
        for name in book.CHECKS:
            progress(name)
            started = time.monotonic()
            for finding in await book.check(connection, name):
                report.add(finding)
            report.seconds[name] = time.monotonic() - started
        for check in (contents.lots, contents.holds, contents.undone, contents.voids, contents.outcomes):
            progress(check.__name__)
            started = time.monotonic()
            async for finding in check():
                report.add(finding)
            report.seconds[check.__name__] = report.seconds.get(check.__name__, 0) + time.monotonic() - started
    for orgcode, unit, trial, owed in report.finance.out_of_balance():
        what = f"contra accounts come to {trial}, the accounts to {owed}"
        report.add(Finding("balance", orgcode, f"trial balance in {unit}", what))
    return report


@contextlib.asynccontextmanager
async def _snapshot(dsn: str) -> AsyncIterator[Any]:
    pool = await connect(dsn, 1, Role.AUDIT, _SESSION, timeout_s=_STATEMENT_S)
    try:
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        pool.terminate()
