"""What one read of the input topics gives, and how much of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord


@dataclass(slots=True, frozen=True)
class Limits:
    """How much makes a batch, and how long a small one may wait to grow."""

    documents: int = 2000
    bytes: int = 4 << 20
    linger_s: float = 0.010


@dataclass(slots=True)
class Fetched:
    """What one read gave, possibly no record.

    `offsets`: where each partition goes on once this, and all that was read before, is done.
    `watermarks`: the instant, in µs, up to which each partition has been read; absent where nothing is known.
    """

    generation: int
    records: list[ConsumerRecord] = field(default_factory=list)
    size_bytes: int = 0
    full: bool = False
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    watermarks: dict[TopicPartition, int] = field(default_factory=dict)

    def add(self, partition: TopicPartition, records: Iterable[ConsumerRecord], limits: Limits) -> None:
        """Take in what a partition gave, in order."""
        self.records += records
        self.size_bytes += sum(max(0, record.serialized_value_size) for record in records)
        self.offsets[partition] = self.records[-1].offset + 1
        self.full = len(self.records) >= limits.documents or self.size_bytes >= limits.bytes
