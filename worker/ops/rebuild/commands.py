"""The command `g3n worker rebuild`: list, decide again, compare."""

import time
from collections.abc import Callable
from typing import Any, Final

import asyncpg

from worker.codec import Outlet
from worker.engine.pipeline import Pipeline
from worker.kafka import topics
from worker.kafka.ends import ends
from worker.kafka.originals import originals
from worker.kafka.ranges import ranges
from worker.kafka.security import security
from worker.ledger.roles import Role
from worker.ops.rebuild import rest, steps
from worker.ops.rebuild.apply import Applying
from worker.ops.rebuild.compare import Comparison
from worker.ops.rebuild.report import Report
from worker.ops.rebuild.target import Target, prepare
from worker.ops.replay.plan import code_version
from worker.ops.snapshot import WHOLE, snapshot
from worker.process.settings import Settings

NAME: Final = "g3n-rebuild"
_FEW: Final = 10_000  # decisions made meanwhile; so few are decided while the snapshot of the live ledger is open
# The target's rows are looked up by their keys while the target grows: no plan may read a table for a few thousand.
_KEYED: Final = {**WHOLE, "enable_nestloop": "on", "enable_hashjoin": "off", "enable_mergejoin": "off"}
Say = Callable[[str], None]


async def rebuild(settings: Settings, into: str, say: Say) -> Report:
    """Rebuild the ledger of the settings in the database `into`, and compare the two.

    Publishes nothing and commits no offset. `say` gets lines of progress. Raises Refused, OperatorError and
    Unavailable.
    """
    async with snapshot(settings.dsn, Role.OPS, NAME) as live:
        names = topics.from_settings(settings)
        goes_on = await prepare(into, live, code_version(), settings.card_keys, names.read)
    say("rebuild: goes on where it was" if goes_on else "rebuild: begins")
    target = await asyncpg.connect(
        into, server_settings={**_KEYED, "role": Role.WORKER.value, "application_name": NAME}
    )
    pool = await Target.open(into)
    pool.committed = lambda _: None
    pipeline = Pipeline.over(pool, settings)
    try:
        return await _Rebuild(settings, target, pool, pipeline, say).work()
    finally:
        await pipeline.close()
        await target.close()


class _Rebuild:
    def __init__(self, settings: Settings, target: Any, pool: Target, pipeline: Pipeline, say: Say) -> None:  # noqa: ANN401  asyncpg
        self._settings = settings
        self._target = target
        self._pool = pool
        self._pipeline = pipeline
        self._say = say
        self._names = topics.from_settings(settings)
        self._tenders = settings.topic_prefix + settings.topic_tenders

    async def work(self) -> Report:
        """Catch up with the live ledger, which goes on meanwhile, until few decisions are left."""
        while True:
            async with snapshot(self._settings.dsn, Role.OPS, NAME) as live:
                new = await steps.add(live, self._target, self._tenders)
                if new <= _FEW:
                    await self._apply()
                    return await self._report(live)
            await self._apply()

    async def _apply(self) -> None:
        bootstrap, secured = self._settings.kafka_bootstrap_servers, security(self._settings)
        async with ranges(bootstrap, security=secured) as kafka:
            await steps.find_accepted(self._target, kafka, self._names.accepted)
        async with originals(bootstrap, security=secured) as records:
            await Applying(self._target, self._pool, self._pipeline, records, self._say).work()

    async def _report(self, live: Any) -> Report:  # noqa: ANN401  asyncpg
        bootstrap, secured = self._settings.kafka_bootstrap_servers, security(self._settings)
        async with ends(bootstrap, security=secured) as kafka:
            bounds = await kafka.of(self._names.read)
        read_to = {
            (row["topic"], row["partition"]): row["next_offset"]
            for row in await live.fetch("SELECT topic, partition, next_offset FROM watermark")
            if row["next_offset"] is not None
        }
        self._say("rebuild: looks for documents that the live ledger lacks")
        async with ranges(bootstrap, security=secured) as kafka:
            since = await rest.complete_since(kafka, bounds, _clock_us)
            await rest.apply_rest(self._target, self._pipeline, kafka, bounds, read_to, _clock_us)
        missing = await self._target.fetch(
            "SELECT coalesce(topic, '') AS topic, count(*) AS documents FROM rebuild_step WHERE missing"
            " GROUP BY 1 ORDER BY 1"
        )
        decisions = await self._target.fetchval("SELECT count(*) FROM rebuild_step")
        report = Report(decisions, {row["topic"]: row["documents"] for row in missing}, since)
        self._say("rebuild: compares the two ledgers")
        async with self._target.transaction(isolation="repeatable_read", readonly=True):
            comparison = Comparison(live, self._target, Outlet(self._names.outcomes, self._names.tender_outcomes, NAME))
            async for difference in comparison.accounts_that_differ():
                report.accounts.add(difference)
            async for difference in comparison.outcomes_that_differ():
                report.outcomes.add(difference)
        report.accounts.compared, report.outcomes.compared = comparison.accounts, comparison.outcomes
        return report


def _clock_us() -> int:
    return time.time_ns() // 1000
