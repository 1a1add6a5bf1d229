"""Tells a batch that is poison because of us from one that a publisher has spoilt.

A tenant that is missing from a setting, a limit that is set too low, a wrong clock, a column that is too small: each
turns good documents into dead letters by the thousand. So if half of a large batch would go that way, the partitions
halt before the first dead letter is written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from schemas.reasons import DeadLetterReason
from worker.codec import Document, Record, Undecodable
from worker.positions import Halt, Kind, Partition

LEAST: Final = 200  # documents in a batch
OURS: Final = frozenset({
    DeadLetterReason.UNKNOWN_ORG,
    DeadLetterReason.TOO_LARGE,
    DeadLetterReason.CLOCK_AHEAD,
    DeadLetterReason.REFUSED_BY_DATABASE,
})  # fmt: skip


def poisoned(
    items: Sequence[Document | Undecodable], refused: Iterable[Record], waived: Callable[[Record], bool]
) -> dict[Partition, Halt]:
    """Return the partitions to halt: those of the records to blame, if they are half of a batch of at least `LEAST`.

    `refused`: records that the database refused. `waived`: whether an operator wants a record's dead letter.
    """
    if len(items) < LEAST:
        return {}
    ours = [(item.record, item.reason) for item in items if isinstance(item, Undecodable) and item.reason in OURS]
    ours += [(record, DeadLetterReason.REFUSED_BY_DATABASE) for record in refused]
    ours = [(record, reason) for record, reason in ours if not waived(record)]
    if 2 * len(ours) < len(items):
        return {}
    ((reason, _),) = Counter(reason for _, reason in ours).most_common(1)
    why = f"{len(ours)} of {len(items)} documents would become dead letters, most of them {reason.value}"
    return {(record.topic, record.partition): Halt(Kind.DEAD_LETTERS, why) for record, _ in ours}
