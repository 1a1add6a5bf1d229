"""`setup`'s topics on a real broker."""

import asyncio

import pytest

from tests.kafka.conftest import Cluster
from worker.kafka.admin import _OF_THE_TOPIC, _configs, _sizes, create_topics, warnings
from worker.kafka.topics import Topics, dead_letter
from worker.process.errors import OperatorError, Unavailable

MIB = 1 << 20


@pytest.fixture
def named(topic_prefix: str) -> Topics:
    return Topics((topic_prefix + "a", topic_prefix + "b"), topic_prefix + "tender-outcomes", topic_prefix + "outcomes")


async def create(cluster: Cluster, named: Topics, partitions: int = 1) -> list[str]:
    """`create_topics`, until the broker knows what the controller made: it is asked about it next."""
    lines = await create_topics(cluster.bootstrap, named, partitions=partitions, replication=-1)
    for topic in (*named.inputs, *named.outputs):
        await cluster.producer.partitions_for(topic)
    return lines


async def test_topics_are_created_once(cluster: Cluster, named: Topics) -> None:
    lines = await create(cluster, named, 3)
    every = {*named.inputs, *named.outputs}
    assert set(lines) == {f"topic {topic}: created, 3 partitions" for topic in every}
    assert len(every) == 6
    again = await create(cluster, named, 5)
    assert set(again) == {f"topic {topic}: exists, 3 partitions" for topic in every}
    sizes = await _sizes(cluster.admin, sorted(every))
    for topic in named.inputs:
        assert (sizes[topic], sizes[dead_letter(topic)]) == (16 * MIB, 16 * MIB + 65536)
    for topic in every:
        days = 90 if topic in named.dead_letters else 30
        assert (await own_settings(cluster, topic))["retention.ms"] == str(days * 86_400_000)


async def test_a_dead_letter_fits_wherever_its_record_did(cluster: Cluster, named: Topics) -> None:
    await cluster.topic(1, named.inputs[0], **{"max.message.bytes": str(20 * MIB)})
    await create(cluster, named)
    sizes = await _sizes(cluster.admin, [dead_letter(named.inputs[0])])
    assert list(sizes.values()) == [20 * MIB + 65536]


async def test_a_dead_letter_topic_that_is_too_small_is_made_larger(cluster: Cluster, named: Topics) -> None:
    small = dead_letter(named.inputs[1])
    await cluster.topic(1, small, **{"max.message.bytes": str(MIB), "retention.ms": "86400000"})
    lines = await create(cluster, named)
    assert f"topic {small}: exists, 1 partitions, max.message.bytes raised to 16842752" in lines
    async with asyncio.timeout(30):  # the broker that is asked hears of it from the controller
        while await own_settings(cluster, small) != {"max.message.bytes": "16842752", "retention.ms": "86400000"}:
            pass
    assert f"topic {small}: exists, 1 partitions" in await create(cluster, named)


async def own_settings(cluster: Cluster, topic: str) -> dict[str, str]:
    found = await _configs(cluster.admin, [topic], {})
    return {name: value for name, value, _, source, *_ in found[topic] if source == _OF_THE_TOPIC}


async def test_an_input_topic_that_keeps_batches_compressed_is_warned_of(cluster: Cluster, named: Topics) -> None:
    await cluster.topic(1, named.inputs[0])
    lines = await create(cluster, named)
    [warning] = await warnings(cluster.bootstrap, named)
    assert f"warning: {warning}" in lines
    assert warning.startswith(f"topic {named.inputs[0]}: compression.type=producer")
    assert (await own_settings(cluster, named.inputs[1]))["compression.type"] == "uncompressed"


async def test_a_refusal_of_the_broker_is_reported(bootstrap: str, named: Topics) -> None:
    with pytest.raises(OperatorError, match=r"Kafka refuses to create .*replicat"):
        await create_topics(bootstrap, named, partitions=1, replication=3)


async def test_no_broker_is_said() -> None:
    with pytest.raises(Unavailable, match=r"Kafka does not answer at 127.0.0.1:1"):
        await create_topics("127.0.0.1:1", Topics(("a",), "b", "c"), partitions=1, replication=1)
