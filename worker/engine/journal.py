"""The journal of batches: which are published, and which the sweep must publish for interfaces and for gone workers."""

import time
from collections.abc import Mapping, Sequence

import asyncpg
import structlog

from worker.codec import Decoder, Message, Outlet
from worker.codec.encode import REPLAYED
from worker.engine.messages import TENDER_STATE, Applied, Headers, stored_messages, tender_states, trace_headers
from worker.ledger import accepted, housekeeping, unpublished, write
from worker.ledger.commit import write_something
from worker.ledger.pool import Pool
from worker.ledger.queries import SQL
from worker.positions import Partition, Position
from worker.process import errors, metrics

_log = structlog.get_logger(__name__)

SWEEP_EVERY_S = 0.5  # how late the sweep publishes an interface's outcomes; `catch_up` is called once a second
COUNT_EVERY_S = 10.0


class Journal:
    """Records published batches with the next transaction, and publishes the batches of workers that are gone."""

    def __init__(self, pool: Pool, outlet: Outlet, decoder: Decoder, *, crash: bool = False) -> None:
        """`crash`: as for `Pipeline`."""
        self._pool = pool
        self._decoder = decoder
        self._erased: list[bytes] = []
        self.accepted_behind_s = 0.0
        self._outlet = outlet
        self._crash = crash
        self._published: list[int] = []
        self._swept: set[int] = set()  # batches of others that are being published
        self._own_until = 0  # own batches up to this number are published, or committed without an answer
        self._count_at = 0.0
        self._house_at = 0.0
        self.sweep_at = 0.0

    def forget(self) -> None:
        """Forget the batches that are being published. They may have been dropped, but they are still in the ledger."""
        self._swept.clear()

    def failed(self) -> None:
        """Note that a batch failed, and that all batches before it are published. If the answer to COMMIT was lost, the
        batch may be committed. Its documents come again as duplicates, but their batch is unknown. So the sweep must
        publish it.
        """
        self._own_until = self._pool.latest_batch

    def published(self, batch_no: tuple[int, ...], erased: Sequence[bytes] = ()) -> None:
        """Note that Kafka acknowledged every outcome of these batches, and every tombstone of these keys."""
        self._published += batch_no
        self._erased += erased

    async def note(
        self, watermarks: Mapping[Partition, int], positions: Mapping[Partition, Position] = write.NOWHERE
    ) -> None:
        """Record which batches were published, and how far the partitions have been read."""
        if not watermarks and not positions and not self._published and not self._erased:
            return
        numbers, erased = list(self._published), list(self._erased)
        async with self._pool.transaction() as connection:
            self._pool.compared(positions.values())
            if not positions:  # losing the note only repeats messages; a lost position would be behind the offset
                await connection.execute("SET LOCAL synchronous_commit = off")
            await write.watermarks(connection, watermarks, positions)
            await write.mark_published(connection, numbers)
            await accepted.published(connection, numbers, erased)
        del self._published[: len(numbers)]
        del self._erased[: len(erased)]
        self._swept.difference_update(numbers)

    async def sweep(self) -> Applied | None:
        """Return outcomes that no other process publishes. None: there are none, it is too early, or another worker
        sweeps.

        One worker sweeps at a time, until its batches are recorded as published. Otherwise two would publish the same.
        """
        if self._swept or time.monotonic() < self.sweep_at:
            return None
        self.sweep_at = time.monotonic() + SWEEP_EVERY_S
        await self._count()
        if not await self._pool.may_sweep():
            return None
        await self._keep_house()
        async with self._pool.transaction() as connection:
            numbers, stored = await unpublished.read(connection, self._pool.worker, self._own_until)
            before = [row for row in stored if row.maybe_published and row.type.startswith("scm.tender.")]
            keys = sorted({(row.org, row.subject) for row in before})
            states = await tender_states(connection, keys) if keys else {}
            documents = await accepted.read(connection, numbers, self._decoder.accepted, self._decoder.safe)
            if numbers:
                await write_something(connection)
        if not numbers and not documents:
            await self._pool.swept()
            return None
        self._swept.update(numbers)
        applied = Applied(batch_no=tuple(numbers), ready=True, accepted=documents)  # there may be more
        for row in stored:
            applied.messages += self._again(row, states.get((row.org, row.subject)))
        return applied

    def _again(self, row: unpublished.Stored, state: str | None) -> list[Message]:
        """Return the stored outcomes of a document. If they can't be encoded, the others are published without them."""
        try:
            return stored_messages(self._outlet, row.orgcode, row.type, row.subject, row.outcomes, _headers(row, state))
        except Exception as error:
            if self._crash:
                raise
            metrics.FAILURES.labels("outcome").inc()
            _log.error("outcome_failed", type=row.type, subject=row.subject, orgcode=row.orgcode, exc_info=error)
            return []

    async def _keep_house(self) -> None:
        if time.monotonic() < self._house_at:
            return
        self._house_at = time.monotonic() + housekeeping.EVERY_S
        try:
            await housekeeping.keep(self._pool)
        except asyncpg.PostgresError as error:  # no document waits for it
            if self._crash or errors.retriable(error):
                raise
            metrics.FAILURES.labels("housekeeping").inc()
            _log.exception("housekeeping_failed")

    async def _count(self) -> None:
        if time.monotonic() < self._count_at:
            return
        self._count_at = time.monotonic() + COUNT_EVERY_S
        async with self._pool.transaction() as connection:
            counts = await unpublished.count(connection)
            self.accepted_behind_s = float(await connection.fetchval(SQL["oldest_accepted"]) or 0)
        metrics.ACCEPTED_BEHIND.set(self.accepted_behind_s)
        metrics.UNPUBLISHED.set(counts.unpublished)
        metrics.PARKED.set(counts.parked)
        metrics.READY_WORK.set(counts.ready)


def _headers(row: unpublished.Stored, state: str | None) -> Headers:
    """Return the headers. A worker that is gone may have published the outcome; nobody has published an interface's."""
    if not row.maybe_published:
        return trace_headers(row.traceparent)
    return (REPLAYED,) if state is None else (REPLAYED, (TENDER_STATE, state.encode()))
