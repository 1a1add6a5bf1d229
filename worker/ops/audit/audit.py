"""One audit: all checks and reports, on one snapshot."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from worker.ledger.queries import SQL
from worker.ledger.roles import Role
from worker.ops.archive import loading
from worker.ops.audit import book
from worker.ops.audit.claims import Claims
from worker.ops.audit.contents import Contents
from worker.ops.audit.coverage import Coverage, Covered, Place
from worker.ops.audit.finance import Finance, finance
from worker.ops.audit.finding import CHECKS, Finding
from worker.ops.audit.tie_out import Line, TieOut
from worker.ops.audit.told import Told
from worker.ops.snapshot import snapshot
from worker.process.errors import OperatorError

MOST: Final = 100  # findings of one check that are named


@dataclass(slots=True)
class Report:
    """`checks`: the number of findings of each check; `findings` has `MOST` of each. `seconds`: the time of each check.

    `coverage`: each partition; None if the topics were not read. `tie_out`: each store's days; None without a tie-out.
    """

    made_at: datetime
    as_of: datetime | None
    finance: Finance
    checks: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    coverage: list[Covered] | None = None
    tie_out: list[Line] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not any(self.checks.values())

    def add(self, finding: Finding) -> None:
        self.checks[finding.check] = self.checks.get(finding.check, 0) + 1
        if self.checks[finding.check] <= MOST:
            self.findings.append(finding)


async def audit(
    dsn: str,
    as_of: datetime | None,
    progress: Callable[[str], None] = lambda _: None,
    place: Place | None = None,
    archives: Path | None = None,
) -> Report:
    """Run all checks. `progress` gets the name of each check when it begins, and how far it is.

    `place`: topics to compare with. `archives`: the directory of archives, to read as if they were in the ledger.
    Raises OperatorError if an archive has changed, or if the instant needs archives and none are given.
    """
    before = {} if place is None else await place.ends.of((place.names.outcomes, place.names.tender_outcomes))
    beside = None if archives is None else partial(loading.beside, directory=archives)
    async with snapshot(dsn, Role.AUDIT, "g3n-audit", beside) as connection:
        # Before the snapshot: a partition that is dropped after it would be missed, with its sums not yet there.
        await connection.execute("LOCK TABLE public.transfer IN ACCESS SHARE MODE")
        if archives is None:
            await _reaches(connection, as_of)
        else:
            await loading.nothing_since(connection)
        orgs = {row["id"]: row["code"] for row in await connection.fetch("SELECT id, code FROM org")}
        contents = Contents(connection, orgs)
        started = time.monotonic()
        left_out = set() if place is not None and place.decoder is not None else {"published", "tie-out"}
        names = [name for name in CHECKS if name not in left_out and (name != "coverage" or place is not None)]
        report = Report(datetime.now(UTC), as_of, await finance(connection, as_of), dict.fromkeys(names, 0))
        report.seconds["finance"] = time.monotonic() - started
        for name in book.CHECKS:
            progress(name)
            started = time.monotonic()
            for finding in await book.check(connection, name):
                report.add(finding)
            report.seconds[name] = time.monotonic() - started
        checks = {
            check.__name__: check
            for check in (contents.lots, contents.holds, contents.undone, contents.voids, contents.outcomes)
        }
        if place is not None:
            claims = None if place.decoder is None else Claims(place.decoder)
            coverage = Coverage(connection, place, progress, claims)
            report.coverage = coverage.partitions
            checks["coverage"] = coverage.check
            if claims is not None and place.outlet is not None:
                topics = place.names.outcomes, place.names.tender_outcomes
                told = Told(connection, place.kafka, place.ends, topics, before, progress)
                tie_out = TieOut(connection, place.outlet, claims, told, progress)
                report.tie_out = tie_out.lines
                checks["tie-out"] = tie_out.check
        for name, check in checks.items():
            progress(name)
            started = time.monotonic()
            async for finding in check():
                report.add(finding)
            report.seconds[name] = report.seconds.get(name, 0) + time.monotonic() - started
    for orgcode, unit, trial, owed in report.finance.out_of_balance():
        what = f"contra accounts come to {trial}, the accounts to {owed}"
        report.add(Finding("balance", orgcode, f"trial balance in {unit}", what))
    return report


async def _reaches(connection: Any, as_of: datetime | None) -> None:  # noqa: ANN401  asyncpg
    """Raise OperatorError if part of the instant's transfers is archived: the ledger has only their sums."""
    archives = await connection.fetch(SQL["audit_archives"])
    if as_of is not None and archives and as_of < archives[-1]["until"]:
        until = archives[-1]["until"]
        raise OperatorError(f"--as-of: transfers until {until:%Y-%m-%dT%H:%M:%SZ} are archived: give --archive DIR")
