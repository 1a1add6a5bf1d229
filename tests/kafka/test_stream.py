"""The stream between a real broker and a pipeline that records its calls."""

import asyncio

import pytest
from aiokafka import TopicPartition

from tests.kafka.conftest import Cluster, answered, numbered, until
from tests.kafka.rig import NewRig
from worker.process.errors import Unavailable


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
