"""The lag of a member of the group, and the ends that a drain waits for."""

import time
from collections.abc import Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from worker.kafka.consumer import committed_of
from worker.kafka.ends import bounds_of
from worker.kafka.progress import Progress, read_of


class Lag:
    """The unread records in a member's partitions."""

    def __init__(
        self, consumer: AIOKafkaConsumer, topics: Sequence[str], progress: Mapping[TopicPartition, Progress]
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._progress = progress

    def read(self) -> dict[TopicPartition, int]:
        """Return where reading goes on, by partition, as far as is known."""
        return read_of(self._progress)

    def records(self) -> dict[TopicPartition, int]:
        """Return the number of unread records by partition; unknown partitions are absent."""
        marks = {at: self._consumer.highwater(at) for at in self._consumer.assignment()}
        read = self.read()
        return {at: max(0, marks[at] - offset) for at, offset in read.items() if marks.get(at) is not None}

    def reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Return whether each assigned partition is read up to its end in `ends`."""
        read = self.read()
        return all(read.get(at, 0) >= ends.get(at, 0) for at in self._consumer.assignment())

    def seconds(self) -> dict[TopicPartition, float]:
        """Return the greatest possible age of the oldest unread record, by partition: 0 if all are read."""
        now_s, records = time.time(), self.records()
        read_ms = {at: self._progress[at].read_ms for at, unread in records.items() if unread}
        return {at: max(0.0, now_s - read_ms[at] / 1000) if read_ms.get(at) else 0.0 for at in records}

    def partitions(self) -> dict[str, int]:
        """Return how many partitions each topic has, as far as is known; at least one."""
        return {topic: len(self._consumer.partitions_for_topic(topic) or (0,)) for topic in self._topics}

    def polled_ms(self) -> int:
        """Return when a broker last answered for any partition; 0 if nothing was asked."""
        return max((self._consumer.last_poll_timestamp(at) or 0 for at in self._consumer.assignment()), default=0)


class Backlog:
    """The offsets that the group must commit until it is drained, whichever member reads them."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def ends(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Return the present end of each partition that holds a record."""
        bounds = await bounds_of(self._consumer, topics)
        return {at: one.end for at, one in bounds.items() if one.end > one.begin}

    async def short_of(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return those of `ends` that the group has not committed yet."""
        committed = await committed_of(self._consumer, ends)
        return {at: ends[at] for at, offset in committed.items() if offset is None or offset < ends[at]}
