"""Connections, and this process's mark on them: a session advisory lock that tells others that it lives."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from hashlib import blake2b
from typing import Self, cast

import asyncpg

from worker.ledger import arrays
from worker.ledger.commit import Committing
from worker.ledger.queries import Connection
from worker.ledger.roles import Role
from worker.process.errors import OperatorError

# Plans by nested loops over the primary keys whatever the statistics say: of a table that is small, or was never
# analysed, the planner would read all for each of a batch's keys, and keep that plan while it grows (measured: a sixth
# of the speed until the first ANALYZE). Nothing that a worker asks wants another plan.
SESSION = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "lock_timeout": "5s",
    "statement_timeout": "0",  # it would cancel a COMMIT that waits for a standby
    "idle_in_transaction_session_timeout": "5s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "application_name": "g3n-worker",
}
COMMAND_TIMEOUT_S = 30
CONNECTIONS = 4
# The worker's number of a batch that came in through an interface. Nobody holds its lock, as if the worker were gone:
# so any worker publishes the batch.
NO_WORKER = 0
# Held by the worker that publishes what others left behind, so that two do not publish the same: any number.
SWEEP = 0x63726D_5EEB


def taken(instance: str) -> str:
    """Return what to tell a person if another worker has the name."""
    return f"another worker runs as {instance}: give each its own G3N_WORKER_INSTANCE"


class Pool:
    """A few connections to the ledger, and the id under which this worker's batches stand in the journal."""

    def __init__(self, pool: asyncpg.Pool, dsn: str, worker: int) -> None:
        self._pool = pool
        self._dsn = dsn
        self._alive: asyncpg.Connection | None = None
        self._sweeps = False
        self._looking: asyncpg.Connection | None = None
        self._instance: str | None = None
        self.worker = worker
        self.latest_batch = 0

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """Of a worker, which publishes what it decides."""
        ledger = cls(await connect(dsn, CONNECTIONS, Role.WORKER), dsn, secrets.randbits(62))
        await ledger.stay_known()
        return ledger

    @classmethod
    async def of_interface(cls, dsn: str, connections: int, role: Role = Role.API) -> "Pool":
        """Of an interface, whose batches are left to the workers to publish."""
        return cls(await connect(dsn, connections, role), dsn, NO_WORKER)

    async def close(self) -> None:
        """Close every connection."""
        self._stop_looking()
        if self._alive is not None and not self._alive.is_closed():
            await self._alive.close()
        await self._pool.close()

    async def stay_known(self) -> None:
        """Hold the lock that says that this worker lives, on a connection of its own."""
        if self._alive is None or self._alive.is_closed():
            self._sweeps = False
            self._alive = await asyncpg.connect(self._dsn, command_timeout=COMMAND_TIMEOUT_S)
            await self._locked("SELECT pg_advisory_lock($1)", self.worker)
            if self._instance is not None and not await self.claim(self._instance):
                raise OperatorError(taken(self._instance))

    async def claim(self, instance: str) -> bool:
        """Whether this process alone runs under that name, from now until its end."""
        self._instance = instance
        lock = int.from_bytes(blake2b(instance.encode(), digest_size=8, person=b"g3n-instance").digest(), signed=True)
        return bool(await self._locked("SELECT pg_try_advisory_lock($1)", lock))

    async def look(self, within_s: float) -> None:
        """Ask Postgres for nothing, on a connection of its own: a pool whose connections are all in use says nothing
        about Postgres. Raises TimeoutError if there is no answer in time, and what asyncpg raises.
        """
        try:
            async with asyncio.timeout(within_s):
                if self._looking is None or self._looking.is_closed():
                    self._looking = await asyncpg.connect(self._dsn, timeout=within_s)
                await self._looking.fetchval("SELECT 1")
        except BaseException:
            self._stop_looking()
            raise

    async def gone(self, workers: Collection[int], within_s: float) -> set[int]:
        """Those of the workers whose locks are free, so that they have ended. Raises as `look`, which it does too."""
        await self.look(within_s)
        assert self._looking is not None  # noqa: S101  look made it
        rows = await self._looking.fetch(
            "SELECT n FROM unnest($1::bigint[]) AS n WHERE pg_try_advisory_xact_lock(n)", list(workers)
        )
        return {row["n"] for row in rows}

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.terminate()
            self._looking = None

    async def may_sweep(self) -> bool:
        """Whether this worker alone publishes what others left behind, from now until `swept` or its end."""
        await self.stay_known()
        if not self._sweeps:
            self._sweeps = bool(await self._locked("SELECT pg_try_advisory_lock($1)", SWEEP))
        return self._sweeps

    async def swept(self) -> None:
        """Let another worker sweep."""
        if self._sweeps:
            self._sweeps = False
            await self._locked("SELECT pg_advisory_unlock($1)", SWEEP)

    async def _locked(self, query: str, lock: int) -> object:
        """Ask on the connection that holds the locks. One that fails is dropped, and the locks with it."""
        assert self._alive is not None  # noqa: S101  stay_known made it
        try:
            return await self._alive.fetchval(query, lock)
        except BaseException:
            self._alive.terminate()
            self._alive, self._sweeps = None, False
            raise

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction; its COMMIT is never cancelled. A failover drops the old connections."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                yield cast("Connection", connection)
        except (
            asyncpg.ReadOnlySQLTransactionError,
            asyncpg.OperatorInterventionError,
            asyncpg.PostgresConnectionError,
            asyncpg.InternalClientError,
        ):
            await self._pool.expire_connections()
            raise

    @contextlib.asynccontextmanager
    async def holding(self, lock_class: int, number: int) -> AsyncIterator[bool]:
        """Hold an advisory lock on a connection of its own as long as the context is open; False: another has it."""
        async with self._pool.acquire() as connection:
            yield bool(await connection.fetchval("SELECT pg_try_advisory_lock($1::int, $2::int)", lock_class, number))

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

    async def batch_no(self, connection: Connection) -> int:
        """Return a number for the transaction's batch. `latest_batch` remembers it, committed or not."""
        self.latest_batch = int(await connection.fetchval("SELECT nextval('batch_no')"))
        return self.latest_batch


async def connect(
    dsn: str, connections: int, role: Role, settings: Mapping[str, str] = SESSION, timeout_s: float = COMMAND_TIMEOUT_S
) -> asyncpg.Pool:
    """Open connections that act as `role`, whoever the DSN logs in as. `settings` add to `SESSION`; `timeout_s` is a
    statement's.
    """
    arrays.install()
    return await asyncpg.create_pool(
        dsn, min_size=1, max_size=connections, command_timeout=timeout_s, connection_class=Committing,
        server_settings={**SESSION, **settings, "role": role.value},
    )  # fmt: skip
