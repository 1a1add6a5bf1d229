"""Connections to the ledger, and a session advisory lock that tells other workers that this process lives."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Self, cast

import asyncpg

from worker.ledger import arrays
from worker.ledger.commit import Committing
from worker.ledger.queries import Connection
from worker.ledger.roles import Role
from worker.ledger.together import Together
from worker.positions import Position
from worker.process.errors import OperatorError, SessionEnded, Unavailable

# Plans use nested loops over the primary keys, whatever the statistics say. Of a table that is small, or was never
# analysed, the planner would read all rows for each of a batch's keys, and keep that plan while the table grows
# (measured: a sixth of the speed until the first ANALYZE). No statement of a worker needs another plan.
SESSION = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "lock_timeout": "5s",
    "statement_timeout": "0",  # a timeout would cancel a COMMIT that waits for a standby
    "idle_in_transaction_session_timeout": "5s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "application_name": "g3n-worker",
}
# Workers and the API repeat their statements. For a few keys, Postgres estimates that a plan of their own costs less
# than the plan for any number of keys. So it would plan each execution of a small batch anew.
_PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan"}
COMMAND_TIMEOUT_S = 30
CONNECTIONS = 4
# The worker number of batches that came through an interface. Nobody holds its lock, as if that worker were gone. So
# any worker publishes the batch.
NO_WORKER = 0
# The lock of the worker that sweeps, so that two workers don't publish the same batches. The number is arbitrary.
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
        self._renewing, self._asking = asyncio.Lock(), asyncio.Lock()
        self.unknown = asyncio.Event()  # the connection that holds the locks has ended
        self._sweeps = False
        self._looking: asyncpg.Connection | None = None
        self._instance: str | None = None
        self.session = 0  # counts the sessions that held this worker's lock
        self.worker = worker
        self.latest_batch = 0

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """Open the pool of a worker, which publishes its own batches."""
        ledger = cls(await connect(dsn, CONNECTIONS, Role.WORKER), dsn, secrets.randbits(62))
        await ledger.stay_known()
        return ledger

    @classmethod
    async def of_interface(cls, dsn: str, connections: int, role: Role = Role.API) -> "Pool":
        """Open the pool of an interface. The workers publish its batches."""
        return cls(await connect(dsn, connections, role), dsn, NO_WORKER)

    async def close(self) -> None:
        """Close every connection."""
        self._stop_looking()
        if self._alive is not None and not self._alive.is_closed():
            await self._alive.close()
        await self._pool.close()

    async def stay_known(self) -> None:
        """Hold the lock that says that this worker lives, on a connection of its own. Call it again if that ends."""
        async with self._renewing:
            self.unknown.clear()
            if self._alive is not None and not self._alive.is_closed():
                return
            self._sweeps = False
            self._alive = await asyncpg.connect(self._dsn, command_timeout=COMMAND_TIMEOUT_S)
            self.session += 1
            self._alive.add_termination_listener(lambda _: self.unknown.set())
            await self._locked("SELECT pg_advisory_lock($1)", self.worker)
            if self._instance is not None and not await self.claim(self._instance):
                self._let_go()
                raise OperatorError(taken(self._instance))

    def compared(self, positions: Iterable[Position]) -> None:
        """Raise SessionEnded if any position was compared in a session of the lock that has ended.

        The pool replaces ended connections without a word. So the server may be another one by now, a standby that was
        promoted or a restored backup, which lacks what this worker has read. Call it with a connection in hand: a
        later failover ends that one, too.
        """
        known = None if self._alive is None or self._alive.is_closed() else self.session
        if any(one.session not in {None, known} for one in positions):
            raise SessionEnded

    async def claim(self, instance: str) -> bool:
        """Claim the name for this process until its end. Return False if another process has it."""
        self._instance = instance
        lock = int.from_bytes(blake2b(instance.encode(), digest_size=8, person=b"g3n-instance").digest(), signed=True)
        return bool(await self._locked("SELECT pg_try_advisory_lock($1)", lock))

    async def look(self, within_s: float) -> None:
        """Check that Postgres answers, on a connection of its own, because a pool whose connections are all in use says
        nothing about Postgres. Raises TimeoutError if there is no answer in time, and asyncpg's errors.
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
        """Return those workers whose locks are free, because they have ended. Also does what `look` does, and raises
        the same.
        """
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
        """Return whether this worker may sweep. If so, no other worker sweeps until `swept` or the end of this
        process.
        """
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
        """Query on the connection that holds the locks. A connection that fails is dropped, and its locks with it."""
        async with self._asking:
            if self._alive is None:  # it has failed since `stay_known`
                raise Unavailable("the connection that holds this worker's locks is lost")
            try:
                return await self._alive.fetchval(query, lock)
            except BaseException:
                self._let_go()
                raise

    def _let_go(self) -> None:
        if self._alive is not None:
            self._alive.terminate()
        self._alive, self._sweeps = None, False

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction, whose COMMIT is never cancelled. A failover drops the old
        connections.
        """
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                together = Together(cast("Connection", connection))
                yield together
                await together.send()
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
        lock = lock_class, number
        async with self._pool.acquire() as connection:
            held = bool(await connection.fetchval("SELECT pg_try_advisory_lock($1::int, $2::int)", *lock))
            try:
                yield held
            finally:
                if held:  # a connection that was lost has lost the lock, too
                    with contextlib.suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError):
                        await connection.execute("SELECT pg_advisory_unlock($1::int, $2::int)", *lock)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Yield a connection that reads one snapshot of the ledger and can't write."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield cast("Connection", connection)

    @contextlib.asynccontextmanager
    async def rolled_back(self) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction that is rolled back at the end."""
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield cast("Connection", connection)
            finally:
                await transaction.rollback()

    async def batch_no(self, connection: Connection) -> int:
        """Return a number for the transaction's batch. `latest_batch` keeps it, committed or not."""
        self.latest_batch = int(await connection.fetchval("SELECT nextval('batch_no')"))
        return self.latest_batch


async def connect(
    dsn: str, connections: int, role: Role, settings: Mapping[str, str] = SESSION, timeout_s: float = COMMAND_TIMEOUT_S
) -> asyncpg.Pool:
    """Open connections that act as `role`, whatever login the DSN has. `settings` add to `SESSION`; `timeout_s` is a
    statement's.
    """
    arrays.install()
    plans = _PLANNED_ONCE if role in {Role.WORKER, Role.API} else {}
    return await asyncpg.create_pool(
        dsn, min_size=1, max_size=connections, command_timeout=timeout_s, connection_class=Committing,
        server_settings={**SESSION, **plans, **settings, "role": role.value},
    )  # fmt: skip
