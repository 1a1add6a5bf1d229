"""An input topic that is deleted and created again under a live worker is read from its beginning."""

import pytest
from aiokafka.errors import KafkaTimeoutError

from tests.kafka.conftest import Cluster, NewReader, values
from tests.kafka.processes import Start, customer, ended, said
from tests.kafka_io import Reading, Record, document, publish
from worker.engine.watch import Watch
from worker.kafka import topic_ids
from worker.kafka.group import Group
from worker.kafka.security import PLAINTEXT
from worker.kafka.topics import Topics, dead_letter
from worker.ledger.pool import Pool
from worker.ledger.positions import Positions
from worker.process.status import Status


async def test_documents_of_a_topic_made_anew_are_read(start: Start, cluster: Cluster, topics: Topics) -> None:
    commands = topics.inputs[3]
    worker = await start("run")
    await said(worker, "ready")
    async with Reading(cluster.bootstrap, [topics.outcomes]) as outcomes:
        await publish(cluster.bootstrap, [customer(topics, f"old-{number}") for number in range(20)])
        await outcomes.take(20)
        await recreated(cluster, commands)
        # As many as before, and more: the old offsets are inside the new topic.
        await publish(cluster.bootstrap, [customer(topics, f"new-{number}") for number in range(100)])
        wanted = {f"new-{number}" for number in range(100)}
        await outcomes.until(lambda seen: wanted <= {one.subject for one in seen})
    assert (await said(worker, "topic_made_anew"))["topic"] == commands
    worker.terminate()
    assert (await ended(worker))[0] == 0


async def test_a_worker_that_has_just_begun_to_watch_notices(
    cluster: Cluster, topics: Topics, new_reader: NewReader, group: str, pool: Pool
) -> None:
    """The topic was created anew after its partitions were assigned, and before anybody looked at its id."""
    commands = topics.inputs[3]
    await cluster.send(commands, [b"old"] * 3)
    reader = await new_reader([commands], group, positions=Positions(pool))
    assert await values(reader, 3) == [b"old"] * 3
    await recreated(cluster, commands)
    await cluster.send(commands, [b"new"] * 5)
    async with Group.opened(cluster.bootstrap, group, PLAINTEXT) as opened:
        await Watch(opened, pool, Status(), reader, topics).look_at_topics()
    assert await values(reader, 5) == [b"new"] * 5


async def test_no_record_of_a_topic_made_anew_is_read_at_the_old_offset(
    cluster: Cluster, topics: Topics, new_reader: NewReader, group: str, pool: Pool
) -> None:
    """Nobody has noticed yet: others' records, or a rebalance, come first."""
    commands, sales = topics.inputs[3], topics.inputs[0]
    await cluster.send(commands, [b"old"] * 3)
    reader = await new_reader([commands, sales], group, positions=Positions(pool))
    got = await values(reader, 3)
    await recreated(cluster, commands)
    new = [b"new %d" % number for number in range(9)]
    await cluster.send(commands, new)
    for _ in range(3):
        await cluster.send(sales, [b"other"])
        got += await values(reader, 1)
    async with Group.opened(cluster.bootstrap, group, PLAINTEXT) as opened:
        await Watch(opened, pool, Status(), reader, topics).look_at_topics()
    while new[-1] not in got:
        got += await values(reader, 1)
    assert [value for value in got if value.startswith(b"new")] == new


async def test_of_two_records_that_contradict_each_other_the_first_stands_however_often_the_topic_is_made_anew(
    start: Start, cluster: Cluster, topics: Topics
) -> None:
    """At the old offset the new topic has a second one."""
    commands, counts = topics.inputs[3], (20, 30, 45, 67, 100, 150)
    worker = await start("run", G3N_BATCH_DOCUMENTS="25")
    await said(worker, "ready")
    async with (
        Reading(cluster.bootstrap, [topics.outcomes]) as outcomes,
        Reading(cluster.bootstrap, [dead_letter(commands)]) as letters,
    ):
        for number, count in enumerate(counts):
            if number:
                await recreated(cluster, commands)
            names = [f"{number}-{name}" for name in range(count)]
            records = [called(topics, name, place) for place in ("first", "second") for name in names]
            await publish(cluster.bootstrap, records)
            await answered(outcomes, {*names})
        await letters.until(lambda seen: len({one.subject for one in seen}) == sum(counts))
    worker.terminate()
    status, _, log = await ended(worker)
    assert status == 0, log[-3000:]
    assert {one.data["customer_id"].partition(":")[2] for one in outcomes.seen} == {"first"}


async def test_a_broker_that_does_not_tell_its_ids_keeps_nobody_waiting(
    cluster: Cluster, topics: Topics, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another request, later or to another broker, is answered."""
    async with Group.opened(cluster.bootstrap, group, PLAINTEXT) as opened:
        with monkeypatch.context() as patch:
            patch.setattr(topic_ids, "_ANSWER_S", 0.0)
            with pytest.raises(KafkaTimeoutError, match="no broker told the ids"):
                await opened.topic_ids(topics.inputs)
        told = await opened.topic_ids(topics.inputs)
        assert told is not None
        assert told.keys() == set(topics.inputs)


async def recreated(cluster: Cluster, topic: str) -> None:
    await cluster.admin.delete_topics([topic])
    while topic in await cluster.admin.list_topics():
        pass
    await cluster.topic(2, topic)


async def answered(outcomes: Reading, subjects: set[str]) -> None:
    await outcomes.until(lambda seen: subjects <= {one.subject for one in seen})


def called(topics: Topics, name: str, place: str) -> Record:
    data = {"command_id": name, "occurred_at": "2026-03-01T10:00:00Z", "customer_id": f"{name}:{place}"}
    return document(topics.inputs[3], "crm.customer.create", name, data, partition=0)
