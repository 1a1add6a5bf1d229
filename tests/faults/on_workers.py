"""Faults of processes: workers and the API are killed, frozen and told to leave."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Any

from devstack.supervisor import free_ports
from schemas.operations import OPERATIONS
from tests.e2e import trade
from tests.faults.fault import fault
from tests.faults.traffic import Storm
from tests.faults.world import World, until
from worker.client.client import Client
from worker.client.connection import Connection
from worker.ledger import api_keys

SESSION_TIMEOUT_S = 10
CALLERS, CALLS = 8, 10  # calls of each


@fault("nothing happens", graceful=True)
async def nothing(_: World) -> None:
    """The base line: if this round fails, the campaign is wrong."""


@fault("a worker is killed", workers=3)
async def killed(world: World) -> None:
    for _ in range(2):
        await _some_worker(world, signal.SIGKILL)
        await asyncio.sleep(1)


@fault("workers are told to leave under load", workers=3, graceful=True)
async def told_to_leave(world: World) -> None:
    for _ in range(3):
        world.workers[0].send_signal(signal.SIGTERM)  # the oldest: a new one may not listen yet
        await asyncio.sleep(0.5)


@fault("a worker freezes past its session and comes back")
async def zombie(world: World) -> None:
    """Its partitions went to others. What it has in hand when it wakes must change nothing."""
    worker = world.chance.choice(world.workers)
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(SESSION_TIMEOUT_S + 2)
    worker.send_signal(signal.SIGCONT)


@fault(
    "four workers decide transfers between ten accounts",
    workers=4,
    traffic=Storm,
    settings={"G3N_BATCH_DOCUMENTS": "8"},
)
async def storm(_: World) -> None:
    """Every batch locks accounts that the others lock, too."""


@fault("an API process is killed under load")
async def api_killed(world: World) -> None:
    """Callers repeat what was not answered, each with its Idempotency-Key. What was answered is never lost."""
    async with world.database() as connection:
        ledger: Any = connection
        _, secret = await api_keys.create(ledger, trade.ORG, "faults", ("customer:write", "loyalty:write"))
    (port,) = free_ports(1)
    api = Connection(f"http://127.0.0.1:{port}", trade.ORG, secret)
    processes: list[asyncio.subprocess.Process] = []
    async with world.kept(processes, 1, "api", G3N_API_PORT=str(port)):
        calling = [asyncio.create_task(_calls(world, api, caller)) for caller in range(CALLERS)]
        for _ in range(2):
            had = len(world.answers)

            async def answers(had: int = had) -> bool:
                return len(world.answers) > had

            await until(answers)
            for process in processes:
                process.kill()
        await asyncio.gather(*calling)


async def _calls(world: World, api: Connection, caller: int) -> None:
    """Create a customer, then earn a point with each call."""
    customer = f"A{world.traffic.name}-{caller}"
    async with Client(api) as client:
        for number in range(CALLS):
            body: dict[str, object] = {"customer_id": customer} | ({"points": 1} if number else {})
            operation = OPERATIONS["loyalty.earn" if number else "customer.create"]
            subject = f"call-{customer}-{number}"
            answer = (await client.call(operation, body, idempotency_key=subject)).json()
            world.answers[subject] = answer
            if number and answer["points"]["balance"] != number:
                world.wrong.append(f"{customer} has {answer['points']['balance']} points after {number} calls")


async def _some_worker(world: World, how: signal.Signals) -> None:
    if world.workers:
        with suppress(ProcessLookupError):
            world.chance.choice(world.workers).send_signal(how)
