"""Make batches of the records that this worker's members read from the input topics.

Tills wait for tenders, and for nothing else. So tenders have a consumer of their own, whose fetches wait for no other
topic, and each batch begins with them. While tenders come in, a batch takes few other documents, because the next
tender waits until they are decided. Both consumers are members of the one group, so its offsets are like those of any
other worker.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from worker.kafka.fetched import Fetched, Limits
from worker.kafka.member import Member
from worker.kafka.scout import Scout
from worker.kafka.security import PLAINTEXT, Security
from worker.positions import Halt, Positions
from worker.process.errors import SessionEnded

# A batch with this many records shows a stream that is worth waiting for. A lone document is decided at once.
_LINGER_FULL_AT = 50
_START_POLL_S = 0.02
# Bytes that a fetch returns for each partition: few for tenders, so that one partition doesn't hide the others.
_PARTITION_BYTES, _TENDER_PARTITION_BYTES = 1 << 20, 1 << 17
# For so long after a tender, tills count as active.
_TILLS_S = 60.0


class Reader:
    """Batches from `read` are in flight until `done` or `rewind`. Partitions are given up after that."""

    def __init__(
        self,
        bootstrap_servers: str,
        group: str,
        topics: Sequence[str],
        *,
        instance: str | None,
        limits: Limits,
        tenders: str | None = None,
        security: Security = PLAINTEXT,
        client_id: str = "g3n",
    ) -> None:
        """`tenders` is the topic that is read first. `client_id` tells others whose members these are."""
        self._topics = tuple(topics)
        self._limits = limits
        self._in_flight, self._last_records, self._tender_at = 0, 0, float("-inf")
        self._idle = asyncio.Event()
        self._idle.set()

        def member(names: Sequence[str], partition_bytes: int, name: str) -> Member:
            return Member(
                bootstrap_servers, group, names, instance=instance and instance + name, partition_bytes=partition_bytes,
                idle=self._until_idle, security=security, client_id=client_id,
            )  # fmt: skip

        others = [topic for topic in topics if topic != tenders]
        self._tenders: Member | None = None
        if tenders is not None and 0 < len(others) < len(topics):
            self._tenders = member([tenders], _TENDER_PARTITION_BYTES, "-tenders")
        self._others = member(others or topics, _PARTITION_BYTES, "")
        self._members = [self._others] if self._tenders is None else [self._tenders, self._others]
        self._scout: Scout | None = None
        if limits.look_ahead and self._tenders is not None:
            self._scout = Scout(bootstrap_servers, security, self._tenders.checks.topic_ids)

    def check_against(self, positions: Positions) -> None:
        """Compare what the group and the topics say with the ledger's positions; called before `start`."""
        for member in self._members:
            member.checks.positions = positions

    async def start(self) -> None:
        """Connect and ask to join the group.

        Raises Unavailable if no broker answers, OperatorError if a topic is missing.
        """
        for member in self._members:
            await member.start()

    async def stop(self, *, leave: bool = False) -> None:
        """Leave the group; static members stay for their next start, unless `leave`. Commits nothing."""
        self._idle.set()
        await asyncio.gather(*(member.stop(leave=leave) for member in self._members))
        if self._scout is not None:
            await self._scout.stop()

    @property
    def generation(self) -> int:
        """A number that goes up each time the group takes partitions away."""
        return sum(member.generation for member in self._members)

    @property
    def halted(self) -> set[TopicPartition]:
        """The partitions whose topic contradicts the ledger."""
        return set(self.why_halted)

    @property
    def why_halted(self) -> dict[TopicPartition, str]:
        """Return what is wrong with each halted partition."""
        return {at: why for member in self._members for at, why in member.checks.why_halted.items()}

    def halt(self, at: TopicPartition, halt: Halt) -> None:
        """Stop reading the partition until an operator has decided. Don't mark its records in flight as `done`."""
        for member in self._members:
            if at.topic in member.topics:
                member.checks.halt(at, halt)

    def is_waived(self, record: ConsumerRecord) -> bool:
        """Return whether an operator allows this record to become a dead letter."""
        at = TopicPartition(record.topic, record.partition)
        return any(member.checks.is_waived(at, record.offset) for member in self._members)

    async def go_on(self) -> None:
        """Carry out the operators' decisions about halted partitions. Raises errors of Postgres and Kafka."""
        for member in self._members:
            await member.go_on()

    # --- reading

    async def read(self, wait_s: float) -> Fetched:
        """Return the next batch: the available records, up to the limits; empty if none arrives within `wait_s`.

        Raises KafkaError, after seeking back so that no record is lost. Raises SessionEnded if the ledger may be
        another server's by now; then rewind.
        """
        try:
            batch = await self._gather(wait_s)
        except KafkaError:
            for member in self._members:
                await member.back()
            self._scout_again()
            raise
        self._last_records = len(batch.records)
        self._in_flight += 1
        self._idle.clear()
        return batch

    async def _gather(self, wait_s: float) -> Fetched:
        if any(member.checks.outdated for member in self._members):
            raise SessionEnded
        batch = Fetched(self._limits.with_tills() if self._has_tills else self._limits)
        until = time.monotonic() + wait_s
        if self._scout is not None and self._tenders is not None:
            lag, checked = self._tenders.lag, self._tenders.checks.checked
            await self._scout.look(checked(lag.read()), sum(checked(lag.records()).values()))
        lingers = True
        while not batch.full:
            starting = any(member.is_starting() for member in self._members)
            if await self._poll(batch):
                continue
            if not batch.records or (starting and self._room(batch) > 0):
                rest_s = max(0.0 if batch.records else until - time.monotonic(), _START_POLL_S if starting else 0.0)
                if rest_s <= 0:
                    break
                await self._arrival(rest_s)
            elif lingers and self._room(batch) > 0 and (linger_s := self._linger_s()) > 0:
                lingers = False  # once, and not until the next record: each poll has the consumers fetch again
                await asyncio.sleep(linger_s)
            else:
                break
        for member in self._members:
            await member.mark(batch)
        return batch

    async def _poll(self, batch: Fetched) -> int:
        """Add the fetched records, tenders first. Return the number of records."""
        before = len(batch.records)
        await self._poll_tenders(batch)
        if (room := self._room(batch)) > 0 and not batch.full:
            await self._others.poll(batch, room)
        return len(batch.records) - before

    async def _poll_tenders(self, batch: Fetched) -> None:
        before, room = len(batch.records), min(self._limits.tenders, self._limits.documents) - batch.tenders
        if self._tenders is None or room <= 0:
            return
        if self._scout is not None:  # at most half of the room, so that the members get on
            self._scout.follow(self._tenders.generation)
            batch.records += self._scout.take(room // 2, self._tenders.checks.checked(self._tenders.lag.read()))
        await self._tenders.poll(batch, room - (len(batch.records) - before))
        if came := batch.records[before:]:
            self._tender_at = time.monotonic()
            batch.tenders += len(came)
            batch.tenders_ms += [record.timestamp for record in came]

    async def add_late(self, batch: Fetched) -> list[ConsumerRecord]:
        """Add records that arrived meanwhile to the last batch, which is about to be decided. Return them."""
        before = len(batch.records)
        while await self._poll(batch) and not batch.full:  # a tender has room in a batch that is full of others
            pass
        late = batch.records[before:]
        for member in self._members if late else ():
            await member.mark(batch)
        return late

    @property
    def _has_tills(self) -> bool:
        return time.monotonic() - self._tender_at <= _TILLS_S

    def _room(self, batch: Fetched) -> int:
        """Return how many documents besides tenders the batch may still take."""
        room = self._limits.documents - len(batch.records)
        if not self._has_tills:
            return room
        return min(room, self._limits.beside_tenders - (len(batch.records) - batch.tenders))

    async def _arrival(self, within_s: float) -> None:
        arrivals = [member.arrival() for member in self._members]
        try:
            done, _ = await asyncio.wait(arrivals, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            for arrival in done:
                arrival.result()
        finally:
            for arrival in arrivals:
                arrival.cancel()

    def _linger_s(self) -> float:
        return self._limits.linger_s * min(1.0, max(0, self._last_records - 1) / _LINGER_FULL_AT)

    def lag(self) -> dict[TopicPartition, int]:
        """Return the number of unread records by partition; unknown partitions are absent."""
        return {at: records for member in self._members for at, records in member.lag.records().items()}

    def lag_s(self) -> dict[TopicPartition, float]:
        """Return the greatest possible age of the oldest unread record, by partition: 0 if all are read."""
        return {at: age_s for member in self._members for at, age_s in member.lag.seconds().items()}

    def partitions(self) -> dict[str, int]:
        """Return how many partitions each topic has, as far as is known; at least one."""
        return {topic: count for member in self._members for topic, count in member.lag.partitions().items()}

    def silent_s(self) -> float:
        """Return the seconds since a broker last answered for any partition; 0 if nothing was asked."""
        polled_ms = max(member.lag.polled_ms() for member in self._members)
        return time.time() - polled_ms / 1000 if polled_ms else 0.0

    # --- batches that are done, and batches that are not

    def is_lost(self, batch: Fetched) -> bool:
        """Return whether the group has given all partitions of the batch to other members."""
        return bool(batch.generations) and all(member.generation != read for member, read in batch.generations.items())

    def done(self, batch: Fetched) -> None:
        """Mark the batch and all before it as done, so that their offsets can be committed."""
        for member in self._members:
            member.done(batch)
        self._in_flight -= 1
        if self._in_flight <= 0:
            self._idle.set()

    async def commit(self) -> bool:
        """Commit the offsets of finished batches. Return whether there were any. Raises as `Member.commit`."""
        return any([await member.commit() for member in self._members])

    async def rewind(self) -> None:
        """Forget the batches in flight, and read again after the last finished batch."""
        for member in self._members:
            await member.rewind()
        self._scout_again()
        self._in_flight = 0
        self._idle.set()

    @property
    def topic_ids(self) -> dict[str, UUID]:
        """The ids that the topics had when their partitions were assigned, as far as is known."""
        return {topic: id_ for member in self._members for topic, id_ in member.checks.topic_ids.items()}

    async def start_over(self, topic: str, topic_id: UUID) -> None:
        """Read a topic that was deleted and created again, and has this id now, from its beginning."""
        for member in self._members:
            if topic in member.topics:
                await member.start_over(topic, topic_id)

    def _scout_again(self) -> None:
        if self._scout is not None:
            self._scout.restart()

    async def _until_idle(self) -> None:
        await self._idle.wait()

    # --- draining

    async def ends(self) -> dict[TopicPartition, int]:
        """Return the present end of each partition that holds a record, whichever member reads it."""
        for member in self._members:
            await member.joined.wait()
        return await self._others.backlog.ends(self._topics)

    def reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Return whether this worker has read each of its partitions up to these ends."""
        return all(member.lag.reached(ends) for member in self._members)

    async def short_of(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return those of `ends` that the group has not committed yet."""
        return await self._others.backlog.short_of(ends)
