"""Tenders of other tenants overtake one tenant's flood in a real topic, and lose nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition

from tests.kafka.conftest import Cluster, NewReader
from tests.kafka.processes import Start, ended, said
from tests.kafka.test_scout import record
from tests.kafka_io import Published, Reading, Record, document, publish
from worker.kafka.fetched import Limits
from worker.kafka.reader import Reader
from worker.kafka.scout import Scout
from worker.kafka.security import PLAINTEXT
from worker.kafka.topics import Topics, dead_letter
from worker.positions import Halt, HaltKind


async def read_once(reader: Reader, values: list[bytes]) -> None:
    """Read and commit a batch with records, or one without after the first."""
    while not (batch := await reader.read(0.1)).records and not values:
        reader.done(batch)
    values += [one.value for one in batch.records]
    reader.done(batch)
    await reader.commit()


async def test_looking_ahead_waits_for_the_members_if_many_tenants_are_left_to_them(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    """Publishers choose the tenants' names, so the names must not fill the memory."""
    sales, tenders = await cluster.topic(), await cluster.topic()
    await cluster.send(tenders, [record(f"t{at}", at).value for at in range(20_000)])
    reader = await new_reader([sales, tenders], group, limits=Limits(tenders=50), tenders=tenders)
    read: list[bytes] = []
    while len(read) < 3000:
        await read_once(reader, read)
        assert reader._scout is not None
        assert len(reader._scout._left) <= 6000


async def test_a_till_behind_another_tenants_flood_is_read_early_and_once_more_in_its_turn(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic()
    flood = [record("flood", at).value for at in range(4000)]
    till = record("till", 0).value
    await cluster.send(tenders, [*flood, till])
    reader = await new_reader([sales, tenders], group, limits=Limits(tenders=50), tenders=tenders)
    await reader.ends()  # both members have joined: after a rebalance it would be read early once more
    read: list[bytes] = []
    await read_once(reader, read)
    while (await cluster.committed(group)).get(TopicPartition(tenders, 0)) != 4001:
        await read_once(reader, read)
    assert read.index(till) < 3000
    assert read.count(till) == 2
    assert set(read) == {*flood, till}


async def test_a_tender_of_an_aborted_transaction_is_not_read_early(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic()
    kept, aborted = record("till", 0).value, record("till", 1).value + b" "
    await cluster.send(tenders, [record("flood", at).value for at in range(4000)])
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=group) as producer:
        for value in (aborted, kept):
            await producer.begin_transaction()
            await producer.send_and_wait(tenders, value, partition=0)
            await (producer.commit_transaction() if value is kept else producer.abort_transaction())
    reader = await new_reader([sales, tenders], group, limits=Limits(tenders=50), tenders=tenders)
    read: list[bytes] = []
    while read.count(kept) < 2:
        await read_once(reader, read)
    assert aborted not in read


async def test_nothing_is_read_early_of_a_halted_partition(cluster: Cluster, new_reader: NewReader, group: str) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic(2)
    for partition in (0, 1):
        values = [*(record("flood", at).value for at in range(3000)), record(f"till{partition}", 0).value]
        await cluster.send(tenders, values, partition=partition)
    reader = await new_reader([sales, tenders], group, limits=Limits(tenders=50), tenders=tenders)
    await reader.ends()  # both members have joined: a rebalance would forget the halt
    read: list[bytes] = []
    await read_once(reader, read)
    reader.halt(TopicPartition(tenders, 0), Halt(HaltKind.DEAD_LETTERS, "a test"))
    await reader.rewind()
    while read.count(record("till1", 0).value) < 2:
        await read_once(reader, read)
    assert record("till0", 0).value not in read


def tender(topics: Topics, orgcode: str, name: str, amount_minor: int = 1) -> Record:
    data = {"tender_id": name, "occurred_at": "2026-03-01T10:00:00Z", "currency": "GBP", "amount_minor": amount_minor,
            "kind": "points", "customer_id": "nobody"}  # fmt: skip
    return document(topics.inputs[2], "scm.tender.requested", name, data, orgcode=orgcode, key="k", partition=0)


async def test_a_worker_that_is_killed_while_it_looks_ahead_loses_nothing_and_changes_no_byte(
    start: Start, bootstrap: str, topics: Topics, connection: asyncpg.Connection
) -> None:
    flood = [tender(topics, "flood", f"f{number}") for number in range(5000)]
    tills = [tender(topics, "till", f"t{number}") for number in range(50)]
    conflict = tender(topics, "till", "t49", 2)
    *_, conflicting = await publish(bootstrap, [*flood, *tills, conflict])

    def of_tills(seen: Sequence[Published]) -> list[Published]:
        return [one for one in seen if one.envelope["orgcode"] == "till"]

    async with (
        Reading(bootstrap, [topics.tender_outcomes]) as outcomes,
        Reading(bootstrap, [dead_letter(topics.inputs[2])]) as letters,
    ):
        workers = [await start("run", G3N_BATCH_DOCUMENTS="100") for _ in range(2)]
        for worker in workers:
            await said(worker, "ready")
        await outcomes.until(lambda seen: len(of_tills(seen)) > 0)
        early = len(outcomes.seen)
        for worker in workers:  # whichever has the partition
            worker.kill()
        status, _, log = await ended(await start("drain"))
        assert status == 0, log[-3000:]
        names = {f"f{number}" for number in range(5000)} | {f"t{number}" for number in range(50)}
        await outcomes.until(lambda seen: {one.subject for one in seen} == names and len(of_tills(seen)) >= 100)
        await letters.until(lambda seen: len(seen) > 0)
    assert early < 5000, "the till was not answered before the flood"
    told = defaultdict(set)
    for one in outcomes.seen:
        told[one.subject].add(one.record.value)
    assert all(len(values) == 1 for values in told.values())
    assert {one.headers["kafka_dlt-original-offset"] for one in letters.seen} == {str(conflicting.offset)}
    assert await connection.fetchval("SELECT count(*) FROM event WHERE type = 4") == 5050


async def test_partitions_that_are_taken_away_meanwhile_are_read_to_their_ends(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic(2)
    published: list[bytes] = []
    for partition in (0, 1):
        values = [*(record(f"flood{partition}", at).value for at in range(3000)), record(f"till{partition}", 0).value]
        await cluster.send(tenders, values, partition=partition)
        published += values
    ends = {TopicPartition(tenders, partition): 3001 for partition in (0, 1)}
    readers = [await new_reader([sales, tenders], group, limits=Limits(tenders=50), tenders=tenders)]
    read: list[bytes] = []
    await read_once(readers[0], read)
    while not ends.items() <= (await cluster.committed(group)).items():
        if len(readers) == 1 and any(b"till" in value for value in read):
            assert len(read) < 6000
            readers.append(await new_reader([sales, tenders], group, limits=Limits(tenders=50), tenders=tenders))
        for reader in readers:
            await read_once(reader, read)
    assert len(readers) == 2
    assert set(published) == set(read)


async def test_it_stops_soon_even_if_it_has_just_begun_again(cluster: Cluster) -> None:
    """While aiokafka's consumer cancels the fetches of an old assignment, it misses that it is told to stop."""
    tenders = await cluster.topic()
    await cluster.send(tenders, [b"a tender"])
    read = {TopicPartition(tenders, 0): 0}
    for looks_again in (False, True):
        scout = Scout(cluster.bootstrap, PLAINTEXT, {})
        while not scout._queue:
            await scout.look(read, 5000)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # the next fetch is on its way
        scout.restart()
        if looks_again:
            await scout.look(read, 5000)
        stopping = asyncio.create_task(scout.stop())
        await asyncio.wait({stopping}, timeout=5)
        assert stopping.done(), "it waits for ever"
