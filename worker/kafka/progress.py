"""The progress in one partition: read, decided, committed."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from worker.positions import Fingerprint


@dataclass(slots=True)
class Progress:
    """Offsets are those of the next record; None where nothing is known."""

    read: int | None = None
    done: int | None = None
    committed: int | None = None
    last: Fingerprint | None = None  # of the last record that was read
    last_ms: int = 0  # its timestamp
    read_ms: int = 0  # the instant up to which the partition has been read


def read_of(progress: Mapping[TopicPartition, Progress]) -> dict[TopicPartition, int]:
    """Return where reading goes on, as far as is known."""
    return {at: one.read for at, one in progress.items() if one.read is not None}
