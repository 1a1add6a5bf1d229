"""The result of one read of the input topics, and its limits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, Self

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from worker.positions import Position

# A batch is weighed between slices. So this many large records may be too much.
_TILLS_SLICE: Final = 32


class Assigned(Protocol):
    """A member of the group; each assignment of partitions has a generation."""

    generation: int


@dataclass(slots=True, frozen=True)
class Limits:
    """The limits of a batch, and how long a small batch may wait to grow.

    `look_ahead`: whether tenders of other tenants may be decided before those of a tenant that floods the topic.
    """

    documents: int = 2000
    bytes: int = 4 << 20
    linger_s: float = 0.010
    tenders: int = 500
    beside_tenders: int = 250  # other documents, while tills send tenders
    bytes_beside_tenders: int = 512 << 10  # of all documents, then
    slice: int = 256  # records that are taken from a partition before the next one's turn
    look_ahead: bool = True

    def with_tills(self) -> Self:
        """Return the limits that hold while tills send tenders."""
        return replace(self, bytes=min(self.bytes, self.bytes_beside_tenders), slice=_TILLS_SLICE)


@dataclass(slots=True)
class Fetched:
    """The records of one read, possibly none.

    `offsets`: the next offset of each partition, once this read and all earlier ones are done. `watermarks`: the
    instant, in µs, up to which each partition has been read; absent if unknown. `last`: the last record of each
    partition that gave any. `positions`: the next positions of the partitions that moved. `tenders_ms`: the timestamp
    of each tender's record. `generations`: the generation of each member's assignment at the time of the read.
    """

    limits: Limits
    records: list[ConsumerRecord] = field(default_factory=list)
    tenders: int = 0
    tenders_ms: list[int] = field(default_factory=list)
    size_bytes: int = 0
    full: bool = False
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    watermarks: dict[TopicPartition, int] = field(default_factory=dict)
    last: dict[TopicPartition, ConsumerRecord] = field(default_factory=dict)
    positions: dict[TopicPartition, Position] = field(default_factory=dict)
    generations: dict[Assigned, int] = field(default_factory=dict)

    def add(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Add the records of a partition, in order."""
        self.records += records
        self.size_bytes += sum(max(0, record.serialized_value_size) for record in records)
        self.offsets[partition] = records[-1].offset + 1
        self.last[partition] = records[-1]
        self.full = len(self.records) >= self.limits.documents or self.size_bytes >= self.limits.bytes

    def forget(self, topics: Collection[str]) -> None:
        """Drop the records of topics whose partitions the group took away. Their new owner reads them again."""
        self.offsets = {at: offset for at, offset in self.offsets.items() if at.topic not in topics}
        self.last = {at: record for at, record in self.last.items() if at.topic not in topics}
        self.positions = {at: position for at, position in self.positions.items() if at.topic not in topics}

    @property
    def moved(self) -> dict[TopicPartition, int]:
        """The watermarks of the partitions that moved."""
        return {at: read_us for at, read_us in self.watermarks.items() if at in self.positions}
