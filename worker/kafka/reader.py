"""Reads the input topics as one member of a consumer group, and commits only what it is told is done.

aiokafka's traps that shape this file: `getmany` returns what is buffered, not a batch; it blocks for as long as the
group rebalances, whatever its time-out; when it raises, records that it had already taken out are lost; a listener's
exceptions are swallowed, and a listener that waits for a `getmany` deadlocks; a dead fetch task looks like silence.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import ConsumerRecord

from worker import metrics
from worker.errors import OperatorError, Unavailable, describe
from worker.kafka import batches
from worker.kafka.fetched import Fetched, Limits
from worker.kafka.security import PLAINTEXT, Security

_log = structlog.get_logger(__name__)

_MIB = 1 << 20
_REBALANCE_S = 60
# A batch in hand is finished before partitions are given up; less than what the group waits for us.
_REVOKE_S = 45
_COMMIT_S = 30
# The byte limit is looked at between slices, so that many large records don't come in one go.
_SLICE_RECORDS = 256
# From so many records on, a batch shows a stream that is worth waiting for; a lone document is answered at once.
_LINGER_FULL_AT = 50
# How long, at most, the first batch of an assignment waits for all of its partitions to answer.
_START_S = 0.5
_START_POLL_MS = 20


class Reader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One consumer. What `read` returned is in flight until `done` or `rewind`; partitions are given up after that."""

    def __init__(
        self, bootstrap_servers: str, group: str, topics: Sequence[str], *, instance: str | None, limits: Limits,
        security: Security = PLAINTEXT,
    ) -> None:  # fmt: skip
        batches.install()
        self._topics = tuple(topics)
        self._limits = limits
        self._consumer = AIOKafkaConsumer(
            **security,
            bootstrap_servers=bootstrap_servers,
            group_id=group,
            group_instance_id=instance,
            enable_auto_commit=False,
            auto_offset_reset="none",
            # A document of an aborted transaction was never sent. Costs nothing where nobody uses transactions.
            isolation_level="read_committed",
            # A record larger than this still comes, alone: the broker always sends the first one whole.
            max_partition_fetch_bytes=_MIB,
            fetch_max_bytes=32 * _MIB,
            rebalance_timeout_ms=_REBALANCE_S * 1000,
            # Joining takes as long as the slowest member needs to give up its partitions.
            request_timeout_ms=(_REBALANCE_S + 10) * 1000,
            # Nobody takes over a static member's partitions while it restarts; a dynamic one's soon.
            session_timeout_ms=30_000 if instance else 10_000,
        )
        self.generation = 0
        self.halted: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._last_ms: dict[TopicPartition, int] = {}
        self._done: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._in_flight = 0
        self._settled = asyncio.Event()
        self._joined = asyncio.Event()
        self._last_records = 0
        self._starting_until = 0.0

    async def start(self) -> None:
        """Connect and ask to join the group.

        Raises Unavailable if no broker answers, OperatorError if a topic is missing.
        """
        try:
            await self._consumer.start()
            missing = set(self._topics) - await self._consumer.topics()
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        if missing:
            raise OperatorError(f"no such topic: {', '.join(sorted(missing))}; `g3n worker setup` creates it")
        self._consumer.subscribe(topics=self._topics, listener=self)

    async def stop(self) -> None:
        """Leave the group (a static member stays, for its next start); commits nothing."""
        self._settled.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), 10)

    # --- reading

    async def read(self, wait_s: float) -> Fetched:
        """The next batch: as much as is there, up to the limits; empty if nothing comes for `wait_s`.

        Raises KafkaError, after seeking back so that nothing is lost.
        """
        batch, deadline = Fetched(self.generation), None
        while not batch.full:
            timeout_ms = int(1000 * (wait_s if deadline is None else max(0.0, deadline - time.monotonic())))
            starting = self._is_starting()
            if starting:
                timeout_ms = max(timeout_ms, _START_POLL_MS)
            got = await self._poll(batch, timeout_ms)
            if self.generation != batch.generation:  # what another assignment gave is not ours to finish
                batch, deadline = Fetched(self.generation), None
            for partition, records in got.items():
                batch.add(partition, records, self._limits)
                self._last_ms[partition] = records[-1].timestamp
            if got and deadline is None:
                deadline = time.monotonic() + self._linger_s()
            if not got and (deadline is None or timeout_ms == 0) and not starting:
                break
            if starting and deadline is not None:
                deadline = time.monotonic() + self._linger_s()
        self._last_records = len(batch.records)
        self._in_flight += 1
        self._settled.clear()
        await self._mark(batch)
        return batch

    def _is_starting(self) -> bool:
        """Some partition of a new assignment has not answered yet. A batch that waits for it, for a moment, finds a
        backlog of several topics together, and so in the order in which it was published.
        """
        if time.monotonic() >= self._starting_until:
            return False
        return any(self._consumer.highwater(at) is None for at in self._consumer.assignment() - self.halted)

    def _linger_s(self) -> float:
        return self._limits.linger_s * min(1.0, max(0, self._last_records - 1) / _LINGER_FULL_AT)

    async def _poll(self, batch: Fetched, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        room = min(_SLICE_RECORDS, self._limits.documents - len(batch.records))
        try:
            self._raise_if_fetching_died()
            got: dict[TopicPartition, list[ConsumerRecord]] = await self._consumer.getmany(
                timeout_ms=timeout_ms, max_records=room
            )
        except NoOffsetForPartitionError:  # the group's first start, or a partition that was added later
            await self._seek({**self._positions, **batch.offsets})
        except OffsetOutOfRangeError as error:
            self._halt(error)
        except KafkaError:
            await self._seek(self._positions)
            raise
        else:
            return got
        return {}

    def _raise_if_fetching_died(self) -> None:
        fetching = self._consumer._fetcher.error_future  # noqa: SLF001 - aiokafka tells nobody when it ends
        if fetching.done():  # it never starts again: not retriable
            raise KafkaError("the Kafka client has stopped fetching")

    def _halt(self, error: OffsetOutOfRangeError) -> None:
        for partition, offset in error.args[0].items():
            self.halted.add(partition)
            self._consumer.pause(partition)
            metrics.HALTED.labels(partition.topic, partition.partition).set(1)
            _log.error(
                "partition_halted",
                alert=True,
                topic=partition.topic,
                partition=partition.partition,
                offset=offset,
                why="the group's offset is outside what the topic still holds: documents are gone; reset it by hand",
            )

    async def _mark(self, batch: Fetched) -> None:
        """Positions and watermarks as of now. A position moves past transaction markers too, which are no records."""
        for partition in self._consumer.assignment() - self.halted:
            highwater = self._consumer.highwater(partition)
            if highwater is None:  # not fetched from yet
                continue
            position = await self._consumer.position(partition)  # known by now: does not wait
            polled_ms = self._consumer.last_poll_timestamp(partition)
            # A producer's clock may be ahead; what it stamps can't be later than when we read it.
            read_ms = polled_ms if position == highwater else min(self._last_ms.get(partition, 0), polled_ms)
            batch.offsets[partition] = self._positions[partition] = position
            if read_ms > 0:
                batch.watermarks[partition] = read_ms * 1000

    def lag(self) -> dict[TopicPartition, int]:
        """Records not yet read, a partition; those of which nothing is known are absent."""
        marks = {partition: self._consumer.highwater(partition) for partition in self._consumer.assignment()}
        return {
            partition: max(0, highwater - self._positions[partition])
            for partition, highwater in marks.items()
            if highwater is not None and partition in self._positions
        }

    def silent_s(self) -> float:
        """Seconds since a broker last answered for any partition; 0 while nothing was asked."""
        polled = [self._consumer.last_poll_timestamp(at) or 0 for at in self._consumer.assignment()]
        return time.time() - max(polled) / 1000 if any(polled) else 0.0

    # --- what is done, and what is not

    def done(self, batch: Fetched) -> None:
        """The batch and all before it have their effect, and every outcome is acknowledged: may be committed."""
        if batch.generation != self.generation:
            return
        self._done.update(batch.offsets)
        self._in_flight -= 1
        if self._in_flight <= 0:
            self._settled.set()

    async def commit(self) -> bool:
        """Commit what is done; whether there was anything. Where the group has moved on, the documents come again.

        Raises KafkaError, or TimeoutError if the group's coordinator can't be reached.
        """
        changed = {at: offset for at, offset in self._done.items() if self._committed.get(at) != offset}
        if not changed:
            return False
        try:
            await asyncio.wait_for(self._consumer.commit(changed), _COMMIT_S)
        except (CommitFailedError, IllegalStateError):
            _log.warning("commit_came_late", why="the group has rebalanced; the documents will come again")
            return False
        self._committed.update(changed)
        return True

    async def rewind(self) -> None:
        """Forget what is in flight and read again from what is done."""
        await self._seek(self._done)
        self._positions = dict(self._done)
        self._in_flight = 0
        self._settled.set()

    async def _seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """To `offsets`; else to the committed offset; where there is none either, to the beginning."""
        rest = [partition for partition in self._consumer.assignment() - self.halted if partition not in offsets]
        committed = dict(zip(rest, await asyncio.gather(*map(self._consumer.committed, rest)), strict=True))
        with contextlib.suppress(IllegalStateError):  # a rebalance came between: the new assignment starts by itself
            for partition, offset in {**offsets, **committed}.items():
                if offset is not None:
                    self._consumer.seek(partition, offset)
            if beginning := [partition for partition, offset in committed.items() if offset is None]:
                await self._consumer.seek_to_beginning(*beginning)

    # --- the group

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Finish and commit. No `getmany` returns records from before this call to after it."""
        try:
            if revoked and self._in_flight:
                await asyncio.wait_for(self._settled.wait(), _REVOKE_S)
            await self.commit()
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it; what is not committed comes again
            _log.warning("revoked_unfinished", error=describe(error))
        self.generation += 1
        self._in_flight = 0
        for partition in self.halted:
            metrics.HALTED.labels(partition.topic, partition.partition).set(0)
        metrics.LAG.clear()
        for known in (self.halted, self._positions, self._last_ms, self._done, self._committed):
            known.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """The first call says that the group has taken us in."""
        _log.info("assigned", partitions=sorted(f"{at.topic}-{at.partition}" for at in assigned))
        self._starting_until = time.monotonic() + _START_S
        self._joined.set()

    # --- draining

    async def ends(self) -> dict[TopicPartition, int]:
        """Where every partition of every topic that holds a record ends now, whoever reads it."""
        await self._joined.wait()
        partitions = [
            TopicPartition(topic, number)
            for topic in self._topics
            for number in await self._consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - or None, too early
        ]
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        return {partition: end for partition, end in ends.items() if end > begins[partition]}

    async def short_of(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Those of `ends` that the group has not committed yet."""
        committed = await asyncio.gather(*map(self._consumer.committed, ends))
        return {
            partition: end
            for (partition, end), offset in zip(ends.items(), committed, strict=True)
            if offset is None or offset < end
        }
