"""Faults of brokers, topics and the group's offsets."""

from __future__ import annotations

import asyncio
import itertools
import signal

from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.e2e.day import read
from tests.e2e.place import PARTITIONS
from tests.faults.fault import fault
from tests.faults.servers import fill, small_disk
from tests.faults.traffic import publish
from tests.faults.world import World, until

SESSION_TIMEOUT_S = 10
SALES, RETURNS = 0, 1  # places of the input topics
ANEW = ("ledger_behind", "partition_halted")  # of a rebalance that comes before the ids are compared
NEXT = "SELECT next_offset FROM watermark WHERE topic = $1 AND partition = $2"


@fault("the broker is killed")
async def killed(world: World) -> None:
    world.servers.broker.kill()
    world.servers.broker.start()


@fault("the broker freezes", long=True)
async def freeze(world: World) -> None:
    world.servers.broker.freeze()
    await asyncio.sleep(6)
    world.servers.broker.thaw()


@fault("the disk of the broker is full", long=True, mounts=True)
async def disk_full(world: World) -> None:
    """It ends when it can't write."""
    broker = world.servers.broker
    broker.kill(signal.SIGTERM)
    with small_disk(world.servers.folder / "kafka-1" / "data", 32) as filler:
        broker.start()
        await asyncio.sleep(2)
        fill(filler)
        await asyncio.sleep(8)
        broker.kill()
        filler.unlink()
        broker.start()
        await asyncio.sleep(3)
        broker.kill(signal.SIGTERM)
    broker.start()


@fault("brokers are lost one after the other, and leaders move", long=True, brokers=3)
async def leaders_move(world: World) -> None:
    """Each is dead for a while; the other two have every record."""
    brokers = list(world.servers.brokers)
    world.chance.shuffle(brokers)
    for broker in brokers:
        broker.kill()
        await asyncio.sleep(4)
        broker.start()
        await asyncio.sleep(2)


@fault("two of three brokers are lost", long=True, brokers=3)
async def two_lost(world: World) -> None:
    """No record can be acknowledged until one of them is back."""
    lost = world.servers.brokers[1:]
    for broker in lost:
        broker.kill()
    await asyncio.sleep(6)
    for broker in lost:
        broker.launch()
    for broker in lost:
        broker.wait()


@fault("the group's offsets are reset to the beginning", long=True)
async def offsets_reset(world: World) -> None:
    """Everything comes again, as duplicates. A group's offsets can be set only while it has no member."""
    world.signal_workers(signal.SIGSTOP)
    await asyncio.sleep(SESSION_TIMEOUT_S + 2)
    async with world.group() as consumer:
        await consumer.commit(dict.fromkeys(consumer.assignment(), 0))
    world.signal_workers(signal.SIGKILL)


@fault("records that the group has read are deleted")
async def read_ones_deleted(world: World) -> None:
    """Do as retention does. A worker that starts then finds topics that begin where the ledger has read to."""
    async with world.group() as consumer, world.admin() as admin:
        read_to = {at: await consumer.committed(at) for at in consumer.assignment()}
        await admin.delete_records({at: RecordsToDelete(to) for at, to in read_to.items() if to})
    world.chance.choice(world.workers).kill()


@fault("records are deleted that nobody has read", tells="partition_halted", sends_again=True)
async def unread_deleted(world: World) -> None:
    """The partition halts. An operator has the publisher send them again, and skips what is gone."""
    world.signal_workers(signal.SIGSTOP)
    at = TopicPartition(world.place.inputs[SALES], 0)
    await asyncio.sleep(0.3)  # what they had sent is committed
    async with world.database() as connection:
        read_to = await connection.fetchval(NEXT, at.topic, at.partition) or 0
        async with world.group() as consumer, world.admin() as admin:

            async def comes() -> bool:
                return bool((await consumer.end_offsets([at]))[at] > read_to)

            await until(comes)
            await admin.delete_records({at: RecordsToDelete((await consumer.end_offsets([at]))[at])})
        world.signal_workers(signal.SIGKILL)
        await until(lambda: connection.fetchval("SELECT count(*) FROM halted"))
    await world.g3n("worker", "partition", "skip", f"{at.topic}:{at.partition}", "--reason", "they are sent again")


@fault("an input topic is created anew with fewer records", tells="topic_made_anew", may_tell=ANEW, sends_again=True)
async def fewer(world: World) -> None:
    await _create_anew(world, world.place.inputs[RETURNS])


@fault("an input topic is created anew with more records", tells="topic_made_anew", may_tell=ANEW, sends_again=True)
async def more(world: World) -> None:
    """The workers' offsets are inside the new topic before they can notice.

    A worker that read on there would find a conflict before the document that it contradicts.
    """
    topic = world.place.inputs[RETURNS]
    world.signal_workers(signal.SIGSTOP)
    async with world.group() as consumer:
        ends = await consumer.end_offsets([at for at in consumer.assignment() if at.topic == topic])
    await _create_anew(world, topic)
    sent = [*world.traffic.sent, *world.traffic.conflicts]
    records = [one.record(world.place) for one in sent if one.topic == RETURNS]
    more = itertools.islice(itertools.cycle(records), sum(ends.values()) + 20)
    await publish(world.place, more)
    world.signal_workers(signal.SIGCONT)


@fault("outcome and dead-letter topics are deleted", tells="topic_made_anew")
async def outputs_deleted(world: World) -> None:
    """`setup` creates them again. What was published there is gone; what comes later is not."""
    world.signal_workers(signal.SIGSTOP)
    await asyncio.sleep(0.3)  # what the workers had sent is there
    world.saved += await read(world.place)
    async with world.admin() as admin:
        await admin.delete_topics(world.place.outputs)
    world.signal_workers(signal.SIGCONT)
    await asyncio.sleep(2)
    await world.g3n("worker", "setup")


@fault("an outcome topic refuses outcomes")
async def outcomes_refused(world: World) -> None:
    """Somebody lowers the size that the topic takes, notices, and sets it right."""
    topic = world.place.prefix + "crm.outcomes"
    await _configure(world, topic, "100")
    await asyncio.sleep(3)
    await _configure(world, topic, "1048588")


@fault("partitions are added")
async def partitions_added(world: World) -> None:
    async with world.admin() as admin:
        topic = world.place.inputs[0]
        described = await admin.describe_topics([topic])
        await admin.create_partitions({topic: NewPartitions(len(described[0]["partitions"]) + 1)})


async def _create_anew(world: World, topic: str) -> None:
    async with world.admin() as admin:
        await admin.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await admin.list_topics()

        await until(gone)
        await admin.create_topics([NewTopic(topic, PARTITIONS, len(world.servers.brokers))])


async def _configure(world: World, topic: str, most_bytes: str) -> None:
    async with world.admin() as admin:
        kept = {"retention.ms": str(30 * 86_400_000), "max.message.bytes": most_bytes}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=kept)])
