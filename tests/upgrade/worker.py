"""A worker whose clock is set by hand, fed with recorded documents: bytes in, bytes out, without a broker."""

import json
from collections.abc import Sequence
from typing import Any, Final

from pydantic import SecretStr

from tests.codec.records import Record
from tests.conftest import CARD_KEY
from tests.upgrade.release import Recorded, decoded
from worker.codec import Message
from worker.codec.interface import document, numbered
from worker.engine.batch import Batch
from worker.engine.messages import Applied
from worker.engine.pipeline import Pipeline
from worker.process.settings import Settings

BATCH: Final = 100


class Clocked:
    """A pipeline over a database, and the instant at which it decides."""

    def __init__(self, pipeline: Pipeline, inputs: Sequence[str], now_us: int) -> None:
        self._pipeline = pipeline
        self._inputs = inputs
        self._offset = 0
        self.now_us = now_us

    @classmethod
    async def open(cls, dsn: str, now_us: int) -> "Clocked":
        settings = Settings(
            kafka_bootstrap_servers="127.0.0.1:1", postgres_dsn=SecretStr(dsn), card_key=SecretStr(CARD_KEY)
        )
        names = (settings.topic_sales, settings.topic_returns, settings.topic_tenders, settings.topic_commands)
        return cls(await Pipeline.open(settings), names, now_us)

    async def close(self) -> None:
        await self._pipeline.close()

    async def read(self, recorded: Sequence[Recorded]) -> list[Message]:
        """Return the messages for these records, in batches."""
        messages: list[Message] = []
        for at in range(0, len(recorded), BATCH):
            records = [self._record(one) for one in recorded[at : at + BATCH]]
            applied = await self._pipeline.apply(self._pipeline.decode(records, self.now_us), self._read_until())
            messages += await self._published(applied)
        return messages

    async def ask(self, recorded: Recorded) -> list[Message]:
        """Every outcome of the body of a request."""
        keyring = self._pipeline.keyring(recorded.org)
        data = json.loads(recorded.value)
        body = next(iter(numbered(recorded.type, data, recorded.subject, keyring)), data)
        asked = document(recorded.type, body, keyring, self.now_us, trusted=False, traceparent=None)
        applied = await self._pipeline.apply(Batch([asked], self.now_us), {})
        answer: Any = applied.to_callers[asked]
        assert isinstance(answer, list), f"{recorded.type} {recorded.subject}: {answer}"
        return answer

    async def rest(self) -> list[Message]:
        """Decide everything that is ready or due by now. Return the messages."""
        await self._pipeline.apply(Batch([], self.now_us), self._read_until())
        messages: list[Message] = []
        while (applied := await self._pipeline._waiting.decide_due(self.now_us, final=True)) is not None:
            messages += await self._published(applied)
        return messages

    async def sweep(self) -> list[Message]:
        """Publish the batches that others left unpublished."""
        messages: list[Message] = []
        journal = self._pipeline._journal
        journal.sweep_at = 0.0
        while (applied := await journal.sweep()) is not None:
            messages += await self._published(applied)
            await journal.note({})
            journal.sweep_at = 0.0
        return messages

    def _read_until(self) -> dict[tuple[str, int], int]:
        return {(topic, 0): self.now_us for topic in self._inputs}

    async def _published(self, applied: Applied) -> list[Message]:
        self._pipeline.published(applied.batch_no)
        return applied.messages

    def _record(self, one: Recorded) -> Record:
        self._offset += 1
        headers = decoded(one.headers)
        return Record(one.value.encode(), headers, one.org.encode(), one.topic, 0, self._offset, one.timestamp_ms)
