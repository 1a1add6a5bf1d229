"""A file to import, CSV or JSONL. It is read and checked as a whole before anything is sent."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from schemas.operations import Operation
from schemas.scalars import canonical_number
from worker.terminal import strict_json
from worker.terminal.body import BodyInvalid, check, put
from worker.terminal.bulk import spreadsheet
from worker.terminal.bulk.row import FileInvalid, FileUnreadable, Layout, Row
from worker.terminal.members import Form, members

MAX_BYTES: Final = 256 << 20
MAX_LINE: Final = 65_536
SHOWN: Final = 20
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """A checked file. `digest` is that of its bytes; with the row's number it makes the row's identity."""

    layout: Layout
    text: str
    digest: str
    is_jsonl: bool
    count: int

    def rows(self) -> Iterator[Row]:
        """Yield the rows in the file's order, read again."""
        return (row for row in _parsed(self.layout, self.text, is_jsonl=self.is_jsonl) if isinstance(row, Row))

    def idempotency_key(self, row: Row) -> str:
        """Return the key of a row: the same row of the same bytes always has the same key."""
        return f"import-{self.digest[:40]}-{row.number}"


def read(path: Path, layout: Layout) -> Source:
    """Return the file, once every row of it fits the layout. Raises FileUnreadable or FileInvalid."""
    raw = _bytes(path)
    text = _text(raw)
    is_jsonl = text.lstrip()[:1] in {"{", "["}
    count = 0
    problems: list[str] = []
    seen: dict[object, int] = {}
    for row in map(partial(_checked, layout.operation), _parsed(layout, text, is_jsonl=is_jsonl)):
        if isinstance(row, FileInvalid):
            problems += row.problems
            continue
        count += 1
        value = _at(row.body, layout.unique)
        if layout.unique[-1] == "number" and isinstance(value, str):
            value = canonical_number(value)
        first = seen.setdefault(value, row.number) if value is not None else row.number
        if first != row.number:
            problems.append(f"row {row.number}: {layout.unique[-1]}: the same as in row {first}")
    if problems:
        more = [f"… and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        raise FileInvalid(*problems[:SHOWN], *more)
    if count == 0:
        raise FileInvalid("there are no rows in it")
    if layout.most is not None and count > layout.most:
        raise FileInvalid(f"{count:,} rows are too many: {layout.most:,} a file at most; split it")
    return Source(layout, text, hashlib.sha256(raw).hexdigest(), is_jsonl, count)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileUnreadable(error.strerror or type(error).__name__) from None
    if len(raw) > MAX_BYTES:
        raise FileInvalid(f"has more than {MAX_BYTES >> 20} MiB; split it")
    return raw


def _text(raw: bytes) -> str:
    if raw.startswith(_UTF_16):
        raise FileInvalid("is UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")  # a spreadsheet's UTF-8 begins with a BOM
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(raw[: error.start].decode("latin-1"))) + 1
        raise FileInvalid(f"line {line}: is not UTF-8; save it as UTF-8") from None
    if not text.strip():
        raise FileInvalid("is empty")
    if "\0" in text:
        line = len(_LINE_END.findall(text[: text.index("\0")])) + 1
        raise FileInvalid(f"line {line}: has a NUL byte; it is no text file")
    for place, one in enumerate(_LINE_END.split(text), 1):
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


def _parsed(layout: Layout, text: str, *, is_jsonl: bool) -> Iterator[Row | FileInvalid]:
    """Yield every row, or its error. An error that makes the rest unreadable comes last."""
    for row in _of_json(layout.operation, text) if is_jsonl else spreadsheet.rows(layout, text):
        yield Row(row.number, {**layout.defaults, **row.body}) if isinstance(row, Row) else row


def _of_json(operation: Operation, text: str) -> Iterator[Row | FileInvalid]:
    known = [member.path for member in members(operation.name)]
    currencies = [member.path for member in members(operation.name) if member.form is Form.CURRENCY]
    for place, line in enumerate(_LINE_END.split(text), 1):
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
            for path in currencies:
                _upper(body, path)
            yield Row(place, body)


def _upper(body: dict[str, Any], path: tuple[str, ...]) -> None:
    if isinstance(value := _at(body, path), str):
        put(body, path, value.upper())


def _unknown(part: Mapping[str, Any], known: Sequence[tuple[str, ...]], path: tuple[str, ...]) -> Iterator[str]:
    """Return members that the API would ignore: a misspelt card number would become a card with another number."""
    for name, value in part.items():
        here = (*path, name)
        if here in known:
            continue
        if isinstance(value, dict) and any(one[: len(here)] == here for one in known):
            yield from _unknown(value, known, here)
        elif value is not None or all(one[: len(here)] != here for one in known):
            yield name
