"""Compare the ledger with the topics: account for each offset that the ledger has read."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aiokafka.structs import ConsumerRecord

from schemas.registry import DOCUMENTS
from worker.codec import Decoder, Outlet
from worker.codec.decode import named
from worker.kafka.ends import Ends
from worker.kafka.ranges import Range, Ranges
from worker.kafka.topics import Topics
from worker.ledger.queries import SQL
from worker.ops.audit.claims import ASKING, Claims
from worker.ops.audit.finding import Finding
from worker.positions import Partition
from worker.stored.event import source_of

_AT_ONCE: Final = 2000
Identity = tuple[str, int, str]


@dataclass(slots=True)
class Covered:
    """The offsets of a partition. `gone`: removed by retention. `no_record`: transaction markers, aborted records, and
    records that compaction or erasure removed. `unread`: the ledger has not read them yet.
    """

    topic: str
    partition: int
    documents: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    no_record: int = 0
    gone: int = 0
    unread: int = 0
    unaccounted: int = 0


class Place(NamedTuple):
    """The topics, and connections to them outside any consumer group. `outlet`, `decoder`: for a tie-out."""

    names: Topics
    kafka: Ranges
    ends: Ends
    outlet: Outlet | None = None
    decoder: Decoder | None = None


@dataclass(slots=True)
class Coverage:
    """`connection`: of one snapshot. `partitions` is filled while `check` runs, and `claims`, if they are wanted.
    `progress` gets how far it is.
    """

    connection: Any
    place: Place
    progress: Callable[[str], None]
    claims: Claims | None = None
    partitions: list[Covered] = field(default_factory=list)

    async def check(self) -> AsyncIterator[Finding]:
        """Return each offset that was read and is neither a document, a duplicate nor a dead letter.

        Raises Unavailable if no broker answers.
        """
        bounds = await self.place.ends.of(self.place.names.read)
        rows = await self.connection.fetch("SELECT topic, partition, next_offset FROM watermark")
        read_to: Mapping[Partition, int] = {
            (row["topic"], row["partition"]): row["next_offset"] for row in rows if row["next_offset"] is not None
        }
        ranges, by_partition = [], {}
        for (topic, partition), bound in sorted(bounds.items()):
            end = min(max(read_to.get((topic, partition), bound.begin), bound.begin), bound.end)
            one = Covered(topic, partition, no_record=end - bound.begin, gone=bound.begin, unread=bound.end - end)
            by_partition[topic, partition] = one
            self.partitions.append(one)
            if bound.begin < end:
                ranges.append(Range(topic, partition, bound.begin, end))
        total, done = sum(one.end - one.start for one in ranges), 0
        # All at once: each later assignment of a partition would wait for the fetch that is under way.
        async for part in self.place.kafka.slices(ranges, _AT_ONCE):
            done += len(part.records)
            self.progress(f"coverage: {done:,} of {total:,} records")
            for record in await self._unaccounted(by_partition, part.records):
                about = f"{record.topic}-{record.partition} offset {record.offset}"
                what = "was read, and is neither a document, a duplicate nor a dead letter"
                yield Finding("coverage", named(record).get("orgcode", ""), about, what)

    async def _unaccounted(
        self, by_partition: Mapping[Partition, Covered], records: Sequence[ConsumerRecord]
    ) -> list[ConsumerRecord]:
        """Count the records, and return those that are unaccounted for."""
        identities = [self._identity(record) for record in records]
        sources = await self._sources(list(dict.fromkeys(filter(None, identities))))
        others, asking = [], []
        for record, identity in zip(records, identities, strict=True):
            at = record.topic, record.partition
            one = by_partition[at]
            one.no_record -= 1
            known = identity is not None and identity in sources
            source = sources.get(identity) if identity is not None else None
            if record.topic == self.place.names.accepted and record.value is None:  # erased
                one.no_record += 1
            elif known and (
                source == (*at, record.offset) or (record.topic == self.place.names.accepted and not source)
            ):
                one.documents += 1
                if identity is not None and identity[1] in ASKING:
                    asking.append(record)
            else:
                others.append((record, known))
        letters = await self._letters([record for record, _ in others])
        left = []
        for place, (record, known) in enumerate(others, 1):
            one = by_partition[record.topic, record.partition]
            if place in letters:
                one.dead_letters += 1
            elif known:
                one.duplicates += 1
            else:
                one.unaccounted += 1
                left.append(record)
        if self.claims is not None:
            self.claims.add([*asking, *left], time.time_ns() // 1000)
        return left

    def _identity(self, record: ConsumerRecord) -> Identity | None:
        return _accepted(record) if record.topic == self.place.names.accepted else _identity(record)

    async def _letters(self, records: Sequence[ConsumerRecord]) -> set[int]:
        """Return which of the records are dead letters, counted from 1."""
        if not records:
            return set()
        at = [(record.topic, record.partition, record.offset) for record in records]
        return {row["place"] for row in await self.connection.fetch(SQL["audit_letters"], *zip(*at, strict=True))}

    async def _sources(self, identities: Sequence[Identity]) -> dict[Identity, tuple[str, int, int] | None]:
        """Return the position of each decided document's record; None: it came through an interface."""
        if not identities:
            return {}
        rows = await self.connection.fetch(SQL["audit_coverage"], *zip(*identities, strict=True))
        return {identities[row["place"] - 1]: source_of(row["facts"]) for row in rows}


def _identity(record: ConsumerRecord) -> Identity | None:
    names = named(record)
    doctype = DOCUMENTS.get(names.get("type", ""))
    if doctype is None or "orgcode" not in names or "subject" not in names:
        return None
    return names["orgcode"], doctype.code, names["subject"]


def _accepted(record: ConsumerRecord) -> Identity | None:
    """Count the records of crm.accepted, whose keys are identities."""
    orgcode, _, rest = (record.key or b"").decode(errors="replace").partition("/")
    type_, _, subject = rest.partition("/")
    doctype = DOCUMENTS.get(type_)
    return None if doctype is None else (orgcode, doctype.code, subject)
