"""An audit's report as text, JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, fields
from typing import Any, Final

from worker.ops.audit.audit import MOST, Report
from worker.ops.audit.coverage import Covered
from worker.ops.audit.finance import Liability, TrialLine
from worker.ops.audit.finding import CHECKS, Finding
from worker.ops.audit.tie_out import Line
from worker.ops.table import table

_SHOWN: Final = 20
COVERED: Final = tuple(one.name for one in fields(Covered))
TIED: Final = tuple(one.name for one in fields(Line))


def text(report: Report) -> Iterator[str]:
    """Return lines for a terminal of 80 columns."""
    as_of = f", reports as of {report.as_of:%Y-%m-%d %H:%M:%S %Z}" if report.as_of else ""
    yield f"Audit of {report.made_at:%Y-%m-%d %H:%M:%S} UTC{as_of}"
    yield ""
    for name, found in report.checks.items():
        yield f"  {'ok   ' if not found else f'{found:>4,} '} {name:<9} {CHECKS[name]}"
    if report.coverage is None:
        yield "  -     coverage  the topics were not read: --coverage does"
    if report.tie_out is None:
        yield "  -     tie-out   tills and outcomes were not compared: --tie-out does"
    yield from _findings(report)
    yield from _coverage(report)
    yield from _tie_out(report)
    yield ""
    yield "Trial balance (minor units, points)"
    yield from _indented(
        [["tenant", "contra", "unit", "to accounts", "from accounts", "net"]]
        + [
            [one.orgcode, one.contra, one.unit, _n(one.issued), _n(one.taken), _n(one.issued - one.taken)]
            for one in report.finance.trial
        ],
        (0, 1, 2),
    )
    yield ""
    yield "Outstanding, by origin and by time since the account last moved"
    yield from _indented(
        [["tenant", "what", "unit", "origin", "age", "accounts", "positive", "negative"]]
        + [
            [one.orgcode, one.kind, one.unit, one.origin, one.age, _n(one.accounts), _n(one.positive), _n(one.negative)]
            for one in report.finance.liabilities
        ],
        (0, 1, 2, 3, 4),
    )
    yield ""
    total = sum(report.checks.values())
    yield "All is accounted for." if report.is_clean else f"{total:,} findings: the ledger is not as it should be."


def _findings(report: Report) -> Iterator[str]:
    if report.is_clean:
        return
    yield ""
    yield "Findings"
    for finding in report.findings[:_SHOWN]:
        yield f"  {finding.check}: {' '.join(filter(None, (finding.orgcode, finding.about)))}"
        yield f"    {finding.what}"
    if len(report.findings) > _SHOWN:
        yield f"  … and {len(report.findings) - _SHOWN:,} more: --format json names {MOST} of each check"


def _coverage(report: Report) -> Iterator[str]:
    if report.coverage is None:
        return
    yield ""
    yield "Offsets"
    heads = ["partition", *(name.replace("_", " ") for name in COVERED[2:])]
    rows = [
        [f"{one.topic}-{one.partition}", *(_n(getattr(one, name)) for name in COVERED[2:])] for one in report.coverage
    ]
    yield from _indented([heads, *rows], (0,))


def _tie_out(report: Report) -> Iterator[str]:
    if report.tie_out is None:
        return
    yield ""
    yield "Tie-out by store and business day (minor units)"
    rows = [
        [one.orgcode, one.store, f"{one.day}", one.what, one.currency]
        + [_n(number) for number in (one.documents, one.asked, one.short, one.booked, one.told)]
        for one in report.tie_out
    ]
    yield from _indented([["tenant", *TIED[1:]], *rows], (0, 1, 2, 3, 4))


def _indented(rows: Sequence[Sequence[str]], words: tuple[int, ...]) -> Iterator[str]:
    yield from (f"  {line}" for line in table(rows, words))


def _n(number: int) -> str:
    return f"{number:,}"


def as_json(report: Report) -> str:
    """Return the whole report, for programs."""
    return json.dumps(
        {
            "made_at": report.made_at.isoformat(),
            "as_of": report.as_of and report.as_of.isoformat(),
            "clean": report.is_clean,
            "checks": [{"check": name, "holds": CHECKS[name], "found": n} for name, n in report.checks.items()],
            "findings": [one._asdict() for one in report.findings],
            "coverage": None if report.coverage is None else [asdict(one) for one in report.coverage],
            "tie_out": None
            if report.tie_out is None
            else [{**asdict(one), "day": f"{one.day}"} for one in report.tie_out],
            "trial_balance": [one._asdict() for one in report.finance.trial],
            "outstanding": [one._asdict() for one in report.finance.liabilities],
            "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
        },
        indent=2,
    )


def as_csv(report: Report) -> str:
    """Return findings, coverage, tie-out, trial balance and liabilities as tables, each with its heading."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    tables: tuple[tuple[Sequence[str], Sequence[Any]], ...] = (
        (Finding._fields, report.findings),
        *([] if report.coverage is None else [(COVERED, [astuple(one) for one in report.coverage])]),
        *([] if report.tie_out is None else [(TIED, [astuple(one) for one in report.tie_out])]),
        (TrialLine._fields, report.finance.trial),
        (Liability._fields, report.finance.liabilities),
    )
    for place, (names, rows) in enumerate(tables):
        if place:
            out.write("\n")
        writer.writerow(names)
        writer.writerows(rows)
    return out.getvalue()
