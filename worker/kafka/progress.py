"""How far one partition has been read, decided and committed."""

from dataclasses import dataclass

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
