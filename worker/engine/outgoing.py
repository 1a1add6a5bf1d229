"""Publish a batch's outcomes, tell the journal, and commit offsets, one batch after the other."""

import asyncio
import contextlib
import time
from functools import partial
from typing import Any, Final

from worker.engine.attempts import Attempts
from worker.engine.messages import Applied
from worker.engine.pipeline import Pipeline
from worker.kafka.fetched import Fetched
from worker.kafka.publisher import Publisher
from worker.kafka.reader import Reader
from worker.process import faults, metrics

# How long offsets may stay uncommitted when few records come in.
COMMIT_EVERY_S: Final = 0.25


class Outgoing:
    """Publishes one batch at a time, while the next one is decided."""

    def __init__(self, reader: Reader, pipeline: Pipeline, publisher: Publisher, attempts: Attempts) -> None:
        self._reader = reader
        self._pipeline = pipeline
        self._publisher = publisher
        self._attempts = attempts
        self._publishing: asyncio.Task[None] | None = None
        self._committed_at = 0.0

    async def hand_over(self, applied: Applied | None, fetched: Fetched | None) -> None:
        """Start to publish a batch's outcomes, once the batch before it is published."""
        await self.flush()
        self._publishing = asyncio.create_task(self._publish(applied or Applied(), fetched))

    async def flush(self) -> None:
        """Wait until the batch that was handed over is published. Raises if it can't be."""
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            await publishing

    async def _publish(self, applied: Applied, fetched: Fetched | None) -> None:
        """`fetched` is None if no record was decided; then there are no offsets to commit."""
        if applied.accepted:  # before their outcomes, so that every published document can be read again
            await self._attempts.run("publish", partial(self._publisher.publish, applied.accepted))
            faults.point("after_accepted")
        if applied.messages:
            with metrics.BATCH_SECONDS.labels("publish").time():
                publish = partial(self._publisher.publish, applied.messages)
                await self._attempts.run("publish", publish)
            faults.point("after_publish")
        if applied.batch_no or applied.accepted:
            self._pipeline.published(applied.batch_no, applied.accepted)
        if fetched is None:
            return
        self._reader.done(fetched)
        now_s = time.time()
        for written_ms in fetched.tenders_ms:
            if written_ms > 0:
                metrics.TENDER_SECONDS.observe(max(0.0, now_s - written_ms / 1000))
        if fetched.full or time.monotonic() - self._committed_at >= COMMIT_EVERY_S:
            await self._commit()

    async def _commit(self) -> None:
        with metrics.BATCH_SECONDS.labels("commit").time():
            committed = await self._reader.commit()
        self._committed_at = time.monotonic()
        if committed:
            faults.point("after_offsets")

    async def finish(self) -> None:
        """Publish all batches that were handed over, and commit their offsets."""
        await self.flush()
        await self._commit()

    async def cancel(self) -> None:
        """Stop publishing. The batch is in the ledger, and a sweep publishes it."""
        await cancelled(self._publishing)


async def cancelled(task: "asyncio.Task[Any] | None") -> None:
    """Cancel the task, if there is one, and wait until it has ended."""
    if task is not None and not task.done():
        task.cancel()
    if task is not None:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
