"""Show answers as tables: for a person at a terminal, and readable in a pipe (no colour, nothing cut off)."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from worker.terminal.values import clean, moment, money, number

_WIDE: Final = 100_000  # a pipe has no width
_NOTHING: Final[Sequence[object]] = (None, [], {})
_GAP: Final = 2  # between columns
_INSTANTS: Final = frozenset({"at", "since", "effective_from"})
_SIGNED: Final = frozenset({"change", "change_minor"})
_GOOD: Final = frozenset({"applied", "approved", "active"})
_BAD: Final = frozenset({"declined", "rejected", "erased", "expired", "frozen", "replaced", "blocked"})

Row = Mapping[str, Any]


class Screen:
    """Stdout. `currency` is that of amounts without one beside them; `money` names further members that are amounts."""

    def __init__(self, currency: str | None = None, money: frozenset[str] = frozenset()) -> None:
        self._console = Console(
            file=sys.stdout,
            width=None if sys.stdout.isatty() else _WIDE,
            markup=False,
            emoji=False,
            highlight=False,
        )
        self._currency = currency
        self._money = money
        self._widths: dict[str, int] = {}
        self._begins = True  # the table that is shown has a header

    def text(self, text: str) -> None:
        """Show text of several lines unchanged."""
        for line in text.splitlines():
            self._console.print(Text(clean(line)), soft_wrap=True)

    def json(self, parsed: object) -> None:
        """Show JSON, indented."""
        self._console.print(Text(json.dumps(parsed, indent=2, ensure_ascii=False)), soft_wrap=True)

    def answer(self, data: Row, more: Row | None = None) -> None:
        """Show the members below each other. A member with members of its own is a table with a title."""
        currency = data.get("currency") or self._currency or _currency_of_card(data)
        parts = {name: value for name, value in data.items() if _is_part(value)}
        pairs = Table.grid(padding=(0, _GAP))
        for name, value in {**data, **(more or {})}.items():
            said_beside = name == "currency" and _has_money(data)
            if name not in parts and value not in _NOTHING and not said_beside:
                label, cell = self._cell(name, value, currency)
                pairs.add_row(Text(label, style="dim"), cell)
        self._console.print(pairs)
        for name, value in parts.items():
            self._console.print()
            rows = value if isinstance(value, list) else [value]
            self.table(rows, title=name.replace("_", " "), currency=currency)

    def table(self, rows: Sequence[Row], *, title: str = "", currency: str | None = None, header: bool = True) -> None:
        """Show a line for each row. The columns are the members that any row has, in their order. Without `header` it
        continues the table before, unless it has other columns.
        """
        cells, numeric = self._cells(rows, title, currency)
        labels = self._widened(cells, header=header)
        if title:  # a title of the table itself would be wrapped to the table's width
            self._console.print(Text(title, style="bold cyan"), soft_wrap=True)
        if self._console.is_terminal and sum(labels.values()) + _GAP * (len(labels) - 1) > self._console.width:
            self._records(cells)
            return
        table = Table(
            *(
                Column(label, justify="right" if label in numeric else "left", overflow="fold", min_width=width)
                for label, width in labels.items()
            ),
            box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=self._begins, header_style="bold",
        )  # fmt: skip
        for line in cells:
            table.add_row(*(line.get(label, Text("")) for label in labels))
        self._console.print(table)

    def _cells(self, rows: Sequence[Row], title: str, currency: str | None) -> tuple[list[dict[str, Text]], set[str]]:
        """Return the cells of each row by label, and the labels of numbers."""
        flat = [dict(_flat(row)) for row in rows]
        if title == "lots":  # no date: the lot never expires
            flat = [{**row, "expires_on": row.get("expires_on", "never")} for row in flat]
        cells: list[dict[str, Text]] = []
        numeric: set[str] = set()
        for row in flat:
            own = row.get("currency") or currency or self._currency
            line = {}
            for name, value in row.items():
                if name == "currency" and _has_money(row):
                    continue
                label, cell = self._cell(name, value, own)
                line[label.upper()] = cell
                if isinstance(value, int) and not isinstance(value, bool):
                    numeric.add(label.upper())
            cells.append(line)
        return cells, numeric

    def _widened(self, cells: Sequence[Mapping[str, Text]], *, header: bool) -> dict[str, int]:
        """Return the width of each column. A table that goes on keeps its columns, at least as wide as before."""
        labels = _in_order(cells)
        self._begins = header or not set(labels) <= self._widths.keys()
        before = {} if self._begins else self._widths
        self._widths = {
            label: max([before.get(label, 0), len(label), *(len(line[label]) for line in cells if label in line)])
            for label in list(before) or labels
        }
        return self._widths

    def _records(self, cells: Sequence[Mapping[str, Text]]) -> None:
        """Show rows that are wider than the terminal, their members below each other."""
        for place, line in enumerate(cells):
            if place:
                self._console.print()
            pairs = Table.grid(padding=(0, _GAP))
            for label, cell in line.items():
                pairs.add_row(Text(label.lower(), style="dim"), cell)
            self._console.print(pairs)

    def _cell(self, name: str, value: object, currency: str | None) -> tuple[str, Text]:
        """Return the label and the text of a cell. An amount without a currency stays in minor units, and its label
        says so.
        """
        label = name.replace("_", " ")
        last = name.rpartition(" ")[2]
        signed = last in _SIGNED
        match value:
            case bool():
                return label, Text("yes" if value else "no")
            case int() if (last.endswith("_minor") or last in self._money) and currency:
                return label.removesuffix(" minor"), Text(money(value, currency, signed=signed))
            case int():
                return label, Text(number(value, signed=signed))
            case dict():
                shown = ", ".join(f"{key}={one}" for key, one in value.items())
            case list():
                shown = ", ".join(map(str, value))
            case str() if last.endswith("_at") or last in _INSTANTS:
                shown = moment(value)
            case _:
                shown = str(value)
        style = "green" if shown in _GOOD else "red" if shown in _BAD else ""
        return label, Text(clean(shown), style=style if last in {"status", "state"} else "")


def _is_part(value: object) -> bool:
    one = value[0] if isinstance(value, list) and value else value
    return isinstance(one, dict) and one != {}


def _has_money(row: Row) -> bool:
    return any(name.endswith("_minor") for name in row)


def _currency_of_card(data: Row) -> str | None:
    cards = data.get("gift_cards") or ()
    return next((card["currency"] for card in cards if "currency" in card), None)


def _flat(row: Row) -> Iterable[tuple[str, Any]]:
    """Return a row without nesting: a document becomes its type and id, other members get a column each."""
    for name, value in row.items():
        if isinstance(value, dict) and set(value) == {"type", "id"}:
            yield name, f"{value['type']} {value['id']}"
        elif isinstance(value, dict) and name != "external_ids":
            yield from _flat(value)
        elif value is not None:
            yield name, value


def _in_order(cells: Sequence[Mapping[str, Text]]) -> list[str]:
    """Return every label. A label that only later rows have follows the label before it there."""
    labels: list[str] = []
    for line in cells:
        place = 0
        for label in line:
            if label in labels:
                place = labels.index(label) + 1
            else:
                labels.insert(place, label)
                place += 1
    return labels
