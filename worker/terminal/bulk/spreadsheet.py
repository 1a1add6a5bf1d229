"""Read the rows of a CSV file. The header names members of the body, with `_` as in the API."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from worker.terminal.body import put, put_amounts
from worker.terminal.bulk.row import FileInvalid, Layout, Row
from worker.terminal.figures import NotAFigure, whole
from worker.terminal.members import Form, Member, amounts, members

_FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_. -]{0,40}")
# Excel shows 6006490000000017 as 6.00649E+15 and saves what it shows.
_POWER: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
_FREE_TEXT: Final = frozenset({"name", "email", "reason", "source", "actor"})

_Column = tuple[Member, str | None]  # of PAIRS: with the name after the point


def rows(layout: Layout, text: str) -> Iterator[Row | FileInvalid]:
    """Yield every row, or its error. An error that makes the rest unreadable comes last."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _header(layout, next(reader))
        for place, cells in enumerate(reader, 2):
            if any(cell.strip() for cell in cells):
                yield _row(layout, place, columns, [cell.strip() for cell in cells])
    except FileInvalid as error:
        yield error
    except csv.Error as error:
        yield FileInvalid(f"line {reader.line_num}: {error} (a quote that is not closed, or not doubled?)")


def _header(layout: Layout, cells: list[str]) -> list[_Column]:
    if len(cells) == 1 and (sign := next((sign for sign in ";\t|" if sign in cells[0]), None)):
        raise FileInvalid(f"columns are separated by {'tabs' if sign == chr(9) else sign}; use commas")
    known = _known(layout.operation.name)
    columns: list[_Column] = []
    for place, cell in enumerate(cells, 1):
        name, _, key = cell.strip().partition(".")
        member = known.get(name)
        if member is None or (member.form is Form.PAIRS) is not bool(key):
            shown = f" ({cell.strip()})" if _NAME.fullmatch(cell.strip()) else ""  # a file without a header has values
            raise FileInvalid(f"row 1: column {place}{shown} is unknown; the columns are {_named(known)}")
        if (member, key or None) in columns:
            raise FileInvalid(f"row 1: column {place} is there twice")
        columns.append((member, key or None))
    paths = {member.path for member, _ in columns}
    needed = [name for name, member in known.items() if member.required and name not in layout.defaults]
    if missing := [name for name in needed if known[name].path not in paths]:
        raise FileInvalid(f"row 1: missing: {', '.join(missing)}; the columns are {_named(known)}")
    return columns


def _known(operation: str) -> dict[str, Member]:
    return {member.name: member for member in (*members(operation), *amounts(operation))}


def _named(known: Mapping[str, Member]) -> str:
    return ", ".join(f"{name}.NAME" if member.form is Form.PAIRS else name for name, member in known.items())


def _row(layout: Layout, place: int, columns: list[_Column], cells: list[str]) -> Row | FileInvalid:
    if len(cells) != len(columns):
        return FileInvalid(f"row {place}: has {len(cells)} cells, the header {len(columns)}")
    if _is_header(columns, cells):
        return FileInvalid(f"row {place}: is a second header; delete it: only row 1 names the columns")
    body: dict[str, Any] = {}
    written: dict[str, Any] = {}
    for (member, key), cell in zip(columns, cells, strict=True):
        if not cell:
            continue
        try:
            written[member.name] = _value(member, cell)
        except NotAFigure as error:
            return FileInvalid(f"row {place}: {member.name}: {error}{_second_header(place, cell)}")
        if member.form is not Form.AMOUNT and member.path:
            put(body, member.path if key is None else (*member.path, key), written[member.name])
    try:
        put_amounts(layout.operation, body, written)
    except NotAFigure as error:
        return FileInvalid(f"row {place}: {str(error).removeprefix('--').replace('-', '_', 1)}")
    return Row(place, body)


def _is_header(columns: list[_Column], cells: list[str]) -> bool:
    """Return whether each cell has its column's name, in any spelling: concatenated files have several headers."""
    names = [f"{member.name}.{key}" if key else member.name for member, key in columns]
    return all(_letters(cell) == _letters(name) for name, cell in zip(names, cells, strict=True) if cell)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _second_header(place: int, cell: str) -> str:
    return " (is row 2 a second header? delete it)" if place == 2 and cell[:1].isalpha() else ""  # noqa: PLR2004


def _value(member: Member, cell: str) -> object:
    if member.name not in _FREE_TEXT and _POWER.fullmatch(cell):
        raise NotAFigure(
            "a spreadsheet has rounded this number: format the column as text and enter it again "
            "(a value that really has this form can be imported as JSONL)"
        )
    match member.form:
        case Form.INTEGER:
            return whole(cell, signed=member.is_signed, unit=member.unit)
        case Form.FLAG if cell.lower() not in _FLAGS:
            raise NotAFigure("must be true or false")
        case Form.FLAG:
            return _FLAGS[cell.lower()]
        case Form.CURRENCY:
            return cell.upper()
        case _:
            return cell
