"""The publisher against a real broker: everything is acknowledged, in order within a key, or it says that it is not."""

import asyncio
import random

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

from tests.kafka.conftest import Cluster
from worker.codec import Message
from worker.kafka.publisher import Publisher
from worker.process.errors import Unavailable, Unwritable

MIB = 1 << 20


@pytest.fixture
async def publisher(bootstrap: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    made = Publisher(bootstrap, ack_s=60)
    yield made
    await made.stop()


async def test_a_connection_that_does_not_close_keeps_nobody_waiting(
    cluster: Cluster, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.kafka.publisher._CLOSE_S", 0.1)
    topic = await cluster.topic()
    await publisher.publish([Message(topic, b"k", b"v")])
    assert publisher._producer is not None
    for connection in publisher._producer.client._conns.values():
        connection._closed_fut = asyncio.get_running_loop().create_future()
    stopping = asyncio.create_task(publisher.stop())
    await asyncio.wait({stopping}, timeout=5)
    assert stopping.done(), "it waits for ever"
    await publisher.publish([Message(topic, b"k", b"w")])
    assert [record.value for record in await cluster.all(topic)] == [b"v", b"w"]


async def test_order_within_a_key_headers_and_empty_values(cluster: Cluster, publisher: Publisher) -> None:
    topic = await cluster.topic(3)
    keys = [f"customer-{number}".encode() for number in range(10)]
    messages = [
        Message(topic, keys[number % 10], b"%d" % number, (("traceparent", b"%d" % number),)) for number in range(3000)
    ]
    await publisher.publish([*messages, Message(topic, b"tombstone", None), Message(topic, None, b"keyless")])
    records = await cluster.all(topic)
    assert len({record.partition for record in records}) == 3
    for key in keys:
        mine = [record for record in records if record.key == key]
        assert len({record.partition for record in mine}) == 1
        assert [record.value for record in mine] == [message.value for message in messages if message.key == key]
        assert all(record.headers == (("traceparent", record.value),) for record in mine)
    assert [record.value for record in records if record.key == b"tombstone"] == [None]
    assert [record.value for record in records if record.key is None] == [b"keyless"]


async def test_more_than_one_record_batch_and_a_huge_message(cluster: Cluster, publisher: Publisher) -> None:
    topic = await cluster.topic(1, **{"max.message.bytes": str(17 * MIB)})
    values = [b"%d" % number + b"x" * 1000 for number in range(5000)]
    values.insert(2500, b"huge" * (4 * MIB))
    await publisher.publish([Message(topic, b"key", value) for value in values])
    assert [record.value for record in await cluster.all(topic)] == values


async def test_a_topic_that_refuses_a_message_is_named_and_others_go_on(cluster: Cluster, publisher: Publisher) -> None:
    small, other = await cluster.topic(1, **{"max.message.bytes": "1000"}), await cluster.topic()
    with pytest.raises(Unwritable, match=f"{small} refuses a message for its size"):
        await publisher.publish(
            [Message(small, b"k", random.Random(1).randbytes(2000)), Message(other, b"k", b"first")]
        )
    await publisher.publish([Message(small, b"k", b"fits"), Message(other, b"k", b"second")])
    assert [record.value for record in await cluster.all(small)] == [b"fits"]
    assert [record.value for record in await cluster.all(other)] == [
        b"first",
        b"first",
        b"second",
    ]  # twice: with each attempt


async def test_a_compressed_record_is_published_compressed(
    cluster: Cluster, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer's compressed record fits into a topic that its dead letter, as it is, would not fit into."""
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)  # a worker's reader in this process bounds them
    topic = await cluster.topic(1, **{"max.message.bytes": str(MIB)})
    values = [b"before", b" " * (20 * MIB), b"after", b" " * (110 * MIB)]
    await publisher.publish([Message(topic, b"k", value) for value in values])
    assert list(dict.fromkeys(record.value for record in await cluster.all(topic))) == values  # some came twice


async def test_a_topic_that_is_not_there_is_not_skipped(cluster: Cluster, bootstrap: str) -> None:
    impatient = Publisher(bootstrap, ack_s=1)
    topic = await cluster.topic()
    with pytest.raises(Unavailable):
        await impatient.publish([Message("nowhere-at-all", b"k", b"v")])
    await impatient.publish([Message(topic, b"k", b"v")])
    await impatient.stop()
    assert [record.value for record in await cluster.all(topic)] == [b"v"]


async def test_no_broker_is_said_at_once() -> None:
    publisher = Publisher("127.0.0.1:1")
    with pytest.raises(Unavailable, match="Kafka does not answer"):
        await publisher.start()
