"""Workers, an API and their servers, as an operator has them: processes that are started again when they end."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.e2e import trade
from tests.e2e.day import read
from tests.e2e.place import Place
from tests.faults.servers import OwnServers
from tests.faults.traffic import Traffic, publish
from tests.kafka_io import Published

RESTARTS_AFTER_S = 0.2
CATCHES_UP_WITHIN_S = 90


@dataclass
class World:
    """The servers and workers that a fault acts on, and the facts that it leaves for the checks."""

    servers: OwnServers
    place: Place
    traffic: Traffic
    chance: random.Random
    program: tuple[str, ...] = ("worker",)  # a module, and its first words
    workers: list[asyncio.subprocess.Process] = field(default_factory=list)
    exit_statuses: list[int] = field(default_factory=list)
    saved: list[Published] = field(default_factory=list)  # what was published to topics that are gone now
    forgotten: set[tuple[str, int, int]] = field(default_factory=set)  # published before the ledger lost decisions
    wrong: list[str] = field(default_factory=list)  # what the fault itself has seen
    answers: dict[str, Mapping[str, object]] = field(default_factory=dict)  # of the API, by the document's subject

    @asynccontextmanager
    async def running(self, count: int, **settings: str) -> AsyncIterator[None]:
        """Keep `count` workers running, as a service manager does: one that ends is started again."""
        async with self.kept(self.workers, count, "worker", "run", **settings):
            try:
                yield
            except Exception:
                await self.show_stacks()
                raise

    @asynccontextmanager
    async def kept(
        self, processes: list[asyncio.subprocess.Process], count: int, *words: str, **settings: str
    ) -> AsyncIterator[None]:
        """Keep `count` processes of `g3n <words>` running, which are those of the list."""
        closing = asyncio.Event()
        environment = {**os.environ, **self.place.environment, **settings}
        keepers = [asyncio.create_task(self._keep(processes, words, environment, closing)) for _ in range(count)]
        try:
            yield
        finally:
            closing.set()
            for process in processes:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                    process.terminate()
            await asyncio.gather(*keepers)

    async def _keep(
        self,
        processes: list[asyncio.subprocess.Process],
        words: tuple[str, ...],
        environment: Mapping[str, str],
        closing: asyncio.Event,
    ) -> None:
        command = sys.executable, "-m", *self.program, *words
        while not closing.is_set():
            with self.place.log.open("ab") as log:
                process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)
            processes.append(process)
            status = await process.wait()
            processes.remove(process)
            self.exit_statuses.append(status)
            if not closing.is_set():
                await asyncio.sleep(RESTARTS_AFTER_S)

    async def show_stacks(self) -> None:
        """Let each worker log where its tasks wait."""
        self.signal_workers(signal.SIGUSR1)
        await asyncio.sleep(1)

    def signal_workers(self, what: signal.Signals) -> None:
        for worker in self.workers:
            with suppress(ProcessLookupError):
                worker.send_signal(what)

    async def publish_more(self, count: int) -> None:
        """Publish this many documents that wait for nothing, and check them like the others."""
        more = [trade.customer(f"{self.traffic.name}-more-{number}", number % 2) for number in range(count)]
        self.traffic.sent += more
        await publish(self.place, [one.record(self.place) for one in more])

    async def forget(self) -> None:
        """The ledger has lost decisions: what it decides again may differ from what was published until now."""
        self.forgotten |= {one.at for one in await read(self.place)}

    async def g3n(self, *words: str) -> None:
        """Run a command of an operator. Raises AssertionError if it fails."""
        environment = {**os.environ, **self.place.environment}
        with self.place.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "worker", *words, env=environment, stdout=log, stderr=log
            )
        assert await process.wait() == 0, words

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

    @asynccontextmanager
    async def group(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer that reads and sets the workers' offsets, and is no member."""
        name = self.place.environment["G3N_CONSUMER_GROUP"]
        async with AIOKafkaConsumer(
            bootstrap_servers=self.place.bootstrap, group_id=name, enable_auto_commit=False
        ) as consumer:
            consumer.assign(await input_partitions(self))
            yield consumer


async def until(holds: Callable[[], Awaitable[object]], within_s: float = 60) -> None:
    """Wait until the answer is true. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - servers tell nobody
            await asyncio.sleep(0.1)


async def caught_up(world: World) -> None:
    """Wait until the group has committed the end of every input partition. Raises TimeoutError."""

    async def no_lag() -> bool:
        return await lag(world) == 0

    await until(no_lag, CATCHES_UP_WITHIN_S)


async def lag(world: World) -> int:
    """Return how many input records the group has not committed, or has committed although they don't exist."""
    async with world.group() as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        return sum([abs(end - (await consumer.committed(at) or 0)) for at, end in ends.items()])


async def input_partitions(world: World) -> list[TopicPartition]:
    async with world.admin() as admin:
        described = await admin.describe_topics(world.place.inputs)
    return [TopicPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]
