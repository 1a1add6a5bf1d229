"""Documents in words on real topics, read by a pipeline as a worker would, and read again by a replay."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.domain.table import microseconds, words
from tests.e2e.documents import Clock, build
from tests.kafka_io import document, publish
from tests.ops.conftest import TOPICS
from worker.codec import Message
from worker.kafka import topics
from worker.kafka.ranges import Bounds, Range, Ranges, ranges
from worker.ledger.overlay import Overlay
from worker.ops.replay.plan import Outcomes, Plan, plan
from worker.ops.replay.selection import Selection
from worker.pipeline import Pipeline
from worker.settings import Settings


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
        """Decide what the topics hold and was not read yet; what is said is published by nobody."""
        pipeline = await Pipeline.open(self.settings)
        messages: list[Message] = []
        async with self.kafka() as kafka:
            found = await kafka.within(topics.from_settings(self.settings).inputs, Bounds())
            new = [one._replace(start=self.read_to.get(one.at, one.start)) for one in found]
            async for part in kafka.slices([one for one in new if one.start < one.end], 1000):
                batch = pipeline.decode(part.records, time.time_ns() // 1000)
                messages += (applied := await pipeline.apply(batch, {})).messages
                await pipeline.published(applied.batch_no)
                while (more := await pipeline.work()) is not None:
                    messages += more.messages
                    await pipeline.published(more.batch_no)
            self.read_to |= {one.at: one.end for one in found}
        await pipeline.close()
        return messages

    @asynccontextmanager
    async def kafka(self) -> AsyncIterator[Ranges]:
        async with ranges(self.settings.kafka_bootstrap_servers) as opened:
            yield opened

    async def plan(self, outcomes: Outcomes = Outcomes.NEW, **selected: Any) -> Plan:  # noqa: ANN401  members of a Selection
        inputs = topics.from_settings(self.settings).inputs
        selection = Selection(**{"topics": inputs, **selected})
        async with self.kafka() as kafka, Overlay.opened(self.settings.dsn) as overlay:
            return await plan(self.settings, kafka, overlay, selection, outcomes)


def settings_of(environment: Mapping[str, str]) -> Settings:
    return Settings(**{name.removeprefix("G3N_").lower(): value for name, value in environment.items()})  # type: ignore[arg-type]


def ranges_of(found: Sequence[Range]) -> list[tuple[str, int, int]]:
    return [(one.topic.rpartition("-")[2], one.start, one.end) for one in found]
