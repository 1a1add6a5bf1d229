"""Documents in words on real topics, read by a pipeline as a worker would, and read again by a replay."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.domain.stage import microseconds
from tests.kafka_io import document, publish
from tests.language.documents import Clock, build
from tests.language.words import words
from tests.ops.conftest import TOPICS
from worker.codec import Message
from worker.engine.pipeline import Pipeline
from worker.kafka import topics
from worker.kafka.ranges import Bounds, Ranges, ranges
from worker.ledger.operators import Operator
from worker.ledger.overlay import Overlay
from worker.ledger.pool import Pool
from worker.ledger.roles import Role
from worker.ops.replay import commands, saved
from worker.ops.replay.execute import execute
from worker.ops.replay.plan import Outcomes, Plan, plan
from worker.ops.replay.selection import Selection
from worker.ops.running import Run
from worker.process.settings import Settings

OPERATOR = Operator("ada", "after the outage")


@dataclass
class Shop:
    """Topics, a ledger, and the settings of the worker between them."""

    settings: Settings
    clock: Clock
    read_to: dict[tuple[str, int], int] = field(default_factory=dict)

    async def publish(self, *texts: str, partition: int = 0) -> None:
        records = []
        for text in texts:
            made = build(words(text, self.clock.base), self.clock)
            topic = self.settings.topic_prefix + TOPICS.get(made.type.rpartition(".")[0], "crm.commands")
            stamped_ms = microseconds(made.stamped) // 1000
            records.append(
                document(topic, made.type, made.subject, made.data, timestamp_ms=stamped_ms, partition=partition)
            )
        await publish(self.settings.kafka_bootstrap_servers, records)

    async def consume(self) -> list[Message]:
        """Decide the unread records of the topics. Nobody publishes the outcomes."""
        pipeline = await Pipeline.open(self.settings)
        messages: list[Message] = []
        async with self.kafka() as kafka:
            found = await kafka.within(topics.from_settings(self.settings).inputs, Bounds())
            new = [one._replace(start=self.read_to.get(one.at, one.start)) for one in found]
            async for part in kafka.slices([one for one in new if one.start < one.end], 1000):
                batch = pipeline.decode(part.records, self.now_us())
                messages += (applied := await pipeline.apply(batch, {})).messages
                pipeline.published(applied.batch_no)
                while (more := await pipeline.decide_ready(self.now_us())) is not None:
                    messages += more.messages
                    pipeline.published(more.batch_no)
            self.read_to |= {one.at: one.end for one in found}
        await pipeline.close()
        return messages

    @asynccontextmanager
    async def kafka(self) -> AsyncIterator[Ranges]:
        async with ranges(self.settings.kafka_bootstrap_servers) as opened:
            yield opened

    async def plan(self, outcomes: Outcomes = Outcomes.NEW, **selected: Any) -> Plan:  # noqa: ANN401  members of a Selection
        inputs = topics.from_settings(self.settings).inputs
        to, size = selected.pop("to", None), selected.pop("size", 2)
        selection = Selection(**{"topics": inputs, **selected})
        async with self.kafka() as kafka, Overlay.opened(self.settings.dsn) as overlay:
            return await plan(self.settings, kafka, overlay, selection, outcomes, to, clock_us=self.now_us, size=size)

    def now_us(self) -> int:
        return int(self.clock.base.timestamp() * 1_000_000)

    async def start(self, made: Plan, path: Path) -> int:
        path.write_bytes(b"".join(line + b"\n" for line in saved.lines(made)))  # noqa: ASYNC240  a small file
        return await commands.start(self.settings, path, OPERATOR, None)

    async def execute(self, made: Plan, path: Path) -> list[str]:
        """Return the printed lines."""
        id_ = await self.start(made, path)
        said: list[str] = []
        pool = await Pool.of_interface(self.settings.dsn, 2, Role.WORKER)
        async with Run.of(pool, id_, OPERATOR) as run:
            await execute(self.settings, run, said.append, self.now_us)
        await pool.close()
        return said


def settings_of(environment: Mapping[str, str]) -> Settings:
    return Settings(**{name.removeprefix("G3N_").lower(): value for name, value in environment.items()})
