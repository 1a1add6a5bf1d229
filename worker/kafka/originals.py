"""Single records of topics, read in place: partitions are assigned, so no consumer group learns of it."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from worker.kafka.ends import Ends
from worker.kafka.outside import outside_groups
from worker.kafka.security import PLAINTEXT, Security
from worker.process.errors import Unavailable, describe

At = tuple[str, int, int]
"""Topic, partition, offset."""
_POLL_MS: Final = 500
_SILENT_POLLS: Final = 120
_AT_ONCE: Final = 2000
_JUMP: Final = 2000  # a gap of more unwanted records than this is skipped with a new fetch


class Originals:
    """A consumer of no group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    @property
    def ends(self) -> Ends:
        """The bounds of topics, on the same connection."""
        return Ends(self._consumer)

    async def read(self, wanted: Iterable[At]) -> dict[At, ConsumerRecord | None]:
        """Return the record at each position; None: the topic does not have it, or no longer has it.

        Raises Unavailable if no broker answers.
        """
        found: dict[At, ConsumerRecord | None] = dict.fromkeys(wanted)
        try:
            left = await self._there(found)
            if left:
                self._consumer.assign(list(left))
            for at, offsets in left.items():
                self._consumer.seek(at, offsets[0])
            silent = 0
            while left:
                fetched = await self._consumer.getmany(*left, timeout_ms=_POLL_MS, max_records=_AT_ONCE)
                silent = 0 if fetched else silent + 1
                if silent > _SILENT_POLLS:
                    raise Unavailable(f"Kafka gives no more records of {', '.join(sorted({at.topic for at in left}))}")
                for at, offsets in list(left.items()):
                    found |= await self._take(at, offsets, fetched.get(at, ()))
                    if not offsets:
                        del left[at]
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        return found

    async def _there(self, wanted: Iterable[At]) -> dict[TopicPartition, list[int]]:
        """Return the offsets that the topics still have, sorted."""
        bounds = await self.ends.of({topic for topic, _, _ in wanted})
        left: dict[TopicPartition, list[int]] = {}
        for topic, partition, offset in sorted(wanted):
            begin, end = bounds.get((topic, partition), (0, 0))
            if begin <= offset < end:
                left.setdefault(TopicPartition(topic, partition), []).append(offset)
        return left

    async def _take(
        self, at: TopicPartition, offsets: list[int], records: Sequence[ConsumerRecord]
    ) -> dict[At, ConsumerRecord]:
        """Return the wanted records, and remove the passed ones from `offsets`."""
        by_offset = {record.offset: record for record in records}
        position = await self._consumer.position(at)  # it also moves past offsets without a record
        kept = {(at.topic, at.partition, offset): by_offset[offset] for offset in offsets if offset in by_offset}
        offsets[:] = [offset for offset in offsets if offset >= position]
        if offsets and offsets[0] - position > _JUMP:
            self._consumer.seek(at, offsets[0])
        return kept


@contextlib.asynccontextmanager
async def originals(bootstrap_servers: str, *, security: Security = PLAINTEXT) -> AsyncIterator[Originals]:
    """Connect. Raises Unavailable if no broker answers."""
    options = {"auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    async with outside_groups(bootstrap_servers, security, "g3n-dlq", **options) as consumer:
        yield Originals(consumer)
