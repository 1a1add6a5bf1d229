"""A drain between a real broker and a pipeline that records its calls."""

import asyncio

import pytest
from aiokafka import TopicPartition

from tests.kafka.conftest import Cluster, answered, numbered
from tests.kafka.rig import NewRig
from worker.engine.stream import _DRAIN_WAIT_S, _END_WAIT_S
from worker.kafka.fetched import Fetched
from worker.kafka.reader import Reader
from worker.process.errors import Halted


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


async def test_a_drain_that_has_read_all_waits_for_no_more_records(
    cluster: Cluster, new_rig: NewRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits_s: list[float] = []
    read = Reader.read

    async def noted(self: Reader, wait_s: float) -> Fetched:
        waits_s.append(wait_s)
        return await read(self, wait_s)

    monkeypatch.setattr(Reader, "read", noted)
    rig = await new_rig()
    await cluster.send(rig.source, numbered(10))
    assert await rig.stream.drain()
    assert waits_s[0] == _DRAIN_WAIT_S
    assert waits_s[-1] == _END_WAIT_S


async def test_drain_ends_only_when_nothing_is_ready(cluster: Cluster, new_rig: NewRig) -> None:
    rig = await new_rig()
    rig.pipeline.ready = [b"woken-2", b"woken-1"]
    await cluster.send(rig.source, numbered(3))
    assert await rig.stream.drain()
    assert await answered(cluster, rig) == [*numbered(3), b"woken-1", b"woken-2"]


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
