"""A connection that sends the small writes of a batch as one statement.

Each statement is a round trip to Postgres, and a COPY is two: 0.15 ms each on an idle system, 0.9 ms under load. The
writes of a batch don't read what the others write. So those that `MAY_WAIT` wait until another statement comes, or the
end of the transaction. If they have few rows, they become parts of one statement (`WITH … AS (UPDATE …)`). Many rows go
table by table, and new ones by COPY, which costs less for each row.

The statements are those of sql/. An INSERT for the rows of a COPY takes its columns from the COPY and their types from
the catalogue, so no column has a second name here.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from functools import cache, partial
from typing import Any, Final, NamedTuple

from worker.ledger.queries import SQL, Connection

# Above this number of rows, round trips are a small part of the time, and COPY writes less WAL than INSERT.
FEW: Final = 400
# None of these reads what another one of them writes, and none changes a row that another one changes. delete_timer is
# not one of them: a deadline may set the next one of the same key.
MAY_WAIT: Final = frozenset(
    SQL[name] for name in ("update_account", "update_event", "update_tender", "upsert_customer", "insert_timer")
)
COPIES_WAIT: Final = frozenset({"account", "event", "tender", "transfer", "card_number", "consent", "accepted"})

_PARAMETER: Final = re.compile(r"\$(\d+)")
_COMMENT: Final = re.compile(r"^--.*\n", re.MULTILINE)
_TYPES = (
    "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
    " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"
)
_types: dict[str, dict[str, str]] = {}


class _Update(NamedTuple):
    query: str
    args: tuple[Any, ...]  # columns

    @property
    def rows(self) -> int:
        return len(self.args[0])


class _Copy(NamedTuple):
    table: str
    records: Sequence[tuple[Any, ...]]
    columns: tuple[str, ...]

    @property
    def rows(self) -> int:
        return len(self.records)


class Together:
    """A connection in a transaction. `send` must come before the transaction ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: dict[str, _Update | _Copy] = {}

    async def fetch(self, query: str, *args: Any) -> list[Any]:  # noqa: ANN401  as Connection's
        await self.send()
        return await self._connection.fetch(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:  # noqa: ANN401  as Connection's
        await self.send()
        return await self._connection.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:  # noqa: ANN401  as Connection's
        if query in MAY_WAIT:
            await self._wait(query, _Update(query, args))
            return ""
        await self.send()
        return await self._connection.execute(query, *args)

    async def copy_records_to_table(self, table: str, *, records: Any, columns: Any) -> str:  # noqa: ANN401  as Connection's
        if table in COPIES_WAIT:
            await self._wait(table, _Copy(table, records, tuple(columns)))
            return ""
        await self.send()
        return await self._connection.copy_records_to_table(table, records=records, columns=columns)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Open a savepoint. A rollback also drops the writes that wait."""
        await self.send()
        async with self._connection.transaction():
            try:
                yield
                await self.send()
            finally:
                self._waiting.clear()

    async def _wait(self, what: str, write: _Update | _Copy) -> None:
        if what in self._waiting:  # it may change the same rows once more
            await self.send()
        self._waiting[what] = write

    async def send(self) -> None:
        """Send the writes that wait."""
        writes = list(self._waiting.values())
        self._waiting.clear()
        if sum(write.rows for write in writes) > FEW:
            for write in writes:
                await self._one(write)
        elif writes:
            parts = [await self._part(write) for write in writes]
            values = [value for _, of_part in parts for value in of_part]
            await self._connection.execute(_together(tuple(text for text, _ in parts)), *values)

    async def _one(self, write: _Update | _Copy) -> None:
        if isinstance(write, _Update):
            await self._connection.execute(write.query, *write.args)
        else:
            await self._connection.copy_records_to_table(write.table, records=write.records, columns=write.columns)

    async def _part(self, write: _Update | _Copy) -> tuple[str, Sequence[Any]]:
        if isinstance(write, _Update):
            return write.query, write.args
        if write.table not in _types:
            rows = await self._connection.fetch(_TYPES, write.table)
            _types[write.table] = {row["attname"]: row["type"] for row in rows}
        types = tuple(_types[write.table][name] for name in write.columns)
        return _insert(write.table, write.columns, types), list(zip(*write.records, strict=True))


@cache
def _insert(table: str, columns: tuple[str, ...], types: tuple[str, ...]) -> str:
    """Return the INSERT of a COPY's rows."""
    arrays = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(types, 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608  names of ours


@cache
def _together(queries: tuple[str, ...]) -> str:
    """Return one statement that executes all.

    Postgres promises no order of the parts. It executes the last of the list first, so the list is reversed: two
    workers write tables in the same order, whether together or not. In another order, they would collide more often.
    """
    parts, before = [], 0
    for query in queries:
        parts.append(_PARAMETER.sub(partial(_later, before), _COMMENT.sub("", query)))
        before += len(set(_PARAMETER.findall(query)))
    named = ", ".join(f"part_{place} AS ({text})" for place, text in reversed(list(enumerate(parts))))
    return f"WITH {named} SELECT"


def _later(places: int, found: re.Match[str]) -> str:
    return f"${int(found[1]) + places}"
