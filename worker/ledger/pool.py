"""Connections, and this process's mark on them: a session advisory lock that tells others that it lives."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import cast

import asyncpg

from worker.ledger.queries import Connection

# Plans by nested loops over the primary keys whatever the statistics say: of a table that is small, or was never
# analysed, the planner would read all for each of a batch's keys, and keep that plan while it grows (measured: a sixth
# of the speed until the first ANALYZE). Nothing that a worker asks wants another plan.
SESSION = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "application_name": "g3n-worker",
}
COMMAND_TIMEOUT_S = 30


class Pool:
    """A few connections to the ledger, and the id under which this worker's batches stand in the journal."""

    def __init__(self, pool: asyncpg.Pool, dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._alive: asyncpg.Connection | None = None
        self.worker = secrets.randbits(62)

    @classmethod
    async def open(cls, dsn: str) -> "Pool":
        pool = await asyncpg.create_pool(
            dsn, min_size=1, max_size=4, command_timeout=COMMAND_TIMEOUT_S, server_settings=SESSION
        )
        ledger = cls(pool, dsn)
        await ledger.stay_known()
        return ledger

    async def close(self) -> None:
        if self._alive is not None and not self._alive.is_closed():
            await self._alive.close()
        await self._pool.close()

    async def stay_known(self) -> None:
        """Hold the lock that says that this worker lives, on a connection of its own."""
        if self._alive is None or self._alive.is_closed():
            self._alive = await asyncpg.connect(self._dsn, command_timeout=COMMAND_TIMEOUT_S)
            await self._alive.execute("SELECT pg_advisory_lock($1)", self.worker)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction; after a fail-over every old connection is dropped."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                yield cast("Connection", connection)
        except (
            asyncpg.ReadOnlySQLTransactionError,
            asyncpg.OperatorInterventionError,
            asyncpg.PostgresConnectionError,
        ):
            await self._pool.expire_connections()
            raise

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection that sees one moment of the ledger and cannot change it."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield cast("Connection", connection)

    @contextlib.asynccontextmanager
    async def rolled_back(self) -> AsyncIterator[Connection]:
        """A connection in a transaction of which nothing remains."""
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield cast("Connection", connection)
            finally:
                await transaction.rollback()

    @staticmethod
    async def batch_no(connection: Connection) -> int:
        return int(await connection.fetchval("SELECT nextval('batch_no')"))
