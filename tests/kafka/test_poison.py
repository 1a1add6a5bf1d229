"""A setting that is wrong writes no dead letters by the thousand: the partition halts, and an operator decides."""

import asyncpg

from tests.kafka.conftest import Cluster
from tests.kafka.processes import Start, customer, ended
from tests.kafka_io import Reading
from worker.kafka.topics import Topics, dead_letter


async def test_a_batch_of_an_unknown_tenant_halts_until_an_operator_skips_it(
    start: Start, cluster: Cluster, topics: Topics, connection: asyncpg.Connection
) -> None:
    commands = topics.inputs[3]
    value = customer(topics, "C").value
    assert value is not None
    await cluster.send(commands, [value] * 300, partition=1)
    code, _, err = await ended(await start("drain", G3N_ORGCODES="globex"))
    assert code == 1
    assert "300 of 300 documents would become dead letters, most of them unknown_org" in err
    assert await cluster.all(dead_letter(commands)) == []

    async with Reading(cluster.bootstrap, [dead_letter(commands)]) as letters:
        worker = await start("run", G3N_ORGCODES="globex")
        while not await connection.fetchval("SELECT count(*) FROM halted"):
            assert worker.returncode is None
        code, out, err = await ended(
            await start("partition", "skip", f"{commands}:1", "--reason", "a tenant that left")
        )
        assert (code, err) == (0, "")
        assert f"{commands}:1: skip" in out
        assert len(await letters.take(300)) == 300
        worker.terminate()
        assert (await ended(worker))[0] == 0
    code, out, _ = await ended(await start("partition", "list"))
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines() if line.startswith(f"{commands}:1")] == [
        [f"{commands}:1", "300"]
    ]
    code, _, err = await ended(await start("partition", "resume", f"{commands}:1"))
    assert (code, err) == (1, f"g3n: {commands}:1 is not halted: g3n worker partition list\n")
