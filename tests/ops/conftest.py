"""A desk: documents in words go through the real pipeline and a real Postgres, and are asked about."""

import shlex
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import CARD_KEY
from tests.domain.stage import BASE, microseconds
from tests.kafka_io import ORGCODE, document
from tests.language.documents import Clock, build
from tests.language.words import words
from tests.ops.commands import g3n
from worker.codec import Decoder, Message, Outlet
from worker.engine.messages import Applied
from worker.engine.pipeline import Pipeline
from worker.ledger.pool import Pool
from worker.ledger.roles import Role
from worker.ops.explain import explain
from worker.ops.explanation import Explanation

Data = dict[str, Any]
Terminal = Callable[[str], Awaitable[tuple[int, str]]]
"""Runs a command, and returns its exit status and what it printed."""
TOPICS = {"scm.sale": "scm.sales", "scm.return": "scm.returns", "scm.tender": "scm.tenders"}


@dataclass
class Record:
    """As aiokafka would give it."""

    topic: str
    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    partition: int = 0


def told(messages: Sequence[Message]) -> list[Data]:
    return [orjson.loads(message.value or b"{}") for message in messages]


@dataclass
class Desk:
    """All documents happen, and are read, at noon of 2026-03-01 unless they say otherwise."""

    pipeline: Pipeline
    pool: Pool
    outlet: Outlet
    clock: Clock = field(default_factory=lambda: Clock(BASE))
    offset: int = 0

    def record(self, text: str) -> Record:
        made = build(words(text, self.clock.base), self.clock)
        topic = TOPICS.get(made.type.rpartition(".")[0], "crm.commands")
        sent = document(topic, made.type, made.subject, made.data)
        self.offset += 1
        stamped_ms = microseconds(made.stamped) // 1000
        return Record(topic, self.offset, stamped_ms, sent.value, sent.key, sent.headers)

    async def apply(self, *texts: str) -> list[Data]:
        """The documents in one batch."""
        batch = self.pipeline.decode([self.record(text) for text in texts], microseconds(BASE))
        return told((await self.pipeline.apply(batch, {})).messages)

    async def work(self, *, read_all: bool = False) -> Applied:
        """Decide everything that is ready or due. `read_all`: the topics are read up to now."""
        if read_all:
            await self.pipeline.apply(self.pipeline.decode([], 0), {("scm.sales", 0): time.time_ns() // 1000})
        applied = await self.pipeline.catch_up(final=True)
        assert applied is not None
        return applied

    async def simulate(self, text: str, *, trusted: bool = False) -> list[Data]:
        (item,) = self.pipeline.decode([self.record(text)], microseconds(BASE)).items
        item.trusted = trusted  # type: ignore[union-attr]
        return told(await self.pipeline.rehearsal.simulate(item, microseconds(BASE)))  # type: ignore[arg-type]

    async def explain(self, type_: str, subject: str) -> Explanation:
        explanation = await explain(self.pool, self.outlet, ORGCODE, type_, subject)
        assert explanation is not None
        return explanation


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    pool = await Pool.open(database)
    outlet = Outlet("crm.outcomes", "crm.tender-outcomes", "crm-worker")
    decoder = Decoder((bytes.fromhex(CARD_KEY),), frozenset(), 1 << 20)
    pipeline = Pipeline(pool, decoder, outlet, ("scm.sales",), 7, crash=True)
    yield Desk(pipeline, pool, outlet)
    await pipeline.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await Pool.of_interface(database, 4, Role.WORKER)
    yield opened
    await opened.close()


@pytest.fixture
def terminal(environment: dict[str, str], tmp_path: Path) -> Terminal:
    """An operator's, in a folder of its own."""

    async def run(command: str) -> tuple[int, str]:
        settings = {**environment, "G3N_DEVELOPMENT": "true"}
        done = await g3n(settings, *shlex.split(command)[1:], folder=tmp_path)
        return done.code or 0, done.out + done.err

    return run
