"""A setting that is wrong writes no dead letters by the thousand: the partition halts, and an operator decides.

tests/ops/test_drill.py has the operator's part.
"""

from tests.kafka.conftest import Cluster
from tests.kafka.processes import Start, customer, ended
from worker.kafka.topics import Topics, dead_letter


async def test_a_batch_of_an_unknown_tenant_halts(start: Start, cluster: Cluster, topics: Topics) -> None:
    commands = topics.inputs[3]
    value = customer(topics, "C").value
    assert value is not None
    await cluster.send(commands, [value] * 300, partition=1)
    code, _, err = await ended(await start("drain", G3N_ORGCODES="globex"))
    assert code == 1
    assert "300 of 300 documents would become dead letters, most of them unknown_org" in err
    assert await cluster.all(dead_letter(commands)) == []
