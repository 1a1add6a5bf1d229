import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.structs import ConsumerRecord

from tests.kafka.processes import Start, starting
from tests.kafka.rig import NewRig, Recorder, Rig
from worker.engine.pipeline import Pipeline
from worker.engine.stream import Stream
from worker.kafka.fetched import Fetched, Limits
from worker.kafka.publisher import Publisher
from worker.kafka.reader import Reader
from worker.ledger.pool import Pool
from worker.positions import Positions
from worker.process.status import Status

_numbers = itertools.count()


@dataclass
class Cluster:
    """A real broker, seen from outside the worker."""

    bootstrap: str
    admin: AIOKafkaAdminClient
    producer: AIOKafkaProducer

    async def topic(self, partitions: int = 1, name: str = "", **config: str) -> str:
        name = name or f"t{uuid.uuid4().hex[:8]}-{next(_numbers)}"
        response = await self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        assert response.topic_errors[0][1] == 0
        await self.producer.partitions_for(name)  # once the broker knows it itself
        return name

    async def add_partitions(self, topic: str, total: int) -> None:
        await self.admin.create_partitions({topic: NewPartitions(total)})

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        await self.admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(offset)})

    async def send(
        self, topic: str, values: Iterable[bytes], partition: int | None = 0, timestamp_ms: int | None = None
    ) -> None:
        sent = [
            await self.producer.send(topic, value, partition=partition, timestamp_ms=timestamp_ms) for value in values
        ]
        await asyncio.gather(*sent)

    async def all(self, topic: str) -> list[ConsumerRecord]:
        """Everything that the topic holds now, in order within a partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, max_partition_fetch_bytes=64 << 20)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, at) for at in sorted(await self.producer.partitions_for(topic))]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends, records = await consumer.end_offsets(partitions), []
            while any([await consumer.position(at) < end for at, end in ends.items()]):
                records += [record for part in (await consumer.getmany(timeout_ms=500)).values() for record in part]
            return records
        finally:
            await consumer.stop()

    async def reset(self, group: str, at: TopicPartition, offset: int) -> None:
        """Set the offset of a group without members, as an operator does."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([at])
            await consumer.commit({at: offset})
        finally:
            await consumer.stop()

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        offsets = await self.admin.list_consumer_group_offsets(group)
        return {at: offset.offset for at, offset in offsets.items()}


@pytest.fixture
async def cluster(bootstrap: str) -> AsyncIterator[Cluster]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=64 << 20)
    await admin.start()
    await producer.start()
    yield Cluster(bootstrap, admin, producer)
    await producer.stop()
    await admin.close()


NewReader = Callable[..., Coroutine[Any, Any, Reader]]


@pytest.fixture
async def new_reader(bootstrap: str) -> AsyncIterator[NewReader]:
    readers: list[Reader] = []

    async def make(
        topics: Sequence[str],
        group: str,
        *,
        instance: str | None = None,
        limits: Limits = Limits(),  # noqa: B008
        tenders: str | None = None,
        positions: Positions | None = None,
    ) -> Reader:
        reader = Reader(bootstrap, group, topics, instance=instance, limits=limits, tenders=tenders)
        readers.append(reader)
        if positions is not None:
            reader.check_against(positions)
        await reader.start()
        return reader

    yield make
    for reader in readers:
        await reader.stop()


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await Pool.open(database)
    yield opened
    await opened.close()


async def values(reader: Reader, count: int) -> list[bytes]:
    """Read, and call done, until this many records have come."""
    got: list[bytes] = []
    while len(got) < count:
        batch = await reader.read(0.5)
        got += [record.value for record in batch.records]
        reader.done(batch)
    return got


async def until_idle(reader: Reader) -> Fetched:
    """The first batch without records: all there is has been read."""
    while (batch := await reader.read(0.5)).records:
        reader.done(batch)
    reader.done(batch)
    return batch


async def until(condition: Callable[[], bool], within_s: float = 30) -> None:
    """For what shows only inside another's object, where nothing can be awaited."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
async def start(environment: Mapping[str, str]) -> AsyncIterator[Start]:
    """Start `python -m worker` with these arguments; `env` adds to this test's settings."""
    async with starting(environment) as run:
        yield run


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


@pytest.fixture
async def new_rig(cluster: Cluster, new_reader: NewReader, group: str) -> AsyncIterator[NewRig]:
    publishers = []

    async def make(
        source: str = "", answers: str = "", *, documents: int = 100, give_up_s: float = 20, tenders: str | None = None
    ) -> Rig:
        source, answers = source or await cluster.topic(2), answers or await cluster.topic()
        publisher = Publisher(cluster.bootstrap, ack_s=5)
        publishers.append(publisher)
        await publisher.start()
        topics = [source, tenders] if tenders else [source]
        reader = await new_reader(topics, group, limits=Limits(documents=documents), tenders=tenders)
        pipeline, status = Recorder(answers), Status()
        stream = Stream(reader, cast("Pipeline", pipeline), publisher, status, give_up_s=give_up_s)
        return Rig(source, answers, pipeline, stream, status)

    yield make
    for publisher in publishers:
        await publisher.stop()


async def answered(cluster: Cluster, rig: Rig) -> list[bytes]:
    return [record.value for record in await cluster.all(rig.answers)]
