"""A batch begins with tenders, and takes few other documents beside them."""

from aiokafka import TopicPartition

from tests.kafka.conftest import Cluster, NewReader, numbered, until, values
from worker.kafka.fetched import Limits


async def test_a_batch_begins_with_tenders_and_takes_few_others_beside_them(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic(2)
    await cluster.send(sales, numbered(3000))
    limits = Limits(documents=1000, tenders=60, beside_tenders=50)
    reader = await new_reader([sales, tenders], group, limits=limits, tenders=tenders)
    first = await values(reader, 1)
    await cluster.send(tenders, [b"flood-%d" % number for number in range(500)], partition=0)
    await cluster.send(tenders, [b"till-%d" % number for number in range(20)], partition=1)
    both = [TopicPartition(tenders, 0), TopicPartition(tenders, 1)]
    assert reader._tenders is not None
    fetched = reader._tenders._consumer._fetcher._records
    await until(lambda: set(both) <= set(fetched))
    batch = await reader.read(1)
    got = [record.value for record in batch.records]
    reader.done(batch)
    kinds = [value.partition(b"-")[0] if b"-" in value else b"sale" for value in got]
    assert [kinds.count(kind) for kind in (b"flood", b"till", b"sale")] == [40, 20, 50], "each partition has its share"
    assert set(kinds[:50]) == {b"flood", b"till"}
    await cluster.send(tenders, [b"late"], partition=1)
    rest = await values(reader, 3000 + 521 - len(first) - len(got))
    assert len({*first, *got, *rest}) == 3521


async def test_a_batch_takes_few_bytes_beside_tenders(cluster: Cluster, new_reader: NewReader, group: str) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic()
    reader = await new_reader([sales, tenders], group, tenders=tenders, limits=Limits(bytes_beside_tenders=100_000))
    await cluster.send(tenders, [b"tender"])
    await values(reader, 1)
    await cluster.send(sales, [b"x" * 10_000] * 500)
    sizes: list[int] = []
    while sum(sizes) < 5_000_000:
        batch = await reader.read(1)
        sizes.append(batch.size_bytes)
        reader.done(batch)
    assert max(sizes) < 100_000 + 32 * 10_000, "more than a slice too much"


async def test_tenders_are_added_to_the_batch_that_is_about_to_be_decided(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic()
    reader = await new_reader([sales, tenders], group, tenders=tenders)
    await cluster.send(sales, numbered(10))
    while not (batch := await reader.read(1)).records:
        reader.done(batch)
    assert reader._tenders is not None
    arrival = reader._tenders.arrival()
    await cluster.send(tenders, [b"tender"])
    await arrival
    late = await reader.add_late(batch)
    assert [record.value for record in late] == [b"tender"] == [record.value for record in batch.records[-1:]]
    reader.done(batch)
    await reader.commit()
    assert {TopicPartition(sales, 0): 10, TopicPartition(tenders, 0): 1} == await cluster.committed(group)


async def test_beside_tenders_the_same_batch_takes_few_others(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic()
    reader = await new_reader([sales, tenders], group, tenders=tenders, limits=Limits(beside_tenders=25))
    await cluster.send(sales, [b"sale"])
    await cluster.send(tenders, [b"tender"])
    await values(reader, 2)  # both members have joined
    await cluster.send(tenders, [b"another"])
    while not (batch := await reader.read(1)).tenders:
        reader.done(batch)
    arrival = reader._others.arrival()
    await cluster.send(sales, numbered(40))
    await arrival
    late = await reader.add_late(batch)
    assert 0 < len(late) <= 25
    assert {record.topic for record in late} == {sales}


async def test_a_batch_that_is_not_full_takes_what_arrived_until_it_is_decided(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    sales, tenders = await cluster.topic(), await cluster.topic()
    reader = await new_reader([sales, tenders], group, tenders=tenders, limits=Limits(documents=300))
    await cluster.send(sales, numbered(10))
    while not (batch := await reader.read(1)).records:
        reader.done(batch)
    taken = len(batch.records)
    arrival = reader._others.arrival()
    await cluster.send(sales, numbered(600)[10:])
    await arrival
    late = await reader.add_late(batch)
    assert [record.offset for record in late] == list(range(taken, 300))
    reader.done(batch)
    await reader.commit()
    assert (await cluster.committed(group))[TopicPartition(sales, 0)] == 300
