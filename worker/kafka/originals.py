"""Single records of topics, read in place: partitions are assigned, so no consumer group learns of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from worker.errors import Unavailable, describe
from worker.kafka import batches
from worker.kafka.ends import Ends
from worker.kafka.security import PLAINTEXT, Security

At = tuple[str, int, int]
"""Topic, partition, offset."""
_ANSWER_S: Final = 30.0
_POLL_MS: Final = 500
_JUMP: Final = 2000  # records that are not wanted: more than so many are passed over by a new fetch


class Originals:
    """A consumer of no group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    @property
    def ends(self) -> Ends:
        """Where topics begin and end, on the same connection."""
        return Ends(self._consumer)

    async def read(self, wanted: Iterable[At]) -> dict[At, ConsumerRecord | None]:
        """Return the record at each position; None: the topic does not have it, or not any more.

        Raises Unavailable if no broker answers.
        """
        found: dict[At, ConsumerRecord | None] = {}
        try:
            async with asyncio.timeout(_ANSWER_S):
                known = await self._consumer.topics()
            for (topic, partition), positions in groupby(sorted(set(wanted)), key=itemgetter(0, 1)):
                offsets = [offset for _, _, offset in positions]
                found |= dict.fromkeys(((topic, partition, offset) for offset in offsets), None)
                if topic in known:
                    found |= await self._of_partition(TopicPartition(topic, partition), offsets)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        return found

    async def _of_partition(self, at: TopicPartition, offsets: list[int]) -> Mapping[At, ConsumerRecord]:
        begin = (await self._consumer.beginning_offsets([at]))[at]
        end = (await self._consumer.end_offsets([at]))[at]
        left = [offset for offset in offsets if begin <= offset < end]
        self._consumer.assign([at])
        found: dict[At, ConsumerRecord] = {}
        position = -1
        while left:
            if not 0 <= left[0] - position <= _JUMP:
                self._consumer.seek(at, left[0])
            async with asyncio.timeout(_ANSWER_S):
                while not (records := (await self._consumer.getmany(at, timeout_ms=_POLL_MS)).get(at, [])):
                    position = await self._consumer.position(at)
                    if position > left[0]:  # only what is no record was there
                        break
            if records:
                position = records[-1].offset + 1
            by_offset = {record.offset: record for record in records}
            found |= {(at.topic, at.partition, offset): by_offset[offset] for offset in left if offset in by_offset}
            left = [offset for offset in left if offset >= position]
        return found


@contextlib.asynccontextmanager
async def originals(bootstrap_servers: str, *, security: Security = PLAINTEXT) -> AsyncIterator[Originals]:
    """Connect. Raises Unavailable if no broker answers."""
    batches.install()
    consumer = AIOKafkaConsumer(
        **security, bootstrap_servers=bootstrap_servers, group_id=None, client_id="g3n-dlq", enable_auto_commit=False,
        auto_offset_reset="earliest", isolation_level="read_committed",
    )  # fmt: skip
    try:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await consumer.start()
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"Kafka can't be reached at {bootstrap_servers}: {describe(error)}") from error
        yield Originals(consumer)
    finally:
        await consumer.stop()
