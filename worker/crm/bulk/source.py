"""A file of customers or gift cards, CSV or JSONL: read and checked whole before anything is sent.

A row is counted as a spreadsheet counts it: the header is row 1; of JSONL it is the line.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from schemas.operations import Operation
from worker.crm import strict_json
from worker.crm.body import BodyInvalid, check, put
from worker.crm.members import Kind, Member, members

MAX_BYTES: Final = 256 << 20
MAX_LINE: Final = 65_536
SHOWN: Final = 20
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,16}")
_FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_. -]{0,40}")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class FileInvalid(Exception):
    """What is wrong with the file: a line each, of rows, columns and rules; a value stands in none."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Row:
    """A body and where it stands in the file."""

    number: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A checked file; `digest` is that of its bytes, and with the row's number makes the row's identity."""

    operation: Operation
    text: str
    digest: str
    is_jsonl: bool
    count: int

    def rows(self) -> Iterator[Row]:
        """In the file's order, read anew."""
        return (row for row in _parsed(self.operation, self.text, is_jsonl=self.is_jsonl) if isinstance(row, Row))

    def idempotency_key(self, row: Row) -> str:
        """The same for the same row of the same bytes, for ever."""
        return f"import-{self.digest[:40]}-{row.number}"


def read(path: Path, operation: Operation, unique: tuple[str, ...], most: int | None) -> Source:
    """The file, each row checked by the operation's model and `unique` member. Raises FileInvalid."""
    raw = _bytes(path)
    text = _text(raw)
    is_jsonl = text.lstrip()[:1] in {"{", "["}
    count = 0
    problems: list[str] = []
    seen: dict[object, int] = {}
    for row in map(partial(_checked, operation), _parsed(operation, text, is_jsonl=is_jsonl)):
        if isinstance(row, FileInvalid):
            problems += row.problems
            continue
        count += 1
        value = _at(row.body, unique)
        first = seen.setdefault(value, row.number) if value is not None else row.number
        if first != row.number:
            problems.append(f"row {row.number}: {unique[-1]}: the same as in row {first}")
    if problems:
        more = [f"… and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        raise FileInvalid(*problems[:SHOWN], *more)
    if count == 0:
        raise FileInvalid("there are no rows in it")
    if most is not None and count > most:
        raise FileInvalid(f"{count:,} rows are too many: {most:,} a file at most; split it")
    return Source(operation, text, hashlib.sha256(raw).hexdigest(), is_jsonl, count)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileInvalid(error.strerror or type(error).__name__) from None
    if len(raw) > MAX_BYTES:
        raise FileInvalid(f"has more than {MAX_BYTES >> 20} MiB; split it")
    return raw


def _text(raw: bytes) -> str:
    if raw.startswith(_UTF_16):
        raise FileInvalid("is UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")  # a spreadsheet's UTF-8 begins with a BOM
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FileInvalid(f"line {line}: is not UTF-8; save it as UTF-8") from None
    if not text.strip():
        raise FileInvalid("is empty")
    if "\0" in text:
        raise FileInvalid(f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}: has a NUL byte; it is no text file")
    for place, one in enumerate(text.split("\n"), 1):
        if len(one) > MAX_LINE:
            raise FileInvalid(f"line {place}: has more than {MAX_LINE:,} characters")
    return text


def _checked(operation: Operation, row: Row | FileInvalid) -> Row | FileInvalid:
    if isinstance(row, FileInvalid):
        return row
    try:
        check(operation, row.body)
    except BodyInvalid as error:
        return FileInvalid(*(f"row {row.number}: {_as_column(problem)}" for problem in error.problems))
    return row


def _as_column(problem: str) -> str:
    option, colon, rule = problem.partition(": ")
    return f"{option.removeprefix('--').replace('-', '_')}{colon}{rule}" if problem.startswith("--") else problem


def _at(body: Mapping[str, Any], path: tuple[str, ...]) -> object:
    value: Any = body
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _parsed(operation: Operation, text: str, *, is_jsonl: bool) -> Iterator[Row | FileInvalid]:
    """Every row, or what makes it none; what makes the rest unreadable comes last."""
    return _of_json(operation, text) if is_jsonl else _of_csv(operation, text)


def _of_json(operation: Operation, text: str) -> Iterator[Row | FileInvalid]:
    known = [member.path for member in members(operation.name)]
    for place, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            body = strict_json.parsed(line)
        except strict_json.NotJson as error:
            yield FileInvalid(f"row {place}: is not JSON: {str(error).removeprefix('line 1, ')}")
            continue
        if not isinstance(body, dict):
            yield FileInvalid(f"row {place}: is not a JSON object; JSONL has one a line")
        elif strange := sum(1 for _ in _unknown(body, known, ())):
            members_known = ", ".join(map(".".join, known))
            yield FileInvalid(f"row {place}: {strange} unknown member(s); known are {members_known}")
        else:
            yield Row(place, body)


def _unknown(part: Mapping[str, Any], known: Sequence[tuple[str, ...]], path: tuple[str, ...]) -> Iterator[str]:
    """Members that the API would ignore: a misspelt card number would become a card with another number."""
    for name, value in part.items():
        here = (*path, name)
        if here in known:
            continue
        if isinstance(value, dict) and any(one[: len(here)] == here for one in known):
            yield from _unknown(value, known, here)
        elif value is not None or all(one[: len(here)] != here for one in known):
            yield name


def _of_csv(operation: Operation, text: str) -> Iterator[Row | FileInvalid]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _header(operation, next(reader))
        for place, cells in enumerate(reader, 2):
            if any(cell.strip() for cell in cells):
                yield _row(place, columns, cells)
    except FileInvalid as error:
        yield error
    except csv.Error as error:
        yield FileInvalid(f"line {reader.line_num}: {error} (a quote that is not closed, or not doubled?)")


_Column = tuple[Member, str | None]  # of PAIRS: with the name after the point


def _header(operation: Operation, cells: list[str]) -> list[_Column]:
    if len(cells) == 1 and (sign := next((sign for sign in ";\t|" if sign in cells[0]), None)):
        raise FileInvalid(f"columns are separated by {'tabs' if sign == chr(9) else sign}; use commas")
    known = {member.name: member for member in members(operation.name)}
    columns: list[_Column] = []
    for place, cell in enumerate(cells, 1):
        name, _, key = cell.strip().partition(".")
        member = known.get(name)
        if member is None or (member.kind is Kind.PAIRS) is not bool(key):
            shown = f" ({cell.strip()})" if _NAME.fullmatch(cell.strip()) else ""  # a file without a header has values
            raise FileInvalid(f"row 1: column {place}{shown} is unknown; the columns are {_columns(operation)}")
        if (member, key or None) in columns:
            raise FileInvalid(f"row 1: column {place} is there twice")
        columns.append((member, key or None))
    missing = [name for name, member in known.items() if member.required and member not in {one for one, _ in columns}]
    if missing:
        raise FileInvalid(f"row 1: missing: {', '.join(missing)}; the columns are {_columns(operation)}")
    return columns


def _columns(operation: Operation) -> str:
    return ", ".join(
        f"{member.name}.NAME" if member.kind is Kind.PAIRS else member.name for member in members(operation.name)
    )


def _row(place: int, columns: list[_Column], cells: list[str]) -> Row | FileInvalid:
    if len(cells) != len(columns):
        return FileInvalid(f"row {place}: has {len(cells)} cells, the header {len(columns)}")
    body: dict[str, Any] = {}
    for (member, key), cell in zip(columns, map(str.strip, cells), strict=True):
        if not cell:
            continue
        if member.kind is Kind.INTEGER and not _INTEGER.fullmatch(cell):
            return FileInvalid(f"row {place}: {member.name}: must be a whole number")
        if member.kind is Kind.FLAG and cell.lower() not in _FLAGS:
            return FileInvalid(f"row {place}: {member.name}: must be true or false")
        put(body, member.path if key is None else (*member.path, key), _value(member, cell))
    return Row(place, body)


def _value(member: Member, cell: str) -> object:
    match member.kind:
        case Kind.INTEGER:
            return int(cell)
        case Kind.FLAG:
            return _FLAGS[cell.lower()]
        case _:
            return cell
