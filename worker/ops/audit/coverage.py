"""What became of each offset that the ledger has read: the ledger compared with the topics."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aiokafka.structs import ConsumerRecord

from schemas.registry import DOCUMENTS
from worker.codec.decode import named
from worker.kafka.ends import Bounds, Ends
from worker.kafka.ranges import Range, Ranges
from worker.ledger.queries import SQL
from worker.ops.audit.finding import Finding
from worker.positions import Partition
from worker.stored.event import source_of

_AT_ONCE: Final = 2000
_LETTERS: Final = 'SELECT "offset" FROM dead_letter WHERE topic = $1 AND partition = $2 AND "offset" BETWEEN $3 AND $4'
Identity = tuple[str, int, str]


@dataclass(slots=True)
class Covered:
    """The offsets of a partition. `gone`: removed by retention. `no_record`: markers of transactions, what they
    aborted, and what compaction or erasure removed. `unread`: the ledger has not come so far.
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
    """The topics, and connections to them outside any consumer group."""

    names: Sequence[str]
    accepted: str
    kafka: Ranges
    ends: Ends


@dataclass(slots=True)
class Coverage:
    """`connection`: of one snapshot. `partitions` is filled while `check` runs."""

    connection: Any
    place: Place
    partitions: list[Covered] = field(default_factory=list)

    async def check(self) -> AsyncIterator[Finding]:
        """Each offset that was read and is neither a document, a duplicate nor a dead letter.

        Raises Unavailable if no broker answers.
        """
        bounds = await self.place.ends.of(self.place.names)
        rows = await self.connection.fetch("SELECT topic, partition, next_offset FROM watermark")
        read_to: Mapping[Partition, int] = {
            (row["topic"], row["partition"]): row["next_offset"] for row in rows if row["next_offset"] is not None
        }
        for (topic, partition), bound in sorted(bounds.items()):
            one = Covered(topic, partition)
            self.partitions.append(one)
            async for finding in self._partition(one, bound, read_to.get((topic, partition), bound.begin)):
                yield finding

    async def _partition(self, one: Covered, bound: Bounds, read_to: int) -> AsyncIterator[Finding]:
        end = min(max(read_to, bound.begin), bound.end)
        one.gone, one.unread = bound.begin, bound.end - end
        records = 0
        if bound.begin < end:
            wanted = [Range(one.topic, one.partition, bound.begin, end)]
            async for part in self.place.kafka.slices(wanted, _AT_ONCE):
                records += len(part.records)
                for record in await self._unaccounted(one, part.records):
                    one.unaccounted += 1
                    about = f"{one.topic}-{one.partition} offset {record.offset}"
                    what = "was read, and is neither a document, a duplicate nor a dead letter"
                    yield Finding("coverage", named(record).get("orgcode", ""), about, what)
        one.no_record += end - bound.begin - records

    async def _unaccounted(self, one: Covered, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """Count the records, and return those that nothing accounts for."""
        is_accepted = one.topic == self.place.accepted
        erased = {record.offset for record in records if is_accepted and record.value is None}
        identities = {
            record.offset: identity
            for record in records
            if (identity := _accepted(record) if is_accepted else _identity(record)) is not None
        }
        letters = {
            row["offset"]
            for row in await self.connection.fetch(
                _LETTERS, one.topic, one.partition, records[0].offset, records[-1].offset
            )
        }
        sources = await self._sources(list(dict.fromkeys(identities.values())))
        left = []
        for record in records:
            identity = identities.get(record.offset)
            known = identity is not None and identity in sources
            source = sources.get(identity) if identity is not None else None
            is_its_own = source == (one.topic, one.partition, record.offset) or (is_accepted and source is None)
            if record.offset in erased:
                one.no_record += 1
            elif known and is_its_own:
                one.documents += 1
            elif record.offset in letters:
                one.dead_letters += 1
            elif known:
                one.duplicates += 1
            else:
                left.append(record)
        return left

    async def _sources(self, identities: Sequence[Identity]) -> dict[Identity, tuple[str, int, int] | None]:
        """The position of the record of each document that is decided; None: it came in through an interface."""
        if not identities:
            return {}
        rows = await self.connection.fetch(SQL["audit_coverage"], *zip(*identities, strict=True))
        return {identities[row["place"] - 1]: source_of(row["facts"]) for row in rows}


def _identity(record: ConsumerRecord) -> Identity | None:
    names = named(record)
    kind = DOCUMENTS.get(names.get("type", ""))
    if kind is None or "orgcode" not in names or "subject" not in names:
        return None
    return names["orgcode"], kind.code, names["subject"]


def _accepted(record: ConsumerRecord) -> Identity | None:
    """Of crm.accepted, whose keys are identities."""
    orgcode, _, rest = (record.key or b"").decode(errors="replace").partition("/")
    type_, _, subject = rest.partition("/")
    kind = DOCUMENTS.get(type_)
    return None if kind is None else (orgcode, kind.code, subject)
