"""Execute the plan of a replay: apply its records, slice by slice, with the worker's own pipeline.

A slice is applied, its outcomes are published, then the cursor moves on. If the process is killed in between, the slice
comes again. Its documents are duplicates then. Outcomes that are not known to be published are published again, by the
resumed run or by a worker's sweep.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition

from worker.codec import Document, Message, Undecodable
from worker.codec.encode import REPLAYED
from worker.engine.batch import Batch
from worker.engine.pipeline import Pipeline
from worker.kafka import topics
from worker.kafka.publisher import Publisher
from worker.kafka.ranges import Slice, ranges
from worker.kafka.security import security
from worker.ledger.queries import SQL
from worker.ledger.watched import Watched
from worker.ops.replay.plan import Outcomes, ranges_of
from worker.ops.replay.report import done_text
from worker.ops.replay.selection import Selection
from worker.ops.replay.tally import Tally
from worker.ops.running import Run
from worker.process.errors import OperatorError
from worker.process.settings import Settings

KIND: Final = "replay"
Say = Callable[[str], None]


def _clock_us() -> int:
    return time.time_ns() // 1000


async def execute(settings: Settings, run: Run, say: Say, clock_us: Callable[[], int] = _clock_us) -> None:
    """Execute the plan from the run's cursor to its end, and compare the plan with the result.

    Raises OperatorError if the topics no longer hold the planned records, and running.Stopped.
    """
    await _Execution(settings, run, say, clock_us).work()


class _Execution:
    def __init__(self, settings: Settings, run: Run, say: Say, clock_us: Callable[[], int]) -> None:
        self._settings = settings
        self._run = run
        self._say = say
        self._clock_us = clock_us
        self._head: Mapping[str, Any] = run.operation.plan
        self._outcomes = Outcomes(self._head["outcomes"])
        self._selection = Selection.from_json(self._head["selection"])
        self._codes: dict[int, str] = {}
        self._dead_letters = frozenset(topics.from_settings(settings).dead_letters)
        self._tally = Tally(lambda org: self._codes[org], self._dead_letters)

    async def work(self) -> None:
        done = 0 if self._run.cursor is None else int(self._run.cursor["slice"])
        resumed = self._run.cursor is not None
        if resumed:
            self._tally.restore(self._run.cursor["tally"])
        secured = security(self._settings)
        pool = await Watched.open(self._settings.dsn)
        pool.committed = self._tally.add
        pool.silent = self._outcomes is Outcomes.NONE or self._head["to"] is not None
        pipeline = Pipeline.over(pool, self._settings)
        publisher = Publisher(self._settings.kafka_bootstrap_servers, security=secured)
        try:
            async with ranges(self._settings.kafka_bootstrap_servers, security=secured) as kafka:
                prints: Sequence[str] = self._head["slices"]
                async for part in kafka.slices(ranges_of(self._head), self._head["slice_records"], self._after()):
                    self._check(part, prints, done)
                    await self._run.turn(len(part.records))
                    await self._apply(pool, pipeline, publisher, part, again=resumed)
                    resumed = False
                    done += 1
                    await self._run.advance(self._cursor(part, done), len(part.records))
                    self._say(f"replay: {self._run.done:,} of {self._run.operation.planned:,} records")
                if done != len(prints):
                    raise OperatorError("the topics hold fewer records than were planned: plan again")
            async with pool.reading() as connection:
                self._codes |= {row["id"]: row["code"] for row in await connection.fetch("SELECT id, code FROM org")}
        finally:
            await publisher.stop()
            await pipeline.close()
        result = self._tally.to_json()
        for line in done_text(self._head["tally"], result):
            self._say(line)
        await self._run.finish(result)

    def _after(self) -> dict[TopicPartition, int]:
        if self._run.cursor is None:
            return {}
        return {TopicPartition(topic, partition): offset for topic, partition, offset in self._run.cursor["after"]}

    def _cursor(self, part: Slice, done: int) -> dict[str, Any]:
        after = [[at.topic, at.partition, offset] for at, offset in part.after.items()]
        return {"slice": done, "after": after, "tally": self._tally.stored()}

    def _check(self, part: Slice, prints: Sequence[str], done: int) -> None:
        if done >= len(prints) or part.fingerprint != prints[done]:
            first = part.records[0]
            raise OperatorError(
                f"the records from {first.topic}-{first.partition} offset {first.offset:,} on are not those that were"
                " planned: plan again"
            )

    async def _apply(
        self, pool: Watched, pipeline: Pipeline, publisher: Publisher, part: Slice, *, again: bool
    ) -> None:
        now_us = self._clock_us()
        batch = pipeline.decode(part.records, now_us)
        chosen = self._selection.of(batch.items)
        untold = await self._untold(pool, chosen) if again else []
        applied = await pipeline.apply(Batch(untold, now_us), {})
        publishes = applied.messages if self._outcomes is not Outcomes.NONE else []
        rest = await pipeline.apply(Batch([item for item in chosen if item not in untold], now_us), {})
        while (more := await pipeline.decide_ready(now_us)) is not None:
            rest.add(more)
        publishes = self._addressed([*publishes, *self._published(rest.messages)])
        applied.add(rest)
        self._tally.count(batch.items, chosen, applied.messages)
        if publishes:
            await publisher.publish(publishes)
        if not pool.silent:
            pipeline.published(applied.batch_no)

    async def _untold(self, pool: Watched, chosen: Sequence[Document | Undecodable]) -> list[Document | Undecodable]:
        """Return documents of the present slice that a killed process may have decided without publishing.

        With `--to`, that is the whole slice: no record says which outcomes that topic already has.
        """
        if self._head["to"] is not None:
            return list(chosen)
        documents = [item for item in chosen if isinstance(item, Document)]
        keys = [(one.orgcode, one.doctype.code, one.subject) for one in documents]
        async with pool.reading() as connection:
            rows = await connection.fetch(SQL["read_unpublished"], *zip(*keys, strict=True)) if keys else []
        return [documents[row["place"] - 1] for row in rows]

    def _published(self, messages: Sequence[Message]) -> list[Message]:
        """Return the outcomes to publish."""
        match self._outcomes:
            case Outcomes.NONE:
                return []
            case Outcomes.ALL:
                return list(messages)
        return [
            message
            for message in messages
            if REPLAYED not in message.headers and message.topic not in self._dead_letters
        ]

    def _addressed(self, messages: list[Message]) -> list[Message]:
        to = self._head["to"]
        return messages if to is None else [message._replace(topic=to) for message in messages]
