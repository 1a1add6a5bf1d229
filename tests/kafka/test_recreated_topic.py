"""An input topic that is deleted and created again under a live worker is read from its beginning."""

from tests.kafka.conftest import Cluster
from tests.kafka.processes import Start, customer, ended, said
from tests.kafka_io import Reading, publish
from worker.kafka.topics import Topics


async def test_documents_of_a_topic_made_anew_are_read(start: Start, cluster: Cluster, topics: Topics) -> None:
    commands = topics.inputs[3]
    worker = await start("run")
    await said(worker, "ready")
    async with Reading(cluster.bootstrap, [topics.outcomes]) as outcomes:
        await publish(cluster.bootstrap, [customer(topics, f"old-{number}") for number in range(20)])
        await outcomes.take(20)
        await cluster.admin.delete_topics([commands])
        while commands in await cluster.admin.list_topics():
            pass
        await cluster.topic(2, commands)
        # As many as before, and more: the old offsets are inside the new topic.
        await publish(cluster.bootstrap, [customer(topics, f"new-{number}") for number in range(100)])
        wanted = {f"new-{number}" for number in range(100)}
        await outcomes.until(lambda seen: wanted <= {one.subject for one in seen})
    assert (await said(worker, "topic_made_anew"))["topic"] == commands
    worker.terminate()
    assert (await ended(worker))[0] == 0
