"""The report of a rebuild, for people and for programs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

import orjson

from schemas.scalars import format_instant
from worker.ops.rebuild.compare import Difference
from worker.ops.table import table

MOST = 20  # differences of accounts, and of outcomes, that are named


@dataclass(slots=True)
class Compared:
    """The numbers of compared and of different rows, and the first differences."""

    compared: int = 0
    different: int = 0
    first: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        self.different += 1
        if self.different <= MOST:
            self.first.append(difference)


@dataclass(slots=True)
class Report:
    """`missing`: documents of the live ledger that the topics don't have, by topic; "" if no topic ever had them.

    `complete_since`: None if no record was ever removed from a topic.
    """

    decisions: int
    missing: dict[str, int]
    complete_since: datetime | None
    accounts: Compared = field(default_factory=Compared)
    outcomes: Compared = field(default_factory=Compared)

    @property
    def is_equal(self) -> bool:
        return not (self.accounts.different or self.outcomes.different)


def as_json(report: Report) -> str:
    since = report.complete_since
    return orjson.dumps(
        {
            "equal": report.is_equal,
            "decisions": report.decisions,
            "complete_since": None if since is None else format_instant(int(since.timestamp() * 1_000_000)),
            "missing": report.missing,
            "accounts": _json(report.accounts),
            "outcomes": _json(report.outcomes),
        }
    ).decode()


def _json(compared: Compared) -> dict[str, object]:
    first = [one._asdict() for one in compared.first]
    return {**asdict(compared), "first": first}


def text(report: Report) -> Iterator[str]:
    """Return the lines of a report."""
    rows = [["", "compared", "different"]]
    for name, one in (("accounts", report.accounts), ("documents and notices", report.outcomes)):
        rows.append([name, f"{one.compared:,}", f"{one.different:,}"])
    yield from table(rows, (0,))
    yield ""
    if report.complete_since is None:
        yield "The topics are complete: no record was removed from them."
    else:
        yield f"The topics are complete since {report.complete_since:%Y-%m-%dT%H:%M:%SZ}. Older records were removed."
    for topic, count in report.missing.items():
        where = f"{topic} no longer has them" if topic else "crm.accepted does not have them, or not any more"
        yield f"  {count:,} documents of the live ledger could not be decided again: {where}."
    for title, one in (("Accounts that differ", report.accounts), ("Outcomes that differ", report.outcomes)):
        if not one.different:
            continue
        yield ""
        yield title
        for difference in one.first:
            yield f"  {difference.orgcode} {difference.about}"
            yield f"    {difference.what}"
        if one.different > len(one.first):
            yield f"  … and {one.different - len(one.first):,} more"
    yield ""
    yield "The two ledgers are equal." if report.is_equal else "The two ledgers differ."
