"""The files of one release: written when it is recorded, read by the test of every later one."""

import base64
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from worker.codec import Message
from worker.ledger import migrate

FOLDER: Final = Path(__file__).parent
_ROWS_OF = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
_COLUMNS_OF = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_SEQUENCES = """
SELECT schemaname || '.' || sequencename AS name, last_value FROM pg_sequences WHERE last_value IS NOT NULL ORDER BY 1
"""


@dataclass(frozen=True)
class Recorded:
    """A record of a topic, or the body of a request: `topic` is empty. `outcomes`: ids, in the order of publication."""

    org: str
    type: str
    subject: str
    topic: str
    timestamp_ms: int
    value: str
    headers: Sequence[Sequence[str]]
    outcomes: Sequence[str] = ()


@dataclass(frozen=True)
class Said:
    """A message as it was published; `value` as text, which keeps every byte of UTF-8."""

    topic: str
    key: str
    value: str

    @classmethod
    def of(cls, message: Message) -> "Said":
        return cls(message.topic, (message.key or b"").decode(), (message.value or b"").decode())

    @property
    def id(self) -> str:
        return str(json.loads(self.value)["id"])


def releases() -> list[str]:
    return sorted(path.name for path in FOLDER.glob("v*"))


def documents(release: str) -> list[Recorded]:
    return [Recorded(**line) for line in _lines(FOLDER / release / "documents.jsonl.gz")]


def published(release: str) -> dict[str, Said]:
    """By the id of the envelope."""
    said = (Said(**line) for line in _lines(FOLDER / release / "published.jsonl.gz"))
    return {one.id: one for one in said}


def write(release: str, recorded: Sequence[Recorded], said: Mapping[str, Said], rows: bytes) -> None:
    """Make the release's folder. The same content gives the same bytes."""
    (FOLDER / release).mkdir(exist_ok=True)
    _pack(release, "ledger.sql.gz", rows)
    _pack(release, "documents.jsonl.gz", _text(recorded))
    _pack(release, "published.jsonl.gz", _text(list(said.values())))


def _text(lines: Sequence[Recorded] | Sequence[Said]) -> bytes:
    return "".join(json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in lines).encode()


def _pack(release: str, name: str, content: bytes) -> None:
    (FOLDER / release / name).write_bytes(gzip.compress(content, 9, mtime=0))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


# --- the database ----------------------------------------------------------------------------------------------------


async def dump(connection: asyncpg.Connection) -> bytes:
    """All rows and sequences, as psql would read them."""
    parts = []
    for (table,) in await connection.fetch(_ROWS_OF):
        columns = [row["attname"] for row in await connection.fetch(_COLUMNS_OF, table)]
        rows = io.BytesIO()
        # An identity column's value comes with its row: COPY takes it as it is.
        await connection.copy_from_table(table, output=rows, columns=columns)
        if rows.getvalue():
            parts.append(f"COPY {table} ({', '.join(columns)}) FROM stdin;\n".encode() + rows.getvalue() + b"\\.\n")
    for name, last in await connection.fetch(_SEQUENCES):
        parts.append(f"SELECT setval('{name}', {last});\n".encode())
    return b"".join(parts)


async def restore(connection: asyncpg.Connection, release: str) -> None:
    """The release's database, in an empty one: its own migrations and no later ones, then its rows."""
    with gzip.open(FOLDER / release / "ledger.sql.gz") as file:
        statements = list(_statements(file.read()))
    applied = next(rows for statement, rows in statements if statement.startswith("COPY migration "))
    numbers = {int(line.split(b"\t")[0]) for line in applied.splitlines()}
    await connection.execute(migrate.JOURNAL)
    for number, _, sql in migrate.files():
        if number in numbers:
            await connection.execute(sql)
    for statement, rows in statements:
        if statement.startswith("COPY "):
            table, _, columns = statement.removeprefix("COPY ").partition(" (")
            names = columns.partition(")")[0].split(", ")
            await connection.copy_to_table(table, source=io.BytesIO(rows), columns=names)
        else:
            await connection.execute(statement)


def _statements(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Each statement, and the rows that follow it."""
    lines = iter(text.splitlines(keepends=True))
    for line in lines:
        rows = []
        if line.startswith(b"COPY "):
            for row in lines:
                if row == b"\\.\n":
                    break
                rows.append(row)
        yield line.decode().rstrip("\n"), b"".join(rows)


def encoded(headers: Sequence[tuple[str, bytes | None]]) -> list[list[str]]:
    return [[name, base64.b64encode(value or b"").decode()] for name, value in headers]


def decoded(headers: Sequence[Sequence[str]]) -> list[tuple[str, bytes]]:
    return [(name, base64.b64decode(value)) for name, value in headers]
