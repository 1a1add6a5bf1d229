"""Tills that don't wait for one another: each document is published when it is due, whether or not others are answered.

A latency is the time from when a tender was due until its outcome is read. So if the worker stands still, all tenders
that fall due meanwhile count, not only the first.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench import workload
from bench.arena import WrongResult, partitions_of
from bench.shop import Shop
from worker.codec import Message

TENDERS = "scm.tenders"
_TICK_S = 0.002
# As Kafka's own clients have it since version 4. Without it, a broker of two cores takes 1,200 requests a second for
# 3,000 documents, as if each till had a producer of its own and the two cores to itself.
_LINGER_MS = 5
_ANSWERED_WITHIN_S = 120.0
_ids = itertools.count()


@dataclass
class Waits:
    """The times that tenders waited, in seconds."""

    due: dict[str, float] = field(default_factory=dict)
    waited_s: dict[str, float] = field(default_factory=dict)

    @property
    def unanswered(self) -> int:
        return len(self.due) - len(self.waited_s)

    def quantile_s(self, part: float) -> float:
        """Return the wait that `part` of the tenders did not exceed; unanswered ones count as still waiting."""
        now = time.monotonic()
        waits = sorted(self.waited_s.get(id_, now - due) for id_, due in self.due.items())
        return waits[min(len(waits) - 1, int(part * len(waits)))]

    def __str__(self) -> str:
        p50, p99, most = (1000 * self.quantile_s(part) for part in (0.5, 0.99, 1.0))
        return f"{len(self.due):,} tenders, p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, at most {most:,.0f} ms"


class Tills:
    """Publishes documents on time, and notes when the tenders among them are answered."""

    def __init__(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self._producer = producer
        self._consumer = consumer
        self._waits = Waits()

    async def play(self, documents: Iterable[Message], rate: float, until: Callable[[], bool] | None = None) -> Waits:
        """Publish `rate` documents a second, until all are published or `until` is true. Then wait for every answer."""
        self._waits = waits = Waits()
        listening = asyncio.create_task(self._listen(waits))
        began = time.monotonic()
        try:
            for number, message in enumerate(documents):
                due = began + number / rate
                while (early_s := due - time.monotonic()) > 0:  # noqa: ASYNC110  time itself is waited for
                    await asyncio.sleep(min(early_s, _TICK_S))
                if until is not None and until():
                    break
                if message.topic.endswith(TENDERS):
                    waits.due[(message.key or b"").decode()] = due
                await self._producer.send(message.topic, message.value, message.key)
            await self._producer.flush()
            await self._answered(waits)
        finally:
            listening.cancel()
        return waits

    async def _listen(self, waits: Waits) -> None:
        async for record in self._consumer:
            id_ = orjson.loads(record.value)["subject"]
            if id_ in waits.due:
                waits.waited_s.setdefault(id_, time.monotonic() - waits.due[id_])

    async def _answered(self, waits: Waits) -> None:
        give_up_at = time.monotonic() + _ANSWERED_WITHIN_S
        while waits.unanswered:
            if time.monotonic() > give_up_at:
                raise WrongResult(f"{waits.unanswered} of {len(waits.due)} tenders are not answered")
            await asyncio.sleep(_TICK_S)


def requests(prefix: str) -> Iterator[Message]:
    """Yield tenders of tills, each on another gift card, endlessly."""
    shop = Shop(prefix)
    for number in _ids:
        yield shop.tender(f"till-{number}", number % workload.CARDS)


@asynccontextmanager
async def tills(settings: Mapping[str, str]) -> AsyncIterator[Tills]:
    """Return tills on the topics of a worker with these settings."""
    servers = settings["G3N_KAFKA_BOOTSTRAP_SERVERS"]
    outcomes = settings["G3N_TOPIC_PREFIX"] + settings["G3N_TOPIC_TENDER_OUTCOMES"]
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=_LINGER_MS)
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    async with producer, consumer:
        consumer.assign(await partitions_of(consumer, outcomes))
        await consumer.seek_to_end()
        yield Tills(producer, consumer)
