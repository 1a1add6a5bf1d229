"""The loop around the pipeline: read → decode → apply → publish → commit offsets, strictly in batch order.

Three batches are in progress at a time: while Postgres works on batch n, batch n+1 is read and decoded, and the
outcomes of batch n−1 are published. The guarantee rests on the order apply, publish, commit offsets (ARCHITECTURE): a
crash between two of these steps repeats work, which the ledger recognises. It never skips a step.

If Kafka or Postgres fails, the stream finishes batch n−1 and drops batch n+1. The reader seeks back to the last
finished batch, and the stream tries again, for `GIVE_UP_S` at most. Then the process exits, and its supervisor starts
it again. Any other failure ends the process at once.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import structlog
from aiokafka import TopicPartition

from worker.engine.attempts import GIVE_UP_S, Attempts
from worker.engine.batch import Batch
from worker.engine.messages import Applied
from worker.engine.outgoing import COMMIT_EVERY_S, Outgoing, cancelled
from worker.engine.pipeline import Pipeline
from worker.engine.poison import Poisoned
from worker.kafka.fetched import Fetched
from worker.kafka.publisher import Publisher
from worker.kafka.reader import Reader
from worker.positions import Halt, Partition
from worker.process import errors, faults, metrics
from worker.process.status import Status

_log = structlog.get_logger(__name__)

# How long a read waits for a first record while draining: at most, and while this worker has read its partitions and
# others of the group have not. The last read of a drain finds none.
_DRAIN_WAIT_S, _END_WAIT_S = 0.1, 0.02
# How often the stream looks for due timers and ready documents when nothing tells it that there are any.
_CATCH_UP_EVERY_S = 1.0
# How often a drain in a stream that never pauses asks whether the group has come to the end. Each time, the batches in
# progress end first.
_ASK_EVERY_S = 5.0
# How long a drain waits for due work that it can't decide: another worker of the group may be deciding it.
_LEFT_S = 5.0


class Stream:
    """One reader, one pipeline, one publisher, driven by `run` or `drain`; used once."""

    def __init__(
        self,
        reader: Reader,
        pipeline: Pipeline,
        publisher: Publisher,
        status: Status,
        *,
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._reader = reader
        self._pipeline = pipeline
        self._status = status
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attempts = Attempts(status, self._stopped, give_up_s)
        self._outgoing = Outgoing(reader, pipeline, publisher, self._attempts)
        self._reading: asyncio.Task[tuple[Fetched, Batch]] | None = None
        self._catch_up_at = 0.0
        self._watermarks: dict[Partition, int] = {}
        self._ready = False
        self._ends: dict[TopicPartition, int] | None = None  # of a drain: partitions that the group must still read

    def stop(self) -> None:
        """Finish the batch in progress, publish and commit it. After that `run` and `drain` return."""
        if not self._stopped.done():
            self._stopped.set_result(None)

    async def run(self) -> None:
        """Work until `stop`.

        Raises errors that persist after the retries. Then nothing after the last good batch is committed.
        """
        async with self._hands():
            while not self._stopped.done():
                await self._attempts.run("batch", self._step, self._drop_what_was_read)

    async def drain(self) -> bool:
        """Work until the group has committed each input partition's present end, and nothing is ready.

        Return False if it was stopped before that, or if due work could not be decided. Raises the errors of `run`, and
        Halted if a partition can't be read to its end.
        """
        async with self._hands():
            self._ends, look_at = await self._reader.ends(), time.monotonic() + _ASK_EVERY_S
            give_up_at: float | None = None
            while not self._stopped.done():
                idle = await self._attempts.run("batch", self._step, self._drop_what_was_read)
                if self._reader.halted:
                    raise errors.Halted("halted: " + ", ".join(f"{t}-{p}" for t, p in sorted(self._reader.halted)))
                if not idle and time.monotonic() < look_at:  # look now and then in a stream that never pauses, too
                    continue
                look_at = time.monotonic() + _CATCH_UP_EVERY_S
                await self._outgoing.finish()
                self._ends = await self._reader.short_of(self._ends)
                if self._ends or await self._caught_up_some():
                    continue
                left = await self._attempts.run("work", self._pipeline.left, self._drop_what_was_read)
                if not any(left):
                    return True
                give_up_at = give_up_at or time.monotonic() + _LEFT_S
                if time.monotonic() > give_up_at:
                    _log.error("not_all_done", alert=True, **left._asdict())
                    return False
        return False

    async def _caught_up_some(self) -> bool:
        """Decide due work of a drain. Return False if there was none."""
        return await self._attempts.run("work", partial(self._catch_up, final=True), self._drop_what_was_read)

    @contextlib.asynccontextmanager
    async def _hands(self) -> AsyncIterator[None]:
        try:
            yield
            await self._outgoing.finish()
        finally:
            await cancelled(self._reading)
            await self._outgoing.cancel()

    # --- one batch

    async def _step(self) -> bool:
        """Process one batch, or look for due work if no record came. Return True if there was nothing to do.

        Ready documents take turns with batches from the topics. If no batch has been read, they go on alone.
        """
        if self._ready and self._reading is not None and not self._reading.done():
            return not await self._catch_up()
        taken = await self._take()
        if taken is None:
            return False
        fetched, batch = taken
        if self._reader.is_lost(fetched):
            self._pipeline.reset()
            self._reader.done(fetched)
            return False
        due = time.monotonic() >= self._catch_up_at
        applied = None
        if fetched.records or fetched.positions or due:
            try:
                with metrics.BATCH_SECONDS.labels("apply").time():
                    applied = await self._pipeline.apply(
                        batch, fetched.moved, fetched.positions, self._reader.is_waived
                    )
            except Poisoned as found:
                await self._halt(found.halts)
                return False
            faults.point("after_apply")
        self._watermarks.update(fetched.watermarks)
        await self._hand_over(applied, fetched)
        worked = (due or self._ready) and await self._catch_up()
        self._status.up("stream")
        return not fetched.records and not worked

    async def _halt(self, halts: Mapping[Partition, Halt]) -> None:
        """Halt these partitions, and read the others again. Documents already committed come as duplicates."""
        for at, halt in halts.items():
            self._reader.halt(TopicPartition(*at), halt)
        await self._drop_what_was_read()

    async def _take(self) -> tuple[Fetched, Batch] | None:
        """Return the batch that was read ahead, and begin the next read. None: the stream was told to stop."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_ahead())
        either: set[asyncio.Future[Any]] = {self._reading, self._stopped}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped.done():
            return None
        reading, self._reading = self._reading, None
        fetched, batch = reading.result()
        if late := await self._reader.add_late(fetched):
            batch += self._pipeline.decode(late, time.time_ns() // 1000)
        if fetched.records:
            metrics.BATCH_DOCUMENTS.observe(len(fetched.records))
        self._reading = asyncio.create_task(self._read_ahead())
        return fetched, batch

    async def _read_ahead(self) -> tuple[Fetched, Batch]:
        fetched = await self._reader.read(self._read_wait_s())
        if fetched.records:
            faults.point("after_read")
        with metrics.BATCH_SECONDS.labels("decode").time():
            return fetched, self._pipeline.decode(fetched.records, time.time_ns() // 1000)

    def _read_wait_s(self) -> float:
        """Return how long a read waits for a first record."""
        if self._ends is None:
            return COMMIT_EVERY_S
        return _END_WAIT_S if self._ends and self._reader.reached(self._ends) else _DRAIN_WAIT_S

    async def _catch_up(self, *, final: bool = False) -> bool:
        """Decide parked documents and deadlines as one more batch. Return False if there was none."""
        self._catch_up_at = time.monotonic() + _CATCH_UP_EVERY_S
        applied = await self._pipeline.catch_up(
            final=final, partitions=self._reader.partitions(), watermarks=self._watermarks
        )
        self._ready = False
        self._show_lag()
        if applied is None:
            return False
        await self._hand_over(applied, None)
        return True

    def _show_lag(self) -> None:
        for partition, records in self._reader.lag().items():
            metrics.LAG.labels(partition.topic, partition.partition).set(records)
        for partition, age_s in self._reader.lag_s().items():
            metrics.LAG_SECONDS.labels(partition.topic, partition.partition).set(age_s)
        self._status.tell("accepted_behind_s", round(self._pipeline.accepted_behind_s, 1))

    async def _hand_over(self, applied: Applied | None, fetched: Fetched | None) -> None:
        await self._outgoing.hand_over(applied, fetched)
        self._ready |= applied is not None and applied.ready

    # --- when something fails

    async def _drop_what_was_read(self) -> None:
        """Publish the decided batch, drop the batch read ahead, and read again after the last finished batch."""
        await self._outgoing.flush()
        await cancelled(self._reading)
        self._reading = None
        self._pipeline.failed()
        await self._reader.rewind()
