"""Publish documents by hand, and wait for their outcomes or dead letters."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from schemas.envelope import CONTENT_TYPE, OUTCOME_PREFIX
from worker.kafka.security import PLAINTEXT, Security
from worker.kafka.topics import Topics, dead_letter
from worker.positions import Place
from worker.process.errors import Unavailable, describe

_HEADERS: Final = (("content-type", CONTENT_TYPE.encode()),)
_ACK_S: Final = 30.0
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A document as a record of its topic, and its identity."""

    topic: str
    key: bytes
    value: bytes
    orgcode: str
    type: str
    subject: str

    @property
    def outcome(self) -> tuple[str, str, str]:
        """Return orgcode, type and subject in the envelope of an outcome (contract §3.2)."""
        return self.orgcode, OUTCOME_PREFIX + self.type.removeprefix("scm.").removeprefix("crm."), self.subject


@dataclass(frozen=True, slots=True)
class Fate:
    """The result of a document: an outcome, or a dead letter with its reason and detail."""

    outcome: bytes | None
    dead_letter: str = ""


class Exchange:
    """A producer, and a reader of the topics in which the answers appear."""

    def __init__(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer | None, topics: Topics) -> None:
        self._producer = producer
        self._consumer = consumer
        self._dead_letters = {dead_letter(topic): topic for topic in topics.inputs}

    async def publish(self, documents: Sequence[Outgoing]) -> list[Place]:
        """Publish in order. Return each document's position, once all in-sync replicas have it. Raises Unavailable."""
        places: list[Place] = []
        try:
            async with asyncio.timeout(_ACK_S + len(documents) / _AT_ONCE):
                for start in range(0, len(documents), _AT_ONCE):
                    sent = [
                        await self._producer.send(one.topic, one.value, one.key, headers=list(_HEADERS))
                        for one in documents[start : start + _AT_ONCE]
                    ]
                    kept = await asyncio.gather(*sent)
                    places += [Place(one.topic, one.partition, one.offset) for one in kept]
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(
                f"Kafka acknowledged {len(places):,} of {len(documents):,} documents: {describe(error)}"
            ) from error
        return places

    async def fates(
        self, documents: Sequence[Outgoing], places: Sequence[Place], timeout_s: float
    ) -> AsyncIterator[tuple[int, Fate]]:
        """Yield the index and the fate of each document as it becomes known, for `timeout_s` at most."""
        assert self._consumer is not None  # noqa: S101  # opened to wait
        waiting = set(range(len(documents)))
        by_outcome: dict[tuple[str, str, str], list[int]] = {}
        for index, document in enumerate(documents):
            by_outcome.setdefault(document.outcome, []).append(index)
        by_place = {place: index for index, place in enumerate(places)}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while waiting:
                    record = await self._consumer.getone()
                    for index, fate in self._fates(record, by_outcome, by_place):
                        if index in waiting:
                            waiting.discard(index)
                            yield index, fate

    def _fates(
        self,
        record: ConsumerRecord,
        by_outcome: dict[tuple[str, str, str], list[int]],
        by_place: dict[Place, int],
    ) -> list[tuple[int, Fate]]:
        if record.topic in self._dead_letters:
            headers = {name: (value or b"").decode() for name, value in record.headers}
            place = Place(
                headers.get("kafka_dlt-original-topic", ""),
                int(headers.get("kafka_dlt-original-partition", -1)),
                int(headers.get("kafka_dlt-original-offset", -1)),
            )
            why = ": ".join(filter(None, (headers.get("crm-reason"), headers.get("crm-detail"))))
            return [(by_place[place], Fate(None, why))] if place in by_place else []
        envelope = orjson.loads(record.value)
        identity = (envelope["orgcode"], envelope["type"], envelope["subject"])
        return [(index, Fate(record.value)) for index in by_outcome.get(identity, ())]


@contextlib.asynccontextmanager
async def exchange(
    bootstrap_servers: str, topics: Topics, *, waits: bool, security: Security = PLAINTEXT
) -> AsyncIterator[Exchange]:
    """Connect. With `waits`, the reader is at the end of its topics before anything is published.
    Raises Unavailable.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True, max_request_size=16 << 20, **security
    )
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None, **security) if waits else None
    try:
        try:
            async with asyncio.timeout(_ACK_S):
                await producer.start()
                if consumer is not None:
                    await consumer.start()
                    await _to_the_end(consumer, producer, topics.outputs)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"Kafka can't be reached at {bootstrap_servers}: {describe(error)}") from error
        yield Exchange(producer, consumer, topics)
    finally:
        await producer.stop()
        if consumer is not None:
            await consumer.stop()


async def _to_the_end(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, topics: Sequence[str]) -> None:
    partitions = [
        TopicPartition(topic, partition) for topic in topics for partition in await _partitions(producer, topic)
    ]
    consumer.assign(partitions)
    for partition, end in (await consumer.end_offsets(partitions)).items():
        consumer.seek(partition, end)


async def _partitions(producer: AIOKafkaProducer, topic: str) -> Sequence[int]:
    try:
        return sorted(await producer.partitions_for(topic))
    except UnknownTopicOrPartitionError:
        raise Unavailable(f"the topic {topic} does not exist: run g3n worker setup") from None
