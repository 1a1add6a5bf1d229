"""The pool of a pipeline that decides in memory."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import asyncpg

from worker.ledger.changes import TABLES, Changes
from worker.ledger.overlay.connection import OverlayConnection
from worker.ledger.overlay.rows import Rows
from worker.ledger.pool import NO_WORKER, Pool, connect
from worker.ledger.queries import Connection
from worker.ledger.roles import Role


class Overlay(Pool):
    """Replaces the pool of a pipeline. `committed` gets the changes of each transaction."""

    def __init__(self, pool: asyncpg.Pool, dsn: str, snapshot: Connection, rows: Rows) -> None:
        super().__init__(pool, dsn, NO_WORKER)
        self._connection = OverlayConnection(snapshot, rows)
        self.committed: Callable[[Changes], None] = lambda _: None

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, dsn: str) -> AsyncIterator["Overlay"]:
        """Open an overlay over one snapshot of the ledger, for as long as the context is open. `dsn` may name a
        standby.
        """
        pool = await connect(dsn, 1, Role.OPS, {"idle_in_transaction_session_timeout": "0"})
        try:
            async with (
                pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                rows = Rows({name: await _columns(connection, name) for name in TABLES})
                with contextlib.closing(rows):
                    yield cls(pool, dsn, cast("Connection", connection), rows)
        finally:
            pool.terminate()

    @property
    def snapshot(self) -> Connection:
        """The connection that reads the snapshot."""
        return self._connection.snapshot

    @property
    def reads(self) -> dict[bytes, bytes]:
        """The snapshot's rows that decisions read: packed [table, *key] → fingerprint of the row."""
        return self._connection.reads

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns of each table."""
        return self._connection.columns

    @property
    def orgs(self) -> dict[int, str]:
        """The tenants that documents named, by number."""
        return self._connection.orgs

    def orgcode(self, org: int) -> str:
        """The tenant of this number."""
        return self._connection.orgs[org]

    async def close(self) -> None:
        """Do nothing: the context that opened the overlay closes the connection."""

    async def stay_known(self) -> None:
        """Do nothing: an overlay writes no batch that other workers would have to publish."""

    async def may_sweep(self) -> bool:
        return False

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Open a transaction. The next transactions see its writes, unless it raises."""
        self._connection.begin()
        async with self._connection.transaction():
            yield self._connection
        self.committed(self._connection.commit())


async def _columns(connection: Any, table: str) -> tuple[str, ...]:  # noqa: ANN401  asyncpg has no types
    rows = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"
        " ORDER BY attnum",
        table,
    )
    return tuple(row["attname"] for row in rows)
