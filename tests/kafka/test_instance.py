"""Two workers of one name: the one that is there goes on, the other says what is wrong and leaves."""

import asyncio

from devstack.supervisor import free_ports
from tests.kafka.processes import Start, customer, ended, get, said
from tests.kafka_io import Reading, publish
from worker.kafka.topics import Topics


async def test_a_name_that_is_taken_is_refused_and_its_owner_goes_on(
    start: Start, bootstrap: str, topics: Topics
) -> None:
    [port] = free_ports(1)
    owner = await start("run", G3N_WORKER_INSTANCE="a", G3N_HTTP_PORT=str(port))
    await said(owner, "ready")
    code, _, err = await ended(await start("run", G3N_WORKER_INSTANCE="a"))
    assert code == 1
    assert "/a-0: give each its own G3N_WORKER_INSTANCE" in err.splitlines()[-1]
    async with Reading(bootstrap, [topics.outcomes]) as outcomes:
        await publish(bootstrap, [customer(topics, "C1")])
        await outcomes.take(1)
    assert (await asyncio.to_thread(get, port, "/readyz"))[0] == 200
    _, shown = await asyncio.to_thread(get, port, "/metrics")
    assert f'g3n_lag_seconds{{partition="0",topic="{topics.inputs[2]}"}} 0.0' in shown
    owner.terminate()
    assert (await ended(owner))[0] == 0
