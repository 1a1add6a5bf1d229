"""Two workers of one name: the one that is there goes on, the other says what is wrong and leaves."""

import asyncio
import os
import sys
from collections.abc import Mapping

from devstack.supervisor import free_ports
from tests.kafka.processes import Start, customer, ended, get, said
from tests.kafka_io import Reading, publish
from worker.kafka.topics import Topics

# `g3n worker run` that waits for the name for 2 s instead of 30.
IMPATIENT = "from worker.app import connect; connect.START_S = 2; from worker.cli import main; main()"


async def test_a_name_that_is_taken_is_refused_and_its_owner_goes_on(
    start: Start, environment: Mapping[str, str], bootstrap: str, topics: Topics
) -> None:
    [port] = free_ports(1)
    owner = await start("run", G3N_WORKER_INSTANCE="a", G3N_HTTP_PORT=str(port))
    await said(owner, "ready")
    second = await asyncio.create_subprocess_exec(
        sys.executable, *("-c", IMPATIENT, "worker", "run"), stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment, "G3N_WORKER_INSTANCE": "a"},
    )  # fmt: skip
    _, err = await asyncio.wait_for(second.communicate(), 60)
    assert second.returncode == 1
    assert "/a-0: give each its own G3N_WORKER_INSTANCE" in err.decode().splitlines()[-1]
    async with Reading(bootstrap, [topics.outcomes]) as outcomes:
        await publish(bootstrap, [customer(topics, "C1")])
        await outcomes.take(1)
    assert (await asyncio.to_thread(get, port, "/readyz"))[0] == 200
    _, shown = await asyncio.to_thread(get, port, "/metrics")
    assert f'g3n_lag_seconds{{partition="0",topic="{topics.inputs[2]}"}} 0.0' in shown
    owner.terminate()
    assert (await ended(owner))[0] == 0
