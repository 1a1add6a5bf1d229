"""One consumer in the group: it reads its topics, and commits only batches that are marked as done.

These traps of aiokafka shape this file. `getmany` returns the buffered records, not a batch. It blocks for as long as
the group rebalances, whatever its timeout. A member that does not call it for five minutes is not let back into the
group. When it raises, records that it had already taken are lost. A listener's exceptions are swallowed, and a listener
that waits for a `getmany` deadlocks. A dead fetch task looks like silence.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import ConsumerRecord

from worker.kafka.checks import Checks
from worker.kafka.consumer import committed_of, group_consumer, raise_if_dead
from worker.kafka.fetched import Fetched
from worker.kafka.lag import Backlog, Lag
from worker.kafka.progress import Progress, read_of
from worker.kafka.security import Security
from worker.positions import Position, fingerprint
from worker.process import metrics
from worker.process.errors import OperatorError, Unavailable, describe

_log = structlog.get_logger(__name__)

# A batch in progress is finished before partitions are given up: within the time that the group waits for us.
_REVOKE_S = 45
_COMMIT_S = 30
# A slice is taken from one partition after the other, so that no backlog of one hides the others; and the byte limit
# is looked at between slices, so that many large records don't come in one go.
_LEAST_RECORDS = 16
# How long, at most, the first batch of an assignment waits for all of its partitions to answer.
_START_S = 0.5


class Member(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """`idle` returns once every batch in progress is done. Partitions are given up after that."""

    def __init__(
        self,
        bootstrap_servers: str,
        group: str,
        topics: Sequence[str],
        *,
        instance: str | None,
        client_id: str,
        partition_bytes: int,
        idle: Callable[[], Awaitable[None]],
        security: Security,
    ) -> None:
        self.topics = tuple(topics)
        self._idle = idle
        self._consumer = group_consumer(bootstrap_servers, group, instance, client_id, partition_bytes, security)
        self.generation = 0
        self.joined = asyncio.Event()
        self.checks = Checks(self._consumer)
        self._checked = False
        self._suspended = False
        self._progress: defaultdict[TopicPartition, Progress] = defaultdict(Progress)
        self.lag = Lag(self._consumer, self.topics, self._progress)
        self.backlog = Backlog(self._consumer)
        self._turn = 0
        self._starting_until = 0.0

    async def start(self) -> None:
        """Connect and ask to join the group.

        Raises Unavailable if no broker answers, OperatorError if a topic is missing.
        """
        try:
            await self._consumer.start()
            missing = set(self.topics) - await self._consumer.topics()
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        if missing:
            raise OperatorError(f"no such topic: {', '.join(sorted(missing))}; `g3n worker setup` creates it")
        self._consumer.subscribe(topics=self.topics, listener=self)

    async def stop(self, *, leave: bool = False) -> None:
        """Leave the group; a static member stays for its next start, unless `leave`. Commits nothing."""
        if leave and self._consumer._coordinator is not None:  # noqa: SLF001 - aiokafka's static members never leave
            self._consumer._coordinator._group_instance_id = None  # noqa: SLF001
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), 10)

    async def go_on(self) -> None:
        """Carry out the operators' decisions about halted partitions."""
        for at in await self.checks.go_on():
            self._progress.pop(at, None)

    # --- reading

    def arrival(self) -> "asyncio.Future[Any]":
        """Return a future: done once more is fetched, or raising the error that keeps this member from reading."""
        arrival: asyncio.Future[Any] = self._consumer._fetcher._create_fetch_waiter()  # noqa: SLF001
        return arrival

    async def poll(self, batch: Fetched, room: int) -> bool:
        """Move up to `room` fetched records into the batch, a slice from each partition in turn.

        Return whether there was any. It does not wait, and gives no record while the group rebalances. Raises
        KafkaError. Then records taken since the last `mark` may be lost, until `back`.
        """
        raise_if_dead(self._consumer)
        subscription = self._consumer._subscription  # noqa: SLF001 - or getmany would wait for the assignment
        if subscription.reassignment_in_progress:
            with subscription.fetch_context():
                return False
        if self._suspended or not (self._checked or await self._check()):
            return False
        if batch.generations.setdefault(self, self.generation) != self.generation:  # those come again
            batch.forget(self.topics)
            batch.generations[self] = self.generation
        taken = 0
        fetched = list(self._consumer._fetcher._records)  # noqa: SLF001 - partitions of which something is there
        size = max(_LEAST_RECORDS, min(batch.limits.slice, room // max(1, len(fetched))))
        self._turn += 1
        first = self._turn % max(1, len(fetched))
        for partition in [*fetched[first:], *fetched[:first]]:
            taken += await self._slice(batch, partition, min(size, room - taken))
            if taken >= room or batch.full:
                break
        if not fetched:
            await self._consumer.getmany()  # shows the group that it lives; raises what stops it from reading
        return taken > 0

    async def _check(self) -> bool:
        generation = self.generation
        known = await self.checks.begin()
        if generation == self.generation:
            for at, position in known.items():
                self._progress[at].last = position.last
            for at, offset in self.checks.starts.items():
                self._progress[at].read = self._progress[at].done = offset
            self._checked = True
        return self._checked

    async def _slice(self, batch: Fetched, partition: TopicPartition, size: int) -> int:
        try:
            got: Mapping[TopicPartition, list[ConsumerRecord]] = await self._consumer.getmany(
                partition, max_records=size
            )
        except NoOffsetForPartitionError:  # the group's first start, or a partition that was added later
            await self._seek({**read_of(self._progress), **batch.offsets})
        except OffsetOutOfRangeError as error:
            for at, offset in error.args[0].items():
                await self.checks.out_of_range(at, offset)
        else:
            for fetched in got.values():
                records = await self.checks.verified(partition, fetched)
                if records:
                    batch.add(partition, records)
                    self._progress[partition].last_ms = records[-1].timestamp
                return len(records)
        return 0

    async def mark(self, batch: Fetched) -> None:
        """Record positions and watermarks as of now. A position moves past transaction markers, too, which are not
        records.
        """
        if batch.generations.get(self) != self.generation:
            return
        if not self._checked:
            return
        for partition in self._consumer.assignment() - self.checks.unchecked:
            highwater = self._consumer.highwater(partition)
            if highwater is None:  # not fetched from yet
                continue
            progress = self._progress[partition]
            position = await self._consumer.position(partition)  # known by now: does not wait
            if (last := batch.last.get(partition)) is not None:
                progress.last = fingerprint(last)
            if progress.read != position:
                batch.positions[partition] = Position(
                    position, progress.last, self.checks.topic_ids.get(partition.topic), self.checks.session
                )
            polled_ms = self._consumer.last_poll_timestamp(partition)
            # A producer's clock may be ahead, but its timestamp can't be later than our reading.
            read_ms = polled_ms if position == highwater else min(progress.last_ms, polled_ms)
            batch.offsets[partition] = progress.read = position
            if read_ms > 0:
                batch.watermarks[partition] = read_ms * 1000
                progress.read_ms = read_ms

    def is_starting(self) -> bool:
        """Return whether a partition of a new assignment has not answered yet, and is worth waiting for."""
        if time.monotonic() >= self._starting_until:
            return False
        return any(
            self._consumer.highwater(at) is None for at in self._consumer.assignment() - self.checks.halted.keys()
        )

    # --- finished and unfinished batches

    def done(self, batch: Fetched) -> None:
        """Let the batch's records from this member's partitions be committed, unless the group has taken the partitions
        away.
        """
        if batch.generations.get(self) == self.generation:
            for at, offset in batch.offsets.items():
                if at.topic in self.topics:
                    self._progress[at].done = offset

    async def commit(self) -> bool:
        """Commit finished batches. Return whether there were any. If the group has moved on, their documents come
        again.

        Raises KafkaError, or TimeoutError if the group's coordinator can't be reached.
        """
        changed = {
            at: one.done for at, one in self._progress.items() if one.done is not None and one.done != one.committed
        }
        if not changed:
            return False
        try:
            await asyncio.wait_for(self._consumer.commit(changed), _COMMIT_S)
        except (CommitFailedError, IllegalStateError):
            _log.warning("commit_came_late", why="the group has rebalanced; the documents will come again")
            return False
        for at, offset in changed.items():
            self._progress[at].committed = offset
        return True

    async def back(self) -> None:
        """Forget the records taken since the last `mark`, and read them again."""
        await self._seek(read_of(self._progress))

    async def rewind(self) -> None:
        """Read again after the last finished batch, if the ledger still has it: the failure may have been a
        failover.
        """
        self._checked, self.checks.session = False, None
        for progress in self._progress.values():
            progress.read, progress.last = progress.done, None  # the last was of a batch that failed
        await self._seek(read_of(self._progress))

    async def start_over(self, topic: str, topic_id: UUID) -> None:
        """Read a topic that was deleted and created again, and has this id now, from its beginning: its offsets have
        nothing to do with the old topic's.
        """
        self._suspended = True
        try:
            await self._idle()  # or a batch in hand would write the old topic's position
            self.generation += 1
            for partition in [partition for partition in self._progress if partition.topic == topic]:
                del self._progress[partition]
            await self.checks.start_over(topic, topic_id, assigned=self._checked)
        finally:
            self._suspended = False

    async def _seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Seek to `offsets`; else to the committed offset; else to the beginning."""
        self.checks.back()
        assigned = self._consumer.assignment() - self.checks.unchecked
        rest = [partition for partition in assigned if partition not in offsets]
        committed = await committed_of(self._consumer, rest)
        with contextlib.suppress(IllegalStateError):  # a rebalance came between: the new assignment starts by itself
            for partition, offset in {**offsets, **committed}.items():
                if offset is not None and partition in assigned:
                    self._consumer.seek(partition, offset)
            if beginning := [partition for partition, offset in committed.items() if offset is None]:
                await self._consumer.seek_to_beginning(*beginning)

    # --- the group

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Finish and commit. No `poll` takes records from before this call to after it."""
        try:
            if revoked:
                await asyncio.wait_for(self._idle(), _REVOKE_S)
            await self.commit()
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it; what is not committed comes again
            _log.warning("revoked_unfinished", error=describe(error))
        self.generation += 1
        metrics.LAG.clear()
        metrics.LAG_SECONDS.clear()
        self._checked = False
        self.checks.forget()
        self._progress.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """The group has assigned partitions. The first call says that this member has joined."""
        _log.info("assigned", partitions=sorted(f"{at.topic}-{at.partition}" for at in assigned))
        self._starting_until = time.monotonic() + _START_S
        self.joined.set()
