"""Workers and their servers, as an operator has them: processes that are started again when they end."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.e2e.place import Place
from tests.e2e.process import command
from tests.faults.servers import OwnServers

RESTARTS_AFTER_S = 0.2
CATCHES_UP_WITHIN_S = 90


@dataclass
class World:
    """What a fault acts on."""

    servers: OwnServers
    place: Place
    chance: random.Random
    workers: list[asyncio.subprocess.Process] = field(default_factory=list)
    exit_statuses: list[int] = field(default_factory=list)
    restarts: int = 0
    _closing: bool = False

    @asynccontextmanager
    async def running(self, count: int, **settings: str) -> AsyncIterator[None]:
        """Keep `count` workers running, as a service manager does: one that ends is started again."""
        self._closing = False
        keepers = [asyncio.create_task(self._keep(settings)) for _ in range(count)]
        try:
            yield
        finally:
            self._closing = True
            for worker in self.workers:
                with suppress(ProcessLookupError):
                    worker.send_signal(signal.SIGCONT)
                    worker.terminate()
            await asyncio.gather(*keepers)

    async def _keep(self, settings: dict[str, str]) -> None:
        while not self._closing:
            with self.place.log.open("ab") as log:
                worker = await asyncio.create_subprocess_exec(
                    *command("run"), env={**os.environ, **self.place.environment, **settings}, stdout=log, stderr=log
                )
            self.workers.append(worker)
            status = await worker.wait()
            self.workers.remove(worker)
            self.exit_statuses.append(status)
            if not self._closing:
                self.restarts += 1
                await asyncio.sleep(RESTARTS_AFTER_S)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """The ledger, as a superuser."""
        name = self.place.dsn.rpartition("/")[2]
        connection = await asyncpg.connect(f"{self.servers.superuser_dsn.rpartition('/')[0]}/{name}", timeout=30)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.place.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


async def caught_up(world: World) -> float:
    """Wait until the group has committed the end of every input partition; how many seconds it took."""
    began = monotonic()
    async with asyncio.timeout(CATCHES_UP_WITHIN_S):
        while await lag(world):  # noqa: ASYNC110 - the broker tells nobody when it is 0
            await asyncio.sleep(0.1)
    return monotonic() - began


async def lag(world: World) -> int:
    """How many input records the group has not committed."""
    partitions = await input_partitions(world)
    group = world.place.environment["G3N_CONSUMER_GROUP"]
    async with AIOKafkaConsumer(
        bootstrap_servers=world.place.bootstrap, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        return sum([end - (await consumer.committed(at) or 0) for at, end in ends.items()])


async def input_partitions(world: World) -> list[TopicPartition]:
    async with world.admin() as admin:
        described = await admin.describe_topics(world.place.inputs)
    return [TopicPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]
