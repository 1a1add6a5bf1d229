"""A decoded batch, and the order in which its documents are decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Self

from worker.codec import Document, Record, Undecodable


@dataclass(slots=True)
class Batch:
    """Decoded records, in the order in which they are decided, and when they were read."""

    items: list[Document | Undecodable]
    now_us: int

    def __iadd__(self, later: "Batch") -> Self:
        self.items += later.items
        return self


def in_time(records: Sequence[Record], now_us: int) -> list[Record]:
    """Return the records in the order of their timestamps, with each partition's order kept. So within a batch, the
    document that was published first is decided first. Correctness does not need it; a till that asks right after a
    card was issued does.
    """
    latest: dict[tuple[str, int], int] = {}
    times = []
    now_ms = now_us // 1000
    for record in records:
        at = (record.topic, record.partition)
        latest[at] = max(min(record.timestamp, now_ms), latest.get(at, 0))
        times.append(latest[at])
    return [record for _, record in sorted(zip(times, records, strict=True), key=itemgetter(0))]
