"""Distinguish a batch that fails because of us from a batch that a publisher has spoilt.

A tenant that is missing from a setting, a limit that is set too low, a wrong clock, a column that is too small: each
turns thousands of good documents into dead letters. So if half of a large batch would become dead letters, the
partitions halt before the first one is written.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from schemas.reasons import DeadLetterReason
from worker.codec import Document, Record, Undecodable
from worker.positions import Halt, HaltKind, Partition

LEAST: Final = 200  # documents in a batch
OURS: Final = frozenset({
    DeadLetterReason.UNKNOWN_ORG,
    DeadLetterReason.TOO_LARGE,
    DeadLetterReason.CLOCK_AHEAD,
    DeadLetterReason.REFUSED_BY_DATABASE,
})  # fmt: skip


class Poisoned(Exception):
    """Half of a batch would become dead letters, and the fault is ours. None of them is written."""

    def __init__(self, halts: Mapping[Partition, Halt]) -> None:
        """`halts`: the partitions of the records to blame, and why."""
        super().__init__(halts)
        self.halts = halts


class Guard:
    """Counts the dead letters of one batch before they are written. Raises Poisoned once they are too many."""

    def __init__(self, items: Sequence[Document | Undecodable], waived: Callable[[Record], bool]) -> None:
        """`waived`: whether an operator has allowed a record's dead letter."""
        self._documents = len(items)
        self._waived = waived
        found = [(one.record, one.reason) for one in items if isinstance(one, Undecodable) and one.reason in OURS]
        self._ours = [(record, reason) for record, reason in found if not waived(record)]

    def check(self) -> None:
        """Raise Poisoned if half of a batch of at least `LEAST` would become dead letters for a reason of ours."""
        if self._documents < LEAST or 2 * len(self._ours) < self._documents:
            return
        ((reason, _),) = Counter(reason for _, reason in self._ours).most_common(1)
        why = f"{len(self._ours)} of {self._documents} documents would become dead letters, most of them {reason.value}"
        raise Poisoned({(record.topic, record.partition): Halt(HaltKind.DEAD_LETTERS, why) for record, _ in self._ours})

    def refuse(self, record: Record) -> None:
        """Count a record that the database refuses, and check again."""
        if not self._waived(record):
            self._ours.append((record, DeadLetterReason.REFUSED_BY_DATABASE))
            self.check()
