"""An input topic that is deleted and created again under a live worker is read from its beginning."""

import pytest
from aiokafka.errors import KafkaTimeoutError

from tests.kafka.conftest import Cluster, NewReader, values
from tests.kafka.processes import Start, customer, ended, said
from tests.kafka_io import Reading, publish
from worker.engine.watch import Watch
from worker.kafka import topic_ids
from worker.kafka.group import Group
from worker.kafka.security import PLAINTEXT
from worker.kafka.topics import Topics
from worker.ledger.pool import Pool
from worker.ledger.positions import Positions
from worker.process.health import Status


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
