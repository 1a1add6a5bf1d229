"""An audit's report as one self-contained, printable HTML page."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from html import escape
from typing import Final

from worker.ops.audit.audit import Report
from worker.ops.audit.finance import AGES
from worker.ops.audit.finding import CHECKS
from worker.ops.audit.report import COVERED, TIED

_STYLE: Final = """
body { font: 14px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1f; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { padding: .6rem 1rem; border-left: 6px solid #2b7a3d; background: #eef7f0; font-weight: 600; }
.verdict.bad { border-color: #b3261e; background: #fbeceb; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.bad { color: #b3261e; font-weight: 600; }
svg text { font: 12px system-ui, sans-serif; fill: #1b1b1f; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""
_COLOURS: Final = ("#1f6f8b", "#5aa9c2", "#c9a227", "#b3261e")
_WIDTH, _BAR, _LEFT = 760, 22, 220


def page(report: Report) -> str:
    """The page."""
    clean = report.is_clean
    total = sum(report.checks.values())
    verdict = "All is accounted for." if clean else f"{total:,} findings: the ledger is not as it should be."
    as_of = f"; reports as of {report.as_of:%Y-%m-%d %H:%M:%S %Z}" if report.as_of else ""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Audit of the ledger</title>",
        f"<style>{_STYLE}</style><h1>Audit of the ledger</h1>",
        f"<p>{report.made_at:%Y-%m-%d %H:%M:%S} UTC{as_of}</p>",
        f'<p class="verdict{"" if clean else " bad"}">{verdict}</p>',
        "<h2>Checks</h2>",
        _table(("check", "what holds", "found"), [(n, CHECKS[n], found) for n, found in report.checks.items()]),
    ]
    if report.findings:
        parts += ["<h2>Findings</h2>", _table(("check", "tenant", "about", "what is wrong"), report.findings)]
    if report.coverage is not None:
        heads = [name.replace("_", " ") for name in COVERED]
        parts += ["<h2>Offsets</h2>", _table(heads, [astuple(one) for one in report.coverage])]
    if report.tie_out is not None:
        legend = (
            "Minor units. asked: by the tills' documents; short: refused with a reason; booked: in the ledger; told: in"
            " the published outcomes."
        )
        parts.append(f"<h2>Tie-out by store and business day</h2><p>{legend}</p>")
        parts.append(_table(("tenant", *TIED[1:]), [astuple(one) for one in report.tie_out]))
    parts += [
        "<h2>Trial balance</h2><p>Minor units, or points.</p>",
        _table(
            ("tenant", "contra account", "unit", "to accounts", "from accounts", "net"),
            [(*one, one.issued - one.taken) for one in report.finance.trial],
        ),
        "<h2>Outstanding</h2>",
    ]
    parts += [_ageing(report, at) for at in sorted({(one.orgcode, one.unit) for one in report.finance.liabilities})]
    parts.append(
        _table(
            ("tenant", "what", "unit", "origin", "age", "accounts", "positive", "negative"), report.finance.liabilities
        )
    )
    return "".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = list(rows)
    numeric = [bool(body) and all(isinstance(row[at], int) for row in body) for at in range(len(heads))]
    head = "".join(f"<th{_class(numeric[at])}>{escape(name)}</th>" for at, name in enumerate(heads))
    lines = [
        "<tr>" + "".join(f"<td{_class(numeric[at])}>{_cell(value)}</td>" for at, value in enumerate(row)) + "</tr>"
        for row in body
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _class(numeric: object) -> str:
    return ' class="n"' if numeric else ""


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _ageing(report: Report, at: tuple[str, str]) -> str:
    """Return a bar for each kind and origin, divided by age."""
    bars: dict[str, dict[str, int]] = {}
    for one in report.finance.liabilities:
        if (one.orgcode, one.unit) == at:
            name = one.kind if one.origin == "points" else f"{one.kind}, {one.origin}"
            bar = bars.setdefault(name, dict.fromkeys(AGES.values(), 0))
            bar[one.age] += one.positive
    most = max((sum(bar.values()) for bar in bars.values()), default=0) or 1
    height = _BAR * (len(bars) + 2)
    svg = [f'<svg viewBox="0 0 {_WIDTH} {height}" width="100%" role="img" aria-label="outstanding by age">']
    svg.append(f'<text x="0" y="14" font-weight="600">{escape(at[0])}, {escape(at[1])}: outstanding by age</text>')
    for row, (name, bar) in enumerate(bars.items(), 1):
        top, x = row * _BAR + 4, float(_LEFT)
        svg.append(f'<text x="0" y="{top + 13}">{escape(name)}</text>')
        for colour, value in zip(_COLOURS, bar.values(), strict=True):
            width = value / most * (_WIDTH - _LEFT - 130)
            svg.append(f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{_BAR - 6}" fill="{colour}"/>')
            x += width
        svg.append(f'<text x="{x + 6:.1f}" y="{top + 13}">{sum(bar.values()):,}</text>')
    x = float(_LEFT)
    for colour, name in zip(_COLOURS, AGES.values(), strict=True):
        top = height - _BAR + 4
        svg.append(f'<rect x="{x:.0f}" y="{top}" width="12" height="12" fill="{colour}"/>')
        svg.append(f'<text x="{x + 16:.0f}" y="{top + 11}">{escape(name)}</text>')
        x += 110
    return "".join([*svg, "</svg>"])
