"""Tables and durations for a person at a terminal, or in a pipe: plain text, as wide as its content."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Final

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_NUMBER_SIGNS: Final = frozenset("0123456789,.-% ")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns, numbers to the right; the last column is not padded."""
    everything = [tuple(head), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*everything, strict=True)]
    right = [all(cell and set(cell) <= _NUMBER_SIGNS for cell in column) for column in zip(*rows, strict=True)]
    right = right or [False] * len(widths)

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join(map(line, everything))


def fields(pairs: Sequence[tuple[str, str]]) -> str:
    """Return a line for each name with its value; those without a value are left out."""
    shown = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in shown)


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: `3 d 4 h`, `12 min`, `2.4 s`, `12 ms`."""
    if 0 < seconds < 1:
        return f"{max(1, seconds * 1000):.0f} ms"
    if seconds < 10:  # noqa: PLR2004  below it, tenths matter
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
    return f"{seconds // _DAY:.0f} d {seconds % _DAY // _HOUR:.0f} h"


def instant(at: datetime | None) -> str:
    """Return a time in UTC, to the second; nothing for None."""
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def shortened(text: str, most: int) -> str:
    """Return the text, cut to `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def for_people() -> bool:
    """Return whether a person is at both ends: stdin and stdout are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()
