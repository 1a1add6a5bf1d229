"""Documents that arrive together share a transaction: while one batch commits, the next one gathers."""

import asyncio
import time
from dataclasses import dataclass, field

import structlog

from schemas.reasons import DeadLetterReason
from worker.api.watch import Watch
from worker.codec import Document, Message
from worker.engine.batch import Batch
from worker.engine.pipeline import Pipeline
from worker.process import errors, metrics

_log = structlog.get_logger(__name__)

Answer = list[Message] | DeadLetterReason
"""Every outcome that the document has so far, the latest last; or why it has none."""


@dataclass(slots=True, eq=False)
class _Waiting:
    document: Document
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batcher:
    """Decides one batch at a time, of all documents that wait when the previous batch is done. A lone document does not
    wait. `shares.Divided` limits how many wait.
    """

    def __init__(self, pipeline: Pipeline, watch: Watch) -> None:
        self._pipeline = pipeline
        self._watch = watch
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()

    async def decide(self, document: Document) -> Answer:
        """Return the document's answer once it is committed. Raises what kept the batch from being committed.

        A caller who gives up while the document waits takes it out. Once its batch has begun, it is decided all the
        same.
        """
        waiting = _Waiting(document)
        self._waiting.append(waiting)
        self._arrived.set()
        return await waiting.answer

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._waiting = [one for one in self._waiting if not one.answer.done()], []
            if batch:
                await self._decide(batch)

    async def _decide(self, batch: list[_Waiting]) -> None:
        """Answer every caller. If the failure is one document's, only its sender hears of it: the pipeline finds it."""
        metrics.BATCH_DOCUMENTS.observe(len(batch))
        try:
            with metrics.BATCH_SECONDS.labels("apply").time():
                applied = await self._pipeline.apply(Batch([one.document for one in batch], time.time_ns() // 1000), {})
        except Exception as error:  # noqa: BLE001  no document is to blame; the next batch is tried
            self._pipeline.reset()
            self._failed(batch, error)
            return
        for one in batch:
            if not one.answer.done():
                one.answer.set_result(applied.to_callers[one.document])

    def _failed(self, batch: list[_Waiting], error: Exception) -> None:
        if errors.retriable(error):
            _log.warning("batch_failed", documents=len(batch), error=errors.describe(error))
            self._watch.look_now()
        for one in batch:
            if not one.answer.done():
                one.answer.set_exception(_as_told(error))


def _as_told(error: Exception) -> Exception:
    """Return an exception for each waiting caller: a shared one would collect everybody's frames."""
    if errors.retriable(error):
        return errors.Unavailable(errors.describe(error))
    return error
