"""Decide the steps of the live ledger again, batch by batch, with the worker's own pipeline."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate, groupby
from typing import Any, Final

import orjson
from aiokafka.structs import ConsumerRecord

from worker.codec import Document
from worker.domain.decisions.deadlines import timer_key
from worker.engine.batch import Batch
from worker.engine.pipeline import Pipeline
from worker.engine.waiting import Named
from worker.kafka.originals import At, Originals
from worker.ops.rebuild.steps import FIRST, RESUMED
from worker.ops.rebuild.target import Target
from worker.stored.codes import PLACES, TIMERS

_RECORDS: Final = 5000  # that are fetched together
_EVERY: Final = 20_000  # decisions between two lines of progress
_PLACES: Final = (1 << PLACES) - 1
_STEPS: Final = """
SELECT orgcode, type, subject, round, no, now_us, topic, partition, record_offset
FROM rebuild_step WHERE no BETWEEN $1 AND $2 ORDER BY no, record_offset
"""
# Deadlines that are due and get no notice. They may still change a row.
_SILENT: Final = """
SELECT t.org, t.kind, t.key, t.due_us FROM timer t JOIN org o ON o.id = t.org
WHERE t.due_us <= $1 AND NOT EXISTS (
    SELECT FROM rebuild_step s
    WHERE s.orgcode = o.code AND s.type = ($2::jsonb ->> t.kind)::smallint AND s.no > $3
        AND (s.subject = t.key OR s.subject LIKE replace(replace(t.key, '%', '\\%'), '_', '\\_') || E'\\n%')
)
ORDER BY t.due_us LIMIT $4
"""
_CODES: Final = orjson.dumps({kind: code for code, kind in TIMERS.items()}).decode()


class Applying:
    """`db`: a connection to the target, beside the pipeline's."""

    def __init__(
        self,
        db: Any,  # noqa: ANN401  an asyncpg connection
        pool: Target,
        pipeline: Pipeline,
        originals: Originals,
        say: Callable[[str], None],
    ) -> None:
        self._db = db
        self._pool = pool
        self._pipeline = pipeline
        self._originals = originals
        self._say = say
        self._orgs: dict[str, int] = {}

    async def work(self) -> None:
        """Continue after the last batch, to the end of the list. Raises Unavailable."""
        self._pool.done = await self._db.fetchval("SELECT done_batch FROM rebuild")
        total = await self._db.fetchval("SELECT count(*) FROM rebuild_step")
        done = await self._db.fetchval(
            "SELECT count(*) FROM rebuild_step WHERE no >> $1 <= $2", PLACES, self._pool.done
        )
        shown = done
        while batches := await self._next_batches():
            rows = await self._db.fetch(_STEPS, batches[0]["no"] << PLACES, batches[-1]["no"] << PLACES | _PLACES)
            records = await self._originals.read(_at(row) for row in rows if row["topic"] is not None)
            of_batch: dict[int, list[Any]] = defaultdict(list)
            for row in rows:
                of_batch[row["no"] >> PLACES].append(row)
            for batch in batches:
                steps = of_batch[batch["no"]]
                await self._batch(batch, steps, records)
                done += len(steps)
                if done - shown >= _EVERY:
                    shown = done
                    self._say(f"rebuild: {done:,} of {total:,} decisions")
        self._say(f"rebuild: {done:,} of {total:,} decisions")

    async def _next_batches(self) -> list[Any]:
        """Return as many batches as fit into memory with their records."""
        rows = await self._db.fetch(
            "SELECT no, decided_us, documents FROM rebuild_batch WHERE no > $1 ORDER BY no LIMIT $2",
            self._pool.done, _RECORDS,
        )  # fmt: skip
        sums = accumulate(row["documents"] for row in rows)
        return [row for row, documents in zip(rows, sums, strict=True) if documents <= _RECORDS] or rows[:1]

    async def _batch(self, batch: Any, steps: Sequence[Any], records: dict[At, ConsumerRecord | None]) -> None:  # noqa: ANN401
        now_us = steps[0]["now_us"] if steps else batch["decided_us"]
        if any(row["round"] == FIRST for row in steps):
            for is_first, run in groupby(steps, lambda row: row["round"] == FIRST):
                rows = list(run)
                await (self._first(rows, now_us, records) if is_first else self._in_turn(rows, now_us))
        else:
            await self._go_on(batch, steps, now_us)
        self._pool.done = batch["no"]

    async def _first(self, steps: Sequence[Any], now_us: int, records: dict[At, ConsumerRecord | None]) -> None:
        documents: list[Document] = []
        for row in steps:
            record = None if row["topic"] is None else records[_at(row)]
            (item,) = self._pipeline.decode([record], now_us).items if record is not None else (None,)
            same = isinstance(item, Document) and (item.orgcode, item.doctype.code, item.subject) == tuple(row)[:3]
            if same and isinstance(item, Document):
                documents.append(item)
            else:
                await self._db.execute(
                    "UPDATE rebuild_step SET missing = true WHERE orgcode = $1 AND type = $2 AND subject = $3",
                    *tuple(row)[:3],
                )
        if documents:
            await self._pipeline.apply(Batch([*documents], now_us), {}, in_turn=False)

    async def _in_turn(self, steps: Sequence[Any], now_us: int) -> None:
        """Decide documents that waited for the one before them."""
        await self._know_orgs()
        await self._pipeline.decide_named(Named([self._key(row) for row in steps], []), now_us)

    async def _go_on(self, batch: Any, steps: Sequence[Any], now_us: int) -> None:  # noqa: ANN401  asyncpg
        """Decide parked documents and deadlines; also those without an outcome, which only the journal counts."""
        await self._know_orgs()
        documents = [self._key(row) for row in steps if row["round"] == RESUMED and row["orgcode"] in self._orgs]
        timers = [
            (self._orgs[row["orgcode"]], kind, timer_key(kind, row["subject"]))
            for row in steps
            if (kind := TIMERS.get(row["type"])) is not None and row["orgcode"] in self._orgs
        ]
        silent = batch["documents"] - len(steps)
        if silent > 0:
            ready = await self._db.fetch(
                "SELECT org, type, subject FROM parked WHERE ready ORDER BY received_us, no LIMIT $1",
                silent + len(documents),
            )
            known = set(documents)
            more = [key for row in ready if (key := tuple(row)) not in known][:silent]
            documents += more
            timers += await self._silent_timers(now_us, batch["no"], silent - len(more), timers)
        if documents or timers:
            self._pool.done = batch["no"]
            await self._pipeline.decide_named(Named(documents, timers), now_us)

    async def _silent_timers(
        self, now_us: int, batch_no: int, most: int, named: Sequence[tuple[int, str, str]]
    ) -> list[tuple[int, str, str]]:
        if most <= 0:
            return []
        after = batch_no << PLACES | _PLACES
        rows = await self._db.fetch(_SILENT, now_us, _CODES, after, most + len(named))
        known = set(named)
        return [key for row in rows if (key := (row["org"], row["kind"], row["key"])) not in known][:most]

    def _key(self, row: Any) -> tuple[int, int, str]:  # noqa: ANN401  an asyncpg record
        return self._orgs[row["orgcode"]], row["type"], row["subject"]

    async def _know_orgs(self) -> None:
        self._orgs = {row["code"]: row["id"] for row in await self._db.fetch("SELECT code, id FROM org")}


def _at(row: Any) -> At:  # noqa: ANN401  an asyncpg record
    return row["topic"], row["partition"], row["record_offset"]
