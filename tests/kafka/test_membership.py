"""Members of the group: rebalances, and static members that come back or leave."""

import asyncio

from tests.kafka.conftest import Cluster, NewReader, numbered, until, until_idle, values


async def test_a_rebalance_waits_for_the_batch_in_hand(cluster: Cluster, new_reader: NewReader, group: str) -> None:
    topic = await cluster.topic(4)
    for partition in range(4):
        await cluster.send(topic, numbered(100, 100 * partition), partition=partition)
    first = await new_reader([topic], group)
    got: list[bytes] = []
    while len(got) < 400:
        held = await first.read(0.5)
        got += [record.value for record in held.records]
        if len(got) < 400:
            first.done(held)
    joining = asyncio.create_task(new_reader([topic], group))
    reading = asyncio.create_task(first.read(30))
    second = await joining
    taken = asyncio.create_task(values(second, 1))
    generation = first.generation
    # A heartbeat tells the first of the second.
    await until(lambda: first._others._consumer._subscription.reassignment_in_progress)
    assert generation == first.generation
    first.done(held)
    for partition in range(4):
        await cluster.send(topic, numbered(1, 1000 + partition), partition=partition)
    rest = {record.value for record in (await reading).records} | set(await taken)
    first_rest, second_rest = asyncio.create_task(until_idle(first)), asyncio.create_task(until_idle(second))
    await asyncio.gather(first_rest, second_rest)
    assert rest <= set(numbered(4, 1000))
    assert 400 == len(set(got)) == len(got)
    assert {f"{topic}-{at}": 100 for at in range(4)} == {
        f"{at.topic}-{at.partition}": min(100, offset) for at, offset in (await cluster.committed(group)).items()
    }


async def test_a_static_member_comes_back_without_a_rebalance(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic(2)
    stays = await new_reader([topic], group, instance="a")
    await until(lambda: len(stays._others._consumer.assignment()) == 2)
    leaves = await new_reader([topic], group, instance="b")
    await until(lambda: len(leaves._others._consumer.assignment()) == len(stays._others._consumer.assignment()) == 1)
    generation = stays.generation
    await leaves.stop()
    back = await new_reader([topic], group, instance="b")
    await cluster.send(topic, numbered(5), partition=0)
    await cluster.send(topic, numbered(5, 5), partition=1)
    got = await asyncio.gather(values(stays, 5), values(back, 5))
    assert {value for part in got for value in part} == set(numbered(10))
    assert stays.generation == generation


async def test_a_static_member_leaves_when_no_restart_follows(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic(2)
    stays, leaves = await new_reader([topic], group, instance="a"), await new_reader([topic], group, instance="b")
    await until(lambda: len(stays._others._consumer.assignment()) == len(leaves._others._consumer.assignment()) == 1)

    async def members() -> set[str]:
        (answer,) = await cluster.admin.describe_consumer_groups([group])
        return {member[0] for member in answer.groups[0][5]}

    both = await members()
    await leaves.stop(leave=True)
    assert len(await members() & both) == 1
    await until(lambda: len(stays._others._consumer.assignment()) == 2)
