"""A stream on a real broker, with a pipeline that records its calls."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.structs import ConsumerRecord

from worker.codec import Message
from worker.engine.messages import Applied
from worker.engine.stream import Stream
from worker.ledger.deadlines import Left
from worker.positions import Partition, Position
from worker.process.status import Status


@dataclass
class Recorder:
    """Answers each record with one message; keeps what it applied, as a ledger would, duplicates told apart."""

    answers: str
    applied: list[bytes] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    duplicates: int = 0
    resets: int = 0
    published_no: list[int] = field(default_factory=list)
    ready: list[bytes] = field(default_factory=list)
    watermarks: dict[tuple[str, int], int] = field(default_factory=dict)
    turns: list[str] = field(default_factory=list)
    accepted_behind_s: float = 0.0
    before_apply: Callable[[list[bytes]], None] = lambda _: None
    during_apply: Callable[[list[bytes]], Awaitable[object]] = lambda _: asyncio.sleep(0)

    def decode(self, records: Sequence[ConsumerRecord], now_us: int) -> list[bytes]:
        assert now_us > 0
        return [record.value for record in records]

    async def apply(
        self,
        batch: list[bytes],
        watermarks: Mapping[Partition, int],
        positions: Mapping[Partition, Position],
        waived: Callable[[ConsumerRecord], bool],
    ) -> Applied:
        assert positions.keys() >= watermarks.keys()
        assert callable(waived)
        self.watermarks |= watermarks
        if not batch:
            return Applied()
        self.before_apply(batch)
        await self.during_apply(batch)
        self.duplicates += len(set(batch) & set(self.applied))
        self.applied += batch
        self.batches.append(len(batch))
        self.turns.append("batch")
        return self._answer(batch, ready=False)

    async def left(self) -> Left:
        return Left(0, len(self.ready))

    async def catch_up(
        self, *, final: bool, partitions: Mapping[str, int] | None, watermarks: Mapping[Partition, int]
    ) -> Applied | None:
        self.watermarks |= watermarks
        assert final in (True, False)
        assert partitions is not None
        if not self.ready:
            return None
        self.turns.append("catch_up")
        return self._answer([self.ready.pop()], ready=bool(self.ready))

    def _answer(self, values: list[bytes], *, ready: bool) -> Applied:
        return Applied([Message(self.answers, b"k", value) for value in values], (len(self.batches),), ready=ready)

    def published(self, batch_no: tuple[int, ...], accepted: Sequence[Message]) -> None:
        assert not accepted
        self.published_no += batch_no

    def failed(self) -> None:
        self.resets += 1


@dataclass
class Rig:
    source: str
    answers: str
    pipeline: Recorder
    stream: Stream
    status: Status


NewRig = Callable[..., Any]
