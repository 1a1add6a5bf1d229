"""Fixed ranges of topics, read in place: partitions are assigned, so no consumer group learns of it."""

import contextlib
import heapq
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from worker.kafka.outside import outside_groups
from worker.kafka.security import PLAINTEXT, Security
from worker.process.errors import OperatorError, Unavailable, describe

_POLL_MS: Final = 500
_SILENT_POLLS: Final = 60
_SLICE: Final = 500  # records of a partition that are taken at a time
# aiokafka waits up to 100 ms between two fetches while any partition has records left. With its 1 MiB, 58,000 records
# took 5.9 s; with 4 MiB they take 1.1 s.
_FETCH_BYTES: Final = 4 << 20


class Range(NamedTuple):
    """Offsets of a partition from `start` up to, and without, `end`."""

    topic: str
    partition: int
    start: int
    end: int

    @property
    def at(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition} {self.start:,}-{self.end - 1:,}"


class Bounds(NamedTuple):
    """The part of each partition to read: by offset, by the records' time in ms, or both. None: no bound."""

    from_offset: int | None = None
    to_offset: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class Slice(NamedTuple):
    """Records in the order of their time, with each partition's own order kept.

    `after`: where each partition goes on. `fingerprint`: of positions, times, keys and values.
    """

    records: list[ConsumerRecord]
    after: dict[TopicPartition, int]
    fingerprint: str


class Ranges:
    """A consumer of no group. Every method raises Unavailable if no broker answers."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def within(
        self, topics: Sequence[str], bounds: Bounds, partitions: frozenset[int] = frozenset()
    ) -> list[Range]:
        """Return the ranges that hold a record now. Raises OperatorError for a missing topic."""
        await self.require(topics, "`g3n worker setup` creates it")
        try:
            at = [
                TopicPartition(topic, partition)
                for topic in topics
                for partition in sorted(await self._consumer._client._wait_on_metadata(topic))  # noqa: SLF001 - or None
                if not partitions or partition in partitions
            ]
            begins = await self._consumer.beginning_offsets(at)
            ends = await self._consumer.end_offsets(at)
            since = await self._at_times(at, bounds.since_ms)
            until = await self._at_times(at, bounds.until_ms)
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        found = []
        for one in at:
            start = max(begins[one], bounds.from_offset or 0, since.get(one, 0) if since else 0)
            if since is not None and one not in since:
                start = ends[one]
            end = ends[one] if bounds.to_offset is None else min(ends[one], bounds.to_offset + 1)
            if until is not None:
                end = min(end, until.get(one, end))
            if start < end:
                found.append(Range(one.topic, one.partition, start, end))
        return found

    async def require(self, topics: Iterable[str], hint: str) -> None:
        """Raise OperatorError, with a hint what to do, unless all of these topics exist."""
        try:
            known = await self._consumer.topics()
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        if missing := sorted(set(topics) - known):
            raise OperatorError(f"no such topic: {', '.join(missing)}; {hint}")

    async def begins(self, ranges: Sequence[Range]) -> Mapping[TopicPartition, int]:
        """Return the first offset that each range's partition still has."""
        try:
            found: Mapping[TopicPartition, int] = await self._consumer.beginning_offsets([one.at for one in ranges])
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        return found

    async def _at_times(self, at: list[TopicPartition], time_ms: int | None) -> dict[TopicPartition, int] | None:
        """Return the first offset at or after that time; absent if there is none."""
        if time_ms is None:
            return None
        found = await self._consumer.offsets_for_times(dict.fromkeys(at, time_ms))
        return {one: stamped.offset for one, stamped in found.items() if stamped is not None}

    async def slices(
        self, ranges: Sequence[Range], size: int, after: Mapping[TopicPartition, int] | None = None
    ) -> AsyncIterator[Slice]:
        """Yield all records of the ranges, `size` at a time. Every run yields the same slices.

        `after`: go on from there, as given by the previous slice. Raises OperatorError for records that are gone.
        """
        if not ranges:
            return
        merging = _Merging(ranges, after or {})
        self._consumer.assign(list(merging.positions))
        for at, offset in merging.positions.items():
            self._consumer.seek(at, offset)
        records: list[ConsumerRecord] = []
        while True:
            await self._fill(merging)
            record = merging.take()
            if record is not None:
                records.append(record)
            if records and (record is None or len(records) == size):
                yield Slice(records, merging.after(), _fingerprint(records))
                records = []
            if record is None:
                return

    async def _fill(self, merging: "_Merging") -> None:
        """Fetch until every partition's next record is known, or is known not to exist."""
        silent = 0
        while wanting := merging.wanting():
            try:
                got = await self._consumer.getmany(*wanting, timeout_ms=_POLL_MS, max_records=_SLICE)
                for at in wanting:
                    merging.add(at, got.get(at, ()), await self._consumer.position(at))
            except OffsetOutOfRangeError as error:
                gone = ", ".join(f"{at.topic}-{at.partition} offset {offset:,}" for at, offset in error.args[0].items())
                raise OperatorError(f"the topic no longer has {gone}: its retention has removed records") from error
            except KafkaError as error:
                raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
            silent = 0 if got else silent + 1
            if silent > _SILENT_POLLS:
                raise Unavailable(f"Kafka gives no more records of {', '.join(sorted({at.topic for at in wanting}))}")


class _Merging:
    """The next records of each partition. Their times decide whose turn it is; within a partition, times never go
    back.
    """

    def __init__(self, ranges: Sequence[Range], after: Mapping[TopicPartition, int]) -> None:
        self.positions = {one.at: after.get(one.at, one.start) for one in ranges}
        self._ends = {one.at: one.end for one in ranges}
        self._next: dict[TopicPartition, list[ConsumerRecord]] = {one.at: [] for one in ranges}  # the last comes first
        self._fetched = dict(self.positions)
        self._latest_ms = dict.fromkeys(self.positions, 0)
        self._turns: list[tuple[int, TopicPartition]] = []  # a heap: each partition that has records, once
        self._dry = set(self.positions)  # the others

    def wanting(self) -> list[TopicPartition]:
        return [at for at in self._dry if self._fetched[at] < self._ends[at]]

    def add(self, at: TopicPartition, records: Sequence[ConsumerRecord], position: int) -> None:
        self._next[at] = [record for record in reversed(records) if record.offset < self._ends[at]]
        self._fetched[at] = position  # it moves past transaction markers too, which are not records
        if self._next[at]:
            self._dry.discard(at)
            self._queue(at)

    def _queue(self, at: TopicPartition) -> None:
        self._latest_ms[at] = max(self._next[at][-1].timestamp, self._latest_ms[at])
        heapq.heappush(self._turns, (self._latest_ms[at], at))

    def take(self) -> ConsumerRecord | None:
        """Return the next record; None: there are no more."""
        if not self._turns:
            return None
        _, at = heapq.heappop(self._turns)
        record = self._next[at].pop()
        self.positions[at] = record.offset + 1
        if self._next[at]:
            self._queue(at)
        else:
            self._dry.add(at)
        return record

    def after(self) -> dict[TopicPartition, int]:
        return {at: self.positions[at] if self._next[at] else self._fetched_to(at) for at in self.positions}

    def _fetched_to(self, at: TopicPartition) -> int:
        return int(min(max(self._fetched[at], self.positions[at]), self._ends[at]))


def _fingerprint(records: Sequence[ConsumerRecord]) -> str:
    digest = blake2b(digest_size=16, person=b"g3n-range")
    for record in records:
        digest.update(f"{record.topic}\n{record.partition}\n{record.offset}\n{record.timestamp}\n".encode())
        for part in (record.key, record.value):
            digest.update(b"-" if part is None else b"%d\n%b" % (len(part), part))
    return digest.hexdigest()


@contextlib.asynccontextmanager
async def ranges(bootstrap_servers: str, *, security: Security = PLAINTEXT) -> AsyncIterator[Ranges]:
    """Connect. Raises Unavailable if no broker answers."""
    options = {"auto_offset_reset": "none", "isolation_level": "read_committed"}
    async with outside_groups(
        bootstrap_servers, security, "g3n-replay", max_partition_fetch_bytes=_FETCH_BYTES, **options
    ) as consumer:
        yield Ranges(consumer)
