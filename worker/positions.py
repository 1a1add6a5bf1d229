"""The ledger's position in a partition: the next offset and the last record, as a row of `watermark` stores them.

The group's offsets live in Kafka and the book in Postgres, so each can be lost, restored or replaced without the other.
The position is written in the transaction of the batch that it ends, so it is always true of the ledger.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple, Protocol
from uuid import UUID

CHECKSUM_BYTES = 8
Partition = tuple[str, int]
"""Topic and number."""


class Place(NamedTuple):
    """The position of a record in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}"


class RecordContent(Protocol):
    """The parts of a record that a fingerprint covers."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Fingerprint(NamedTuple):
    """Distinguishes a record from any other at its position."""

    offset: int
    timestamp_ms: int
    checksum: bytes  # of key and value


class Position(NamedTuple):
    """Everything before `next_offset` has its effect in the ledger; `last` is the last record read, if any.

    `topic_id`: Kafka's id of the topic, which a topic that is deleted and created again does not keep (KIP-516). None:
    not recorded, or the broker has none (before Kafka 2.8). `session`: the session of the worker's lock in which topic
    and ledger were compared; not stored. None: they were not.
    """

    next_offset: int
    last: Fingerprint | None
    topic_id: UUID | None = None
    session: int | None = None


class HaltKind(StrEnum):
    """Why a partition is halted."""

    CONTRADICTS = "contradicts"  # the topic is not the one that the ledger has read
    GONE = "gone"  # documents were deleted before they were read
    DEAD_LETTERS = "dead_letters"  # most of a batch would become dead letters, and the fault is ours


class Decision(StrEnum):
    """An operator's decision about a halted partition."""

    RESUME = "resume"  # the cause is gone: check again, and go on if it is
    SKIP = "skip"  # go on all the same


class Halt(NamedTuple):
    """A halted partition."""

    kind: HaltKind
    why: str


class Positions(Protocol):
    """The positions that the ledger holds, and the partitions that are halted."""

    @property
    def session(self) -> int:
        """The present session of the worker's lock: a failover or a restore ends it."""

    async def tell(self, halted: Mapping[Partition, Halt]) -> Mapping[Partition, Decision]:
        """Show these partitions to operators. Return their decisions."""

    async def end_halts(self, partitions: Collection[Partition]) -> Mapping[Partition, tuple[HaltKind, Decision]]:
        """End the halts of these partitions. Return the decisions about those that were halted."""

    async def read(self, partitions: Collection[Partition]) -> Mapping[Partition, Position | None]:
        """Return those of these partitions. None: read before positions were recorded; absent: never read."""

    async def forget(self, partitions: Collection[Partition]) -> None:
        """Let these partitions count as never read."""


def fingerprint(record: RecordContent) -> Fingerprint:
    """Return the fingerprint of a record."""
    checksum = blake2b(record.value or b"", digest_size=CHECKSUM_BYTES, key=blake2b(record.key or b"").digest())
    return Fingerprint(record.offset, record.timestamp, checksum.digest())
