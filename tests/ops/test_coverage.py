"""An audit with --coverage accounts for every offset, and names those that nothing accounts for."""

import json

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.kafka_io import Record, document, publish
from tests.ops.commands import g3n
from tests.ops.test_audit import NO_TRIGGERS
from worker.kafka.topics import Topics

AT = "2026-11-20T10:00:00Z"


def customer(topic: str, number: int) -> Record:
    data = {"command_id": f"K{number}", "customer_id": f"C{number}", "occurred_at": AT}
    return document(topic, "crm.customer.create", f"K{number}", data, partition=0)


async def test_each_offset_is_accounted_for(
    topics: Topics, environment: dict[str, str], connection: asyncpg.Connection
) -> None:
    """A removed record, two documents, one of them twice, a dead letter and the marker of a transaction."""
    environment["G3N_DEVELOPMENT"] = "true"
    bootstrap, topic = environment["G3N_KAFKA_BOOTSTRAP_SERVERS"], topics.inputs[3]
    first, second = customer(topic, 1), customer(topic, 2)
    await publish(bootstrap, [customer(topic, 0), first, first, Record(topic, b"{", partition=0)])
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic) as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait(topic, second.value, partition=0, headers=list(second.headers))
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(1)})
    await admin.close()
    assert (await g3n(environment, "worker", "drain")).code == 0
    await publish(bootstrap, [customer(topic, 3)])
    clean = await g3n(environment, "worker", "audit", "--coverage", "--format", "json")
    assert clean.code == 0, clean.out + clean.err
    covered = next(one for one in json.loads(clean.out)["coverage"] if (one["topic"], one["partition"]) == (topic, 0))
    assert covered == {
        "topic": topic, "partition": 0, "documents": 2, "duplicates": 1, "dead_letters": 1, "no_record": 1, "gone": 1,
        "unread": 1, "unaccounted": 0,
    }  # fmt: skip

    await connection.execute(NO_TRIGGERS)
    await connection.execute("DELETE FROM dead_letter")
    await connection.execute("DELETE FROM event WHERE subject = 'K1'")
    lost = await g3n(environment, "worker", "audit", "--coverage")
    assert lost.code == 1
    for offset, orgcode in ((1, "acme "), (2, "acme "), (3, "")):
        assert f"  coverage: {orgcode}{topic}-0 offset {offset}\n" in lost.out
    assert f"  {topic}-0 " in lost.out.split("Offsets\n")[1]
