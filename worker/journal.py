"""The journal of batches: which are published, and those that a crash left unpublished, published again."""

import time
from collections.abc import Mapping

from worker import metrics
from worker.answers import TENDER_STATE, Applied, again, tender_states
from worker.codec import Outlet
from worker.codec.encode import REPLAYED
from worker.ledger import unpublished, write
from worker.ledger.pool import Pool

SWEEP_EVERY_S = 10.0


class Journal:
    """Notes what was published with the next transaction that comes by, and sweeps up after workers that are gone."""

    def __init__(self, pool: Pool, outlet: Outlet) -> None:
        self._pool = pool
        self._outlet = outlet
        self._published: list[int] = []
        self.sweep_at = 0.0

    def published(self, batch_no: tuple[int, ...]) -> None:
        """Every outcome of these batches was acknowledged."""
        self._published += batch_no

    async def note(self, watermarks: Mapping[tuple[str, int], int]) -> None:
        """Write down what was published, and up to which instant the partitions have been read."""
        if not watermarks and not self._published:
            return
        numbers = list(self._published)
        async with self._pool.transaction() as connection:
            await connection.execute("SET LOCAL synchronous_commit = off")  # lost, it is only said again
            await write.watermarks(connection, watermarks)
            await write.mark_published(connection, numbers)
        del self._published[: len(numbers)]

    async def sweep(self) -> Applied | None:
        """What workers that are gone may have left unpublished, now and then; None: nothing, or not yet."""
        if time.monotonic() < self.sweep_at:
            return None
        self.sweep_at = time.monotonic() + SWEEP_EVERY_S
        applied = Applied()
        async with self._pool.transaction() as connection:
            numbers, stored = await unpublished.take(connection, self._pool.worker)
            keys = sorted({(row.org, row.subject) for row in stored if row.type.startswith("scm.tender.")})
            states = await tender_states(connection, keys) if keys else {}
            counts = await unpublished.count(connection)
        metrics.UNPUBLISHED.set(counts.unpublished)
        metrics.PARKED.set(counts.parked)
        metrics.READY_WORK.set(counts.ready)
        for row in stored:
            state = states.get((row.org, row.subject)) if row.type.startswith("scm.tender.") else None
            headers = (REPLAYED,) if state is None else (REPLAYED, (TENDER_STATE, state.encode()))
            applied.messages += again(self._outlet, row.orgcode, row.type, row.subject, row.facts[-1], headers)
        applied.batch_no = tuple(numbers)
        return applied if numbers else None
