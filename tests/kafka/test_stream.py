"""The stream between a real broker and a pipeline that writes down what it is asked to do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from tests.kafka.conftest import Cluster, NewReader, until
from worker.codec import Message
from worker.engine.messages import Applied
from worker.engine.pipeline import Pipeline
from worker.engine.stream import Stream
from worker.kafka.fetched import Limits
from worker.kafka.publisher import Publisher
from worker.ledger.deadlines import Left
from worker.positions import Partition, Position
from worker.process.errors import Halted, Unavailable
from worker.process.health import Status


@dataclass
class Recorder:
    """Answers each record with one message; keeps what it applied, as a ledger would, duplicates told apart."""

    answers: str
    applied: list[bytes] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    duplicates: int = 0
    resets: int = 0
    published_no: list[int] = field(default_factory=list)
    ready: list[bytes] = field(default_factory=list)
    watermarks: dict[tuple[str, int], int] = field(default_factory=dict)
    turns: list[str] = field(default_factory=list)
    accepted_behind_s: float = 0.0
    before_apply: Callable[[list[bytes]], None] = lambda _: None
    during_apply: Callable[[list[bytes]], Awaitable[object]] = lambda _: asyncio.sleep(0)

    def decode(self, records: Sequence[ConsumerRecord], now_us: int) -> list[bytes]:
        assert now_us > 0
        return [record.value for record in records]

    async def apply(
        self,
        batch: list[bytes],
        watermarks: Mapping[Partition, int],
        positions: Mapping[Partition, Position],
        waived: Callable[[ConsumerRecord], bool],
    ) -> Applied:
        assert positions.keys() >= watermarks.keys()
        assert callable(waived)
        self.watermarks |= watermarks
        if not batch:
            return Applied()
        self.before_apply(batch)
        await self.during_apply(batch)
        self.duplicates += len(set(batch) & set(self.applied))
        self.applied += batch
        self.batches.append(len(batch))
        self.turns.append("batch")
        return self._answer(batch, ready=False)

    async def left(self) -> Left:
        return Left(0, len(self.ready))

    async def catch_up(
        self, *, final: bool, partitions: Mapping[str, int] | None, watermarks: Mapping[Partition, int]
    ) -> Applied | None:
        self.watermarks |= watermarks
        assert final in (True, False)
        assert partitions is not None
        if not self.ready:
            return None
        self.turns.append("catch_up")
        return self._answer([self.ready.pop()], ready=bool(self.ready))

    def _answer(self, values: list[bytes], *, ready: bool) -> Applied:
        return Applied([Message(self.answers, b"k", value) for value in values], (len(self.batches),), ready=ready)

    def published(self, batch_no: tuple[int, ...], accepted: Sequence[Message]) -> None:
        assert not accepted
        self.published_no += batch_no

    def failed(self) -> None:
        self.resets += 1


@dataclass
class Rig:
    source: str
    answers: str
    pipeline: Recorder
    stream: Stream
    status: Status


NewRig = Callable[..., Any]


@pytest.fixture
async def new_rig(cluster: Cluster, new_reader: NewReader, group: str) -> AsyncIterator[NewRig]:
    publishers = []

    async def make(
        source: str = "", answers: str = "", *, documents: int = 100, give_up_s: float = 20, tenders: str | None = None
    ) -> Rig:
        source, answers = source or await cluster.topic(2), answers or await cluster.topic()
        publisher = Publisher(cluster.bootstrap, ack_s=5)
        publishers.append(publisher)
        await publisher.start()
        topics = [source, tenders] if tenders else [source]
        reader = await new_reader(topics, group, limits=Limits(documents=documents), tenders=tenders)
        pipeline, status = Recorder(answers), Status()
        stream = Stream(reader, cast("Pipeline", pipeline), publisher, status, give_up_s=give_up_s)
        return Rig(source, answers, pipeline, stream, status)

    yield make
    for publisher in publishers:
        await publisher.stop()


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


async def answered(cluster: Cluster, rig: Rig) -> list[bytes]:
    return [record.value for record in await cluster.all(rig.answers)]


async def test_drain_answers_everything_in_order_and_commits_it(cluster: Cluster, new_rig: NewRig, group: str) -> None:
    rig = await new_rig()
    await cluster.send(rig.source, numbered(1050))
    assert await rig.stream.drain()
    assert rig.pipeline.applied == await answered(cluster, rig) == numbered(1050)
    assert max(rig.pipeline.batches) == 100
    assert rig.pipeline.published_no == list(range(1, len(rig.pipeline.batches) + 1))
    assert (await cluster.committed(group))[TopicPartition(rig.source, 0)] == 1050
    assert rig.status.why_not == {}
    assert set(rig.pipeline.watermarks) == {(rig.source, 0), (rig.source, 1)}


async def test_drain_of_nothing_ends(new_rig: NewRig) -> None:
    rig = await new_rig()
    assert await rig.stream.drain()


async def test_drain_ends_only_when_nothing_is_ready(cluster: Cluster, new_rig: NewRig) -> None:
    rig = await new_rig()
    rig.pipeline.ready = [b"woken-2", b"woken-1"]
    await cluster.send(rig.source, numbered(3))
    assert await rig.stream.drain()
    assert await answered(cluster, rig) == [*numbered(3), b"woken-1", b"woken-2"]


async def test_a_tender_waits_for_the_batch_in_hand_and_for_no_other(cluster: Cluster, new_rig: NewRig) -> None:
    tenders = await cluster.topic()
    rig = await new_rig(tenders=tenders)
    reader, sent = rig.stream._reader, 0

    async def ask(batch: list[bytes]) -> None:
        nonlocal sent
        if b"500" in batch or b"1200" in batch:
            sent += 1
            await cluster.send(tenders, [b"tender-%d" % sent])
            await until(lambda: bool(reader._tenders._consumer._fetcher._records))

    rig.pipeline.during_apply = ask
    await cluster.send(rig.source, numbered(3000))
    assert await rig.stream.drain()
    applied = rig.pipeline.applied
    assert len(applied) == len(set(applied)) == 3002
    # The rest of the batch in hand, and the one that was read ahead.
    assert 0 < applied.index(b"tender-1") - applied.index(b"500") <= 200
    assert 0 < applied.index(b"tender-2") - applied.index(b"1200") <= 201


async def test_due_work_takes_turns_with_batches(cluster: Cluster, new_rig: NewRig) -> None:
    rig = await new_rig(documents=10)
    rig.pipeline.ready = numbered(40)
    await cluster.send(rig.source, numbered(1000))
    assert await rig.stream.drain()
    turns = rig.pipeline.turns
    first, last = turns.index("catch_up"), len(turns) - 1 - turns[::-1].index("catch_up")
    together = "".join(turn[0] for turn in turns[first : last + 1])
    assert "bb" not in together, "a batch came twice while something was due"
    assert together.count("c") == 40


async def test_drain_ends_although_more_keeps_coming(cluster: Cluster, new_rig: NewRig) -> None:
    rig = await new_rig(documents=10)
    await cluster.send(rig.source, numbered(30))
    sending: list[asyncio.Future[None]] = []

    def send_more(batch: list[bytes]) -> None:
        more = [b"more-%d-%d" % (len(sending), number) for number in range(len(batch))]
        sending.append(asyncio.ensure_future(cluster.send(rig.source, more)))

    rig.pipeline.before_apply = send_more
    assert await rig.stream.drain()
    await asyncio.gather(*sending)
    assert (await answered(cluster, rig))[:30] == numbered(30)


async def test_two_drain_as_one_group(cluster: Cluster, new_rig: NewRig) -> None:
    one = await new_rig()
    two = await new_rig(one.source, one.answers)
    await cluster.send(one.source, numbered(500), partition=0)
    await cluster.send(one.source, numbered(500, 500), partition=1)
    assert all(await asyncio.gather(one.stream.drain(), two.stream.drain()))
    assert set(await answered(cluster, one)) == set(numbered(1000)) == {*one.pipeline.applied, *two.pipeline.applied}


async def test_faults_of_the_environment_are_retried(
    cluster: Cluster, new_rig: NewRig, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await new_rig()
    failing = [TimeoutError(), ConnectionResetError(), Unavailable("gone")]
    told: list[tuple[str, str]] = []
    down = rig.status.down

    def tell(part: str, why: str) -> None:
        told.append((part, why))
        down(part, why)

    def fail(batch: list[bytes]) -> None:
        if failing and b"250" in batch:
            raise failing.pop()

    monkeypatch.setattr(rig.status, "down", tell)
    rig.pipeline.before_apply = fail
    await cluster.send(rig.source, numbered(1000))
    assert await rig.stream.drain()
    assert rig.pipeline.applied == await answered(cluster, rig) == numbered(1000)
    assert (rig.pipeline.duplicates, rig.pipeline.resets) == (0, 3)
    assert told == [("stream", why) for why in ("Unavailable: gone", "ConnectionResetError", "TimeoutError")]
    assert rig.status.why_not == {}
    assert (await cluster.committed(group))[TopicPartition(rig.source, 0)] == 1000


async def test_a_lasting_fault_ends_the_stream_without_a_commit(cluster: Cluster, new_rig: NewRig, group: str) -> None:
    rig = await new_rig(give_up_s=0.5)

    def fail(batch: list[bytes]) -> None:
        if b"250" in batch:
            raise Unavailable("for ever")

    rig.pipeline.before_apply = fail
    await cluster.send(rig.source, numbered(1000))
    with pytest.raises(Unavailable, match="for ever"):
        await rig.stream.run()
    assert await answered(cluster, rig) == rig.pipeline.applied == numbered(200)
    assert (await cluster.committed(group)).get(TopicPartition(rig.source, 0), 0) <= 200


async def test_our_own_fault_ends_the_stream_at_once(cluster: Cluster, new_rig: NewRig, group: str) -> None:
    rig = await new_rig()

    def fail(batch: list[bytes]) -> None:
        raise AssertionError(len(batch))

    rig.pipeline.before_apply = fail
    await cluster.send(rig.source, numbered(10))
    with pytest.raises(AssertionError):
        await rig.stream.run()
    assert TopicPartition(rig.source, 0) not in await cluster.committed(group)


async def test_stop_finishes_publishes_and_commits(cluster: Cluster, new_rig: NewRig, group: str) -> None:
    rig = await new_rig(documents=10)
    await cluster.send(rig.source, numbered(1000))
    rig.pipeline.before_apply = lambda batch: rig.stream.stop() if b"500" in batch else None
    await rig.stream.run()
    assert numbered(len(rig.pipeline.applied)) == rig.pipeline.applied == await answered(cluster, rig)
    assert 500 < len(rig.pipeline.applied) < 1000
    committed = (await cluster.committed(group))[TopicPartition(rig.source, 0)]
    assert committed == len(rig.pipeline.applied)


async def test_little_is_committed_soon(cluster: Cluster, new_rig: NewRig, group: str) -> None:
    rig = await new_rig()
    running = asyncio.create_task(rig.stream.run())
    await until(lambda: rig.status.why_not == {})
    await cluster.send(rig.source, numbered(1))
    while (await cluster.committed(group)).get(TopicPartition(rig.source, 0)) != 1:
        assert not running.done()
    rig.stream.stop()
    await running


async def test_a_stream_that_is_stopped_before_the_end_has_not_drained(cluster: Cluster, new_rig: NewRig) -> None:
    rig = await new_rig(documents=10)
    await cluster.send(rig.source, numbered(1000))
    rig.pipeline.before_apply = lambda _: rig.stream.stop()
    assert not await rig.stream.drain()


async def test_a_halted_partition_fails_the_drain(cluster: Cluster, new_rig: NewRig) -> None:
    first = await new_rig()
    await cluster.send(first.source, numbered(10))
    assert await first.stream.drain()
    await first.stream._reader.stop()
    await cluster.send(first.source, numbered(10, 10))
    await cluster.delete_before(first.source, 0, 15)
    second = await new_rig(first.source, first.answers)
    with pytest.raises(Halted, match=f"halted: {first.source}-0"):
        await second.stream.drain()


async def test_a_member_that_joins_takes_over_without_a_duplicate(cluster: Cluster, new_rig: NewRig) -> None:
    one = await new_rig(documents=20)
    sending = [
        asyncio.create_task(cluster.send(one.source, numbered(2000, 2000 * partition), partition=partition))
        for partition in (0, 1)
    ]
    running = asyncio.create_task(one.stream.run())
    await until(lambda: len(one.pipeline.applied) > 100)
    two = await new_rig(one.source, one.answers)
    await asyncio.gather(*sending)
    also_running = asyncio.create_task(two.stream.run())
    await until(lambda: len(two.stream._reader._others._consumer.assignment()) == 1)
    await cluster.send(one.source, numbered(50, 4000), partition=0)
    await cluster.send(one.source, numbered(50, 4050), partition=1)
    await until(lambda: {*one.pipeline.applied, *two.pipeline.applied} == set(numbered(4100)))
    for rig in (one, two):
        rig.stream.stop()
    await asyncio.gather(running, also_running)
    both = [*one.pipeline.applied, *two.pipeline.applied]
    assert two.pipeline.applied
    assert len(both) == 4100
    assert sorted(await answered(cluster, one)) == sorted(numbered(4100))
