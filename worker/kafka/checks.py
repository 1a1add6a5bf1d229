"""Compares each topic with the ledger's position in it, whenever a partition is assigned or Postgres may be another.

The group's offset, the ledger's position and the topic can each be lost, restored or replaced without the others:

- the group's offset is ahead of the ledger: the database was restored, or a standby was promoted that lagged. The
  documents in between have no effect any more, so they are read again from the ledger's position;
- the topic has another id, the record at the ledger's position is another one, or the topic ends before it: the topic
  was deleted and created again, or this is another cluster. The ledger can't tell what it missed, so the partition
  halts;
- the topic begins after it: documents are gone that nobody read. The partition halts too;
- the group's offset is behind: an operator asked for a replay, or a worker crashed. Duplicates are recognised.

To see the last record, the consumer begins with it; the record is compared and dropped.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError
from aiokafka.structs import ConsumerRecord

from worker.kafka.consumer import committed_of
from worker.kafka.fetch_by_id import fetch_by_id
from worker.kafka.topic_ids import topic_ids
from worker.positions import Decision, Halt, HaltKind, Position, Positions, fingerprint
from worker.process import metrics

_log = structlog.get_logger(__name__)

WHAT_TO_DO: Final = "g3n worker partition list, then resume or skip: see PartitionHalted in docs/runbooks.md"
_OTHER_ID: Final = "the topic has another id than the one that the ledger has read"


class _Expected(NamedTuple):
    """The partition is read from its last record on; once that is the one expected, from `go_on_at`."""

    position: Position
    go_on_at: int | None  # None: the beginning
    other: bool = False  # the topic has another id than the position's topic

    @property
    def begins_at(self) -> int:
        return 0 if self.position.last is None else self.position.last.offset


class Checks:
    """The checks of one consumer."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.positions: Positions | None = None  # the ledger's; without one the group's offsets count
        self._expected: dict[TopicPartition, _Expected] = {}
        self._anew: set[str] = set()
        self._pending: set[str] = set()  # created anew while their partitions were being assigned
        self.topic_ids: dict[str, UUID] = {}  # the positions are of these topics
        fetch_by_id(consumer._client, self.topic_ids)  # noqa: SLF001 - aiokafka fetches by name
        self.session: int | None = None  # of the ledger, in which all partitions were compared
        self.starts: dict[TopicPartition, int] = {}  # the next offset of each checked partition
        self._decided: dict[TopicPartition, int] = {}  # the ledger's next offset; the group's may be behind it
        self.halted: dict[TopicPartition, Halt] = {}
        self.waived: dict[TopicPartition, int] = {}  # the offset up to which an operator allows dead letters

    @property
    def unchecked(self) -> set[TopicPartition]:
        """Partitions without a known position: halted, or not checked yet."""
        return self.halted.keys() | self._expected.keys()

    @property
    def outdated(self) -> bool:
        """Whether Postgres has ended the session in which the partitions were compared: it may be another server."""
        return self.session is not None and self.positions is not None and self.session != self.positions.session

    def checked(self, of: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return the items of those partitions that are read on: checked, and not halted."""
        unchecked = self.unchecked
        return {at: number for at, number in of.items() if at not in unchecked}

    def forget(self) -> None:
        """Forget everything: the group takes all partitions away."""
        for at in self.halted:
            metrics.HALTED.labels(at.topic, at.partition).set(0)
        self.halted.clear()
        self.waived.clear()
        self._expected.clear()

    async def begin(self, only: TopicPartition | None = None) -> dict[TopicPartition, Position]:
        """Seek each assigned partition to the offset to read from. Return the ledger's positions.

        `only`: only this assigned partition, although it is halted. Raises errors of Postgres and Kafka; then call it
        again before taking a record.
        """
        if self.positions is None:
            return {}
        session = self.positions.session
        assigned = sorted(self._consumer.assignment() - self.halted.keys() if only is None else {only})
        self.starts.clear()
        if only is None:
            self._expected.clear()
        for key, (kind, decision) in (await self.positions.end_halts(assigned)).items():
            if decision is Decision.SKIP:
                await self._accept(TopicPartition(*key), kind)
        new = {at for at in assigned if at.topic in self._pending}
        await self.positions.forget(new)
        found = await self.positions.read(assigned)
        # If only one partition goes on, the others of its topic are read by the id that is known.
        topics = {at.topic for at in assigned} - (set() if only is None else self.topic_ids.keys())
        client = self._consumer._client  # noqa: SLF001 - aiokafka's consumer does not ask for ids
        self._learn(await topic_ids(client, sorted(topics)) or {})
        offsets = await committed_of(self._consumer, assigned)
        known: dict[TopicPartition, Position] = {}
        with contextlib.suppress(IllegalStateError):  # a rebalance came between: it begins anew
            for at, committed in offsets.items():
                position = found.get(at)
                self._decided[at] = 0 if position is None else position.next_offset
                if position is not None:
                    known[at] = position
                    self._expect(at, position, committed)
                elif committed is None:
                    new.add(at)
                elif at not in found and committed and at not in new:
                    await self._never_read(at, committed)
            if new:  # all at once; else aiokafka would ask for the offset of one after the other, and find none
                await self._consumer.seek_to_beginning(*new)
            self._pending -= {at.topic for at in new}
        if only is None:
            self.session = session
        return known

    def _expect(self, at: TopicPartition, position: Position, committed: int | None) -> None:
        if committed is not None and committed > position.next_offset:
            self._tell_behind(at, position.next_offset, committed)
        go_on_at = None if committed is None else min(committed, position.next_offset)
        if go_on_at is not None:
            self.starts[at] = go_on_at
        other = position.topic_id is not None and self.topic_ids.get(at.topic, position.topic_id) != position.topic_id
        if position.last is not None or other:
            self._expected[at] = _Expected(position, go_on_at, other)
            self._consumer.seek(at, self._expected[at].begins_at)
        elif go_on_at is not None:
            self._consumer.seek(at, go_on_at)

    async def _never_read(self, at: TopicPartition, committed: int) -> None:
        """Handle a partition that the group has read and this ledger has not."""
        begin = (await self._consumer.beginning_offsets([at]))[at]
        if begin < committed:
            self._tell_behind(at, begin, committed)
            self.starts[at] = begin
            self._consumer.seek(at, begin)

    def _tell_behind(self, at: TopicPartition, ledger: int, group: int) -> None:
        metrics.BEHIND.inc()
        _log.error(
            "ledger_behind", alert=True, topic=at.topic, partition=at.partition, ledger_offset=ledger,
            group_offset=group,
            why="the database lost what it had read (restored, or a standby that lagged): it is read again",
        )  # fmt: skip

    def back(self) -> None:
        """Go back to the records that are still to be compared."""
        with contextlib.suppress(IllegalStateError):  # a rebalance came between
            for at, expected in self._expected.items():
                self._consumer.seek(at, expected.begins_at)

    # --- while reading

    async def verified(self, at: TopicPartition, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        """Return the fetched records that must be decided."""
        expected = self._expected.get(at)
        if expected is None:
            return records
        last, first = expected.position.last, records[0]
        if expected.other or fingerprint(first) != last:
            what = f"record {first.offset} is not the one that the ledger read last"
            await self._contradicts(at, _OTHER_ID if expected.other else what)
            return ()
        del self._expected[at]
        if expected.go_on_at is not None and expected.go_on_at > first.offset:
            return records[1:]
        await self._go_to(at, expected.go_on_at)
        return ()

    async def out_of_range(self, at: TopicPartition, offset: int) -> None:
        """Handle an offset that the topic does not hold: go on where no record is skipped, or halt."""
        begin = (await self._consumer.beginning_offsets([at]))[at]
        end = (await self._consumer.end_offsets([at]))[at]
        expected = self._expected.get(at)
        next_offset = max(offset, self._decided.get(at, 0))
        if end < next_offset:
            await self._contradicts(at, f"the ledger has read up to offset {next_offset}, and the topic ends at {end}")
        elif expected is not None and expected.other:
            await self._contradicts(at, _OTHER_ID)
        elif begin > next_offset:
            why = f"documents are gone: the next is offset {next_offset}, and the topic begins at {begin}"
            self.halt(at, Halt(HaltKind.GONE, why))
        else:  # only records that were read are gone
            self._expected.pop(at, None)
            go_on_at = offset if expected is None else expected.go_on_at
            await self._go_to(at, None if go_on_at is None else max(begin, go_on_at))

    async def _contradicts(self, at: TopicPartition, what: str) -> None:
        if at.topic not in self._anew:
            why = f"{what}: the topic was deleted and created again, or this is another cluster"
            self.halt(at, Halt(HaltKind.CONTRADICTS, why))
            return
        self._expected.pop(at, None)
        if self.positions is not None:  # or the positions in the new topic would count as going back
            await self.positions.forget([(at.topic, at.partition)])
        await self._go_to(at, None)

    @property
    def why_halted(self) -> dict[TopicPartition, str]:
        """Return what is wrong with each halted partition."""
        return {at: halt.why for at, halt in self.halted.items()}

    def is_waived(self, at: TopicPartition, offset: int) -> bool:
        """Return whether an operator allows dead letters of this partition up to beyond this offset."""
        return offset < self.waived.get(at, 0)

    def halt(self, at: TopicPartition, halt: Halt) -> None:
        """Read no more of the partition until an operator has decided."""
        self._expected.pop(at, None)
        self.halted[at] = halt
        self._consumer.pause(at)
        metrics.HALTED.labels(at.topic, at.partition).set(1)
        _log.error(
            "partition_halted", alert=True, topic=at.topic, partition=at.partition, why=halt.why, what_to_do=WHAT_TO_DO
        )

    async def go_on(self) -> list[TopicPartition]:
        """Show operators the halted partitions, and do what they have decided. Return the partitions that go on.

        Raises errors of Postgres and Kafka.
        """
        if not self.halted or self.positions is None:
            return []
        halted = {(at.topic, at.partition): halt for at, halt in self.halted.items()}
        decided = [TopicPartition(*key) for key in await self.positions.tell(halted)]
        for at in decided:
            if at not in self.halted:  # the group has taken it away meanwhile
                continue
            # Halted until it has been sought: the consumer's position may lie beyond what was decided.
            await self.begin(at)
            # No position is known: the ledger has forgotten it, or no record of the partition was ever decided.
            if at not in self.starts and at not in self._expected:
                await self._go_to(at, None)
            if self.halted.pop(at, None) is None:
                continue
            self._consumer.resume(at)
            metrics.HALTED.labels(at.topic, at.partition).set(0)
            _log.warning("partition_goes_on", topic=at.topic, partition=at.partition)
        return decided

    async def _accept(self, at: TopicPartition, kind: HaltKind) -> None:
        """Let the partition go on although nothing has changed, because an operator wants it."""
        if kind is HaltKind.DEAD_LETTERS:
            self.waived[at] = (await self._consumer.end_offsets([at]))[at]
        elif self.positions is not None:  # the topic as it is, from its beginning
            await self.positions.forget([(at.topic, at.partition)])

    async def start_over(self, topic: str, topic_id: UUID, *, assigned: bool) -> None:
        """Read a topic from its beginning after it was deleted and created again: the ledger's position is void.

        `assigned`: no rebalance is under way; else the next `begin` does it.
        """
        self._anew.add(topic)
        if not assigned:
            self._pending.add(topic)
            self._learn({topic: topic_id})
            return
        partitions = [at for at in self._consumer.assignment() if at.topic == topic]
        if self.positions is not None:
            await self.positions.forget([(at.topic, at.partition) for at in partitions])
        self._learn({topic: topic_id})  # from here on nothing waits until all positions are reset
        for at in partitions:
            self._expected.pop(at, None)
            self._decided.pop(at, None)
            if self.halted.pop(at, None) is not None:
                self._consumer.resume(at)
                metrics.HALTED.labels(at.topic, at.partition).set(0)
        if partitions:
            await self._consumer.seek_to_beginning(*partitions)

    def _learn(self, ids: Mapping[str, UUID]) -> None:
        """Fetch by these ids, and drop the records that were fetched by others."""
        changed = {topic for topic, id_ in ids.items() if self.topic_ids.get(topic) != id_}
        self.topic_ids |= ids
        fetched = self._consumer._fetcher._records  # noqa: SLF001 - those that nobody has taken
        for at in [at for at in fetched if at.topic in changed]:
            del fetched[at]

    async def _go_to(self, at: TopicPartition, offset: int | None) -> None:
        if offset is None:
            self._decided.pop(at, None)
            await self._consumer.seek_to_beginning(at)
        else:
            self._consumer.seek(at, offset)
