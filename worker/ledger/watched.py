"""A pool that reports the changes of each transaction."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, cast

from worker.ledger import changes
from worker.ledger.changes import TABLES, Changes, Key, Row
from worker.ledger.pool import Pool
from worker.ledger.queries import SQL, Connection

# Reads by primary key: their table, and whose arguments are the keys.
_READS: Final = {
    SQL["load_event"]: "event",
    SQL["lock_event"]: "event",
    SQL["lock_account"]: "account",
    SQL["lock_tender"]: "tender",
}
# Reads of accounts by other columns; the tenants are the first argument.
_FOUND: Final = frozenset({SQL["lock_leading"], SQL["read_members"]})


class Watched(Pool):
    """A Pool whose `committed` gets the changes of each transaction once it is committed.

    `silent`: the batches are noted as published in their own transaction, so nobody publishes their outcomes.
    """

    committed: Callable[[Changes], None]
    silent: bool = False

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with super().transaction() as connection:
            watching = _Connection(connection, silent=self.silent)
            yield cast("Connection", watching)
        self.committed(watching.changes)


class _Connection:
    """Passes every statement on, and notes the rows that it reads and writes."""

    def __init__(self, connection: Connection, *, silent: bool) -> None:
        self._connection = connection
        self._silent = silent
        self._seen: dict[tuple[str, Key], Row] = {}
        self.changes = Changes()

    async def fetch(self, query: str, *args: Any) -> list[Any]:  # noqa: ANN401  as Connection's
        rows = await self._connection.fetch(query, *args)
        table = _READS.get(query)
        if table is not None:
            keys = list(zip(*args, strict=True))
            for row in rows:
                at = (table, keys[row["place"] - 1])
                self._seen[at] = {**self._seen.get(at, {}), **row}
        elif query in _FOUND:
            for row in rows:
                self._seen["account", (args[0][row["place"] - 1], row["kind"], row["key"])] = dict(row)
        return rows

    async def fetchval(self, query: str, *args: Any) -> Any:  # noqa: ANN401  as Connection's
        value = await self._connection.fetchval(query, *args)
        if query == SQL["insert_batch"] and self._silent:  # a rebuild has no positions
            await self._connection.execute(SQL["mark_published"], [args[0]])
        return value

    async def execute(self, query: str, *args: Any) -> str:  # noqa: ANN401  as Connection's
        done = await self._connection.execute(query, *args)
        if query in changes.WRITES:
            self._note(changes.WRITES[query], changes.updated(query, args))
        return done

    async def copy_records_to_table(self, table: str, *, records: Any, columns: Any) -> str:  # noqa: ANN401  as Connection's
        done = await self._connection.copy_records_to_table(table, records=records, columns=columns)
        rows = changes.copied(columns, records)
        if table == "transfer":
            self.changes.transfers += rows
        elif table in TABLES:
            self._note(table, rows)
        return done

    def _note(self, table: str, rows: Sequence[Row]) -> None:
        for row in rows:
            key = TABLES[table].key_of(row)
            before = self._seen.get((table, key))
            self.changes.note(table, key, before, changes.merged(before, row))

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Open a savepoint. A rollback also forgets its changes."""
        kept = self.changes
        self.changes = Changes()
        try:
            async with self._connection.transaction():
                yield
        except BaseException:
            self.changes = kept
            raise
        kept.add(self.changes)
        self.changes = kept
