"""The reader against a real broker: nothing is lost, whatever aiokafka does."""

import time
import uuid
from itertools import pairwise

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException, InvalidGroupIdError
from aiokafka.protocol.fetch import FetchRequest

from tests.kafka.conftest import Cluster, NewReader, numbered, until, until_idle, values
from worker.kafka.fetched import Limits
from worker.kafka.prefetch import _QUIET_S, Prefetcher
from worker.process import metrics
from worker.process.errors import OperatorError


async def test_the_first_start_reads_every_topic_from_its_beginning(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    first, second = await cluster.topic(2), await cluster.topic(1)
    await cluster.send(first, numbered(50), partition=0)
    await cluster.send(first, numbered(50, 50), partition=1)
    await cluster.send(second, numbered(50, 100))
    got = await values(await new_reader([first, second], group), 150)
    assert numbered(150) == sorted(got, key=int)
    assert [value for value in got if int(value) < 50] == numbered(50)


async def test_a_batch_ends_at_either_limit(cluster: Cluster, new_reader: NewReader, group: str) -> None:
    topic = await cluster.topic()
    await cluster.send(topic, [b"x" * 1000] * 1000)
    reader = await new_reader([topic], group, limits=Limits(documents=300, linger_s=1))
    sizes: list[int] = []
    while sum(sizes) < 1000:
        batch = await reader.read(1)
        sizes += [len(batch.records)] * bool(batch.records)
        reader.done(batch)
    assert sizes == [300, 300, 300, 100]
    by_bytes = await new_reader([topic], group + "-bytes", limits=Limits(bytes=300_000, linger_s=1))
    while not (batch := await by_bytes.read(1)).records:
        by_bytes.done(batch)
    assert batch.full
    assert 300_000 <= batch.size_bytes < 600_000


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_is_read(cluster: Cluster, new_reader: NewReader, group: str, codec: str) -> None:
    topic = await cluster.topic(1, **{"compression.type": codec})
    await cluster.send(topic, numbered(300))
    assert numbered(300) == await values(await new_reader([topic], group), 300)


async def test_a_huge_record_comes_among_small_ones(cluster: Cluster, new_reader: NewReader, group: str) -> None:
    topic = await cluster.topic(2, **{"max.message.bytes": str(33 << 20)})
    huge = b"h" * (32 << 20)
    await cluster.send(topic, [*numbered(1000), huge, *numbered(1000, 1000)], partition=0)
    await cluster.send(topic, numbered(1000, 2000), partition=1)
    got = await values(await new_reader([topic], group), 3001)
    assert got.count(huge) == 1
    assert set(numbered(3000)) | {huge} == set(got)


async def test_unfinished_records_come_again(cluster: Cluster, new_reader: NewReader, group: str) -> None:
    topic = await cluster.topic()
    await cluster.send(topic, numbered(30))
    reader = await new_reader([topic], group, limits=Limits(documents=10))
    assert numbered(10) == await values(reader, 10)
    await reader.read(1)
    assert await reader.commit()
    assert not await reader.commit()
    await reader.stop()
    assert {TopicPartition(topic, 0): 10} == await cluster.committed(group)
    assert numbered(20, 10) == await values(await new_reader([topic], group), 20)


async def test_rewind_goes_back_to_what_is_done(cluster: Cluster, new_reader: NewReader, group: str) -> None:
    topic, untouched = await cluster.topic(), await cluster.topic()
    await cluster.send(topic, numbered(30))
    reader = await new_reader([topic, untouched], group, limits=Limits(documents=10))
    assert numbered(10) == await values(reader, 10)
    lost = [await reader.read(1), await reader.read(1)]
    assert numbered(20, 10) == [record.value for batch in lost for record in batch.records]
    await reader.rewind()
    assert numbered(20, 10) == await values(reader, 20)


async def test_a_partition_added_later_is_read_from_its_beginning(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic(1)
    await cluster.send(topic, numbered(5))
    reader = await new_reader([topic], group)
    assert numbered(5) == await values(reader, 5)
    await reader.commit()
    await reader.stop()
    await cluster.add_partitions(topic, 2)
    while len(await cluster.producer.partitions_for(topic)) < 2:
        await cluster.producer.client.force_metadata_update()
    await cluster.send(topic, numbered(5, 5), partition=1)
    assert numbered(5, 5) == await values(await new_reader([topic], group), 5)


async def test_an_offset_out_of_range_halts_that_partition_alone(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic(2)
    await cluster.send(topic, numbered(10), partition=0)
    await cluster.send(topic, numbered(10, 100), partition=1)
    reader = await new_reader([topic], group, limits=Limits(documents=5))
    for _ in range(10):
        reader.done(await reader.read(0.2))
    await reader.commit()
    await reader.stop()
    assert len(await cluster.committed(group)) == 2
    await cluster.send(topic, numbered(10, 10), partition=0)
    await cluster.send(topic, numbered(10, 110), partition=1)
    await cluster.delete_before(topic, 0, 15)
    again = await new_reader([topic], group)
    assert numbered(10, 110) == await values(again, 10)
    await until_idle(again)
    assert {TopicPartition(topic, 0)} == again.halted
    assert metrics.REGISTRY.get_sample_value("g3n_partition_halted", {"topic": topic, "partition": "0"}) == 1
    await again.commit()
    assert {TopicPartition(topic, 0): 10, TopicPartition(topic, 1): 20} == await cluster.committed(group)


async def test_an_error_that_keeps_a_member_out_of_the_group_is_raised_even_if_it_comes_between_two_reads(
    cluster: Cluster, new_reader: NewReader
) -> None:
    """No broker lets anybody join the group without a name."""
    reader = await new_reader([await cluster.topic()], "")
    coordinator = reader._others._consumer._coordinator
    await until(lambda: coordinator._pending_exception is not None)
    with pytest.raises(InvalidGroupIdError):
        await reader.read(0.1)


async def test_no_request_waits_for_quiet_partitions_while_records_are_to_be_taken(
    cluster: Cluster, new_reader: NewReader, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka has one request on its way to a broker: one that waits there lets every other partition run dry."""
    topic = await cluster.topic(3)  # the third stays empty
    for partition in (0, 1):
        await cluster.send(topic, numbered(1000, 1000 * partition), partition=partition)
    asked: list[tuple[bool, int]] = []
    request = Prefetcher._proc_fetch_request

    async def noted(self: Prefetcher, assignment: object, node: int, asking: FetchRequest) -> bool:
        asked.append((bool(self._records), asking._max_wait_ms))
        return bool(await request(self, assignment, node, asking))

    monkeypatch.setattr(Prefetcher, "_proc_fetch_request", noted)
    reader = await new_reader([topic], group, limits=Limits(documents=100))
    got = await values(reader, 100)
    await until(lambda: any(to_take for to_take, _ in asked))  # the empty partition is asked for while the others wait
    got += await values(reader, 2000 - len(got))
    assert sorted(got, key=int) == numbered(2000)
    while asked[-1][0]:  # all is taken: the next request may wait
        reader.done(await reader.read(0.1))
    assert {wait_ms for to_take, wait_ms in asked if to_take} == {10}
    assert {wait_ms for to_take, wait_ms in asked if not to_take} == {500}


async def test_quiet_partitions_are_asked_for_now_and_then_while_records_are_to_be_taken(
    cluster: Cluster, new_reader: NewReader, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await cluster.topic(2)  # the second is quiet
    await cluster.send(topic, numbered(1000), partition=0)
    asked_at: list[float] = []
    request = Prefetcher._proc_fetch_request

    async def noted(self: Prefetcher, assignment: object, node: int, asking: FetchRequest) -> bool:
        if self._records and any(at[0] == 1 for _, partitions in asking.topics for at in partitions):
            asked_at.append(self._quiet_at)
        return bool(await request(self, assignment, node, asking))

    monkeypatch.setattr(Prefetcher, "_proc_fetch_request", noted)
    reader = await new_reader([topic], group, limits=Limits(documents=100))
    got = await values(reader, 100)
    await until(lambda: len(asked_at) > 5)
    pauses_s = [later - earlier for earlier, later in pairwise(asked_at)]
    assert min(pauses_s) >= _QUIET_S
    await cluster.send(topic, numbered(10, 1000), partition=1)  # read among the others' records
    assert sorted(got + await values(reader, 1010 - len(got)), key=int) == numbered(1010)


async def test_a_failing_fetch_loses_nothing(
    cluster: Cluster, new_reader: NewReader, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await cluster.topic(2)
    for partition in (0, 1):
        await cluster.send(topic, numbered(1000, 1000 * partition), partition=partition)
    unpack, failures = PartitionRecords._unpack_records, iter([70, 700])

    def failing(self: PartitionRecords):  # type: ignore[no-untyped-def]  # noqa: ANN202
        fail_after = next(failures, None)
        for number, record in enumerate(unpack(self)):
            if number == fail_after:
                raise CorruptRecordException("on the wire")
            yield record

    monkeypatch.setattr(PartitionRecords, "_unpack_records", failing)
    reader = await new_reader([topic], group, limits=Limits(documents=400))
    got: list[bytes] = []
    failed = 0
    while len(got) < 2000:
        try:
            batch = await reader.read(0.5)
        except CorruptRecordException:
            failed += 1
            continue
        got += [record.value for record in batch.records]
        reader.done(batch)
    assert failed == 2
    assert numbered(2000) == sorted(got, key=int)


async def test_watermarks_say_how_far_a_partition_has_been_read(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic(2)
    at = TopicPartition(topic, 0)
    then_ms = int(time.time() * 1000) - 3_600_000
    for number in range(20):
        await cluster.send(topic, [b"%d" % number], timestamp_ms=then_ms + number)
    before_us = time.time_ns() // 1000
    reader = await new_reader([topic], group, limits=Limits(documents=10))
    while not (batch := await reader.read(1)).records:
        reader.done(batch)
    assert (then_ms + 9) * 1000 == batch.watermarks[at]
    last = await reader.read(1)
    assert numbered(10, 10) == [record.value for record in last.records]
    assert before_us - 1_000_000 <= last.watermarks[at] <= time.time_ns() // 1000
    idle = await until_idle(reader)
    while idle.watermarks[at] <= last.watermarks[at]:  # time goes on although nothing comes
        idle = await until_idle(reader)
    assert TopicPartition(topic, 1) in idle.watermarks


async def test_a_clock_that_is_ahead_moves_no_watermark_past_now(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic()
    await cluster.send(topic, numbered(20), timestamp_ms=int(time.time() * 1000) + 3_000_000)
    reader = await new_reader([topic], group, limits=Limits(documents=10))
    while not (batch := await reader.read(1)).records:
        reader.done(batch)
    assert batch.watermarks[TopicPartition(topic, 0)] <= time.time_ns() // 1000


async def test_aborted_transactions_are_not_read_and_their_markers_are_passed(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic()
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=uuid.uuid4().hex) as producer:
        for commit in (True, False):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"kept" if commit else b"aborted", partition=0)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
    reader = await new_reader([topic], group)
    ends = await reader.ends()
    assert {TopicPartition(topic, 0): 4} == ends
    assert await values(reader, 1) == [b"kept"]
    assert ends == await reader.short_of(ends)
    assert not (await until_idle(reader)).records
    await reader.commit()
    assert await reader.short_of(ends) == {}


async def test_a_missing_topic_is_named(new_reader: NewReader, group: str) -> None:
    with pytest.raises(OperatorError, match="no such topic: nowhere-at-all; `g3n worker setup` creates it"):
        await new_reader(["nowhere-at-all"], group)
