"""The present bounds of topics, without a consumer group."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from worker.kafka.outside import outside_groups
from worker.kafka.security import PLAINTEXT, Security
from worker.positions import Partition
from worker.process.errors import Unavailable, describe

_ANSWER_S: Final = 10.0


class Bounds(NamedTuple):
    """The offsets of a partition's first record and of the next that will be written."""

    begin: int
    end: int


async def bounds_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> dict[TopicPartition, Bounds]:
    """Return the bounds of every partition of topics that exist. Raises KafkaError."""
    partitions = [
        TopicPartition(topic, number)
        for topic in sorted(topics)
        for number in sorted(await consumer._client._wait_on_metadata(topic))  # noqa: SLF001 - or None, too early
    ]
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    return {at: Bounds(begins[at], ends[at]) for at in partitions}


class Ends:
    """A consumer of no group that reads nothing."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def of(self, topics: Iterable[str]) -> dict[Partition, Bounds]:
        """Return the bounds of every partition of the topics that exist. Raises Unavailable."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                known = await self._consumer.topics()
                bounds = await bounds_of(self._consumer, known.intersection(topics))
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        return {(at.topic, at.partition): one for at, one in bounds.items()}


@contextlib.asynccontextmanager
async def ends(bootstrap_servers: str, *, security: Security = PLAINTEXT) -> AsyncIterator[Ends]:
    """Connect. Raises Unavailable if no broker answers."""
    async with outside_groups(bootstrap_servers, security, "g3n-look") as consumer:
        yield Ends(consumer)
