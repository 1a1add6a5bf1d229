"""The ground of a trial: its own ledger and topics, workers that come and go, and tills that ask."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

import asyncpg

from bench import openloop
from bench.arena import Arena, Settings, WrongResult, published
from bench.openloop import Tills, Waits
from bench.program import Ended, Program
from worker.codec import Message

TILLS_RATE: Final = 25
"""Tenders a second."""
LOOK_EVERY_S: Final = 0.2
_WARM_UP = 50
_COMES_WITHIN_S = 600.0


@dataclass(frozen=True)
class Finding:
    """A number that a trial measured, and its bound. `note` explains it."""

    what: str
    value: float
    bound: float | None = None
    unit: str = "ms"
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.bound is None or self.value <= self.bound


@dataclass(frozen=True)
class Ground:
    """`size`: the number of documents in the trial."""

    arena: Arena
    name: str
    settings: Settings
    size: int
    customers: int
    at_least_s: float = 10.0

    @property
    def prefix(self) -> str:
        return f"{self.name}."

    @asynccontextmanager
    async def worker(self, number: int = 0) -> AsyncIterator[Program]:
        """Run a worker. The context begins when it is ready."""
        log = self.arena.directory / f"{self.name}-{number}.log"
        program = Program(["worker", "worker", "run"], self.settings, log)
        try:
            await asyncio.to_thread(program.says, "ready")
            yield program
        finally:
            await asyncio.to_thread(program.stop)

    async def run(self, *arguments: str) -> Ended:
        """Run `python -m …` to its end. Raises ProgramFailed."""
        return await asyncio.to_thread(self.arena.run, arguments, self.settings, f"{self.name}-command")

    @asynccontextmanager
    async def tills(self) -> AsyncIterator[Tills]:
        """Return tills that have asked before, because the first tenders pay for connections and caches."""
        async with openloop.tills(self.settings) as tills:
            await tills.play(islice(openloop.requests(self.prefix), _WARM_UP), TILLS_RATE)
            yield tills

    async def asking(self, tills: Tills, doing: Awaitable[object]) -> Waits:
        """Let the tills ask until a task is done, but at least for `at_least_s`."""
        task, began = asyncio.ensure_future(doing), time.monotonic()
        documents = openloop.requests(self.prefix)
        try:
            return await tills.play(
                documents, TILLS_RATE, lambda: task.done() and time.monotonic() > began + self.at_least_s
            )
        finally:
            await task

    async def publish(self, messages: Iterable[Message]) -> float:
        """Publish as fast as possible. Return the seconds that it took."""
        began = time.monotonic()
        await published(self.settings["G3N_KAFKA_BOOTSTRAP_SERVERS"], messages)
        return time.monotonic() - began

    async def number(self, sql: str) -> int:
        """Return the number that the query returns."""
        connection = await asyncpg.connect(self.settings["G3N_POSTGRES_DSN"])
        try:
            return int(await connection.fetchval(sql))
        finally:
            await connection.close()

    async def counted(self, sql: str, wanted: int, *arguments: object) -> float:
        """Wait until the query returns the number. Return the seconds that it took. Raises WrongResult."""
        began = time.monotonic()
        connection = await asyncpg.connect(self.settings["G3N_POSTGRES_DSN"])
        try:
            while (count := await connection.fetchval(sql, *arguments)) != wanted:
                if time.monotonic() - began > _COMES_WITHIN_S:
                    raise WrongResult(f"{self.name}: {count} instead of {wanted}")
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await connection.close()
        return time.monotonic() - began
