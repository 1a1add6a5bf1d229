"""The operators' commands: their work in the ledger and beside the workers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from worker.app.connect import KAFKA, POSTGRES, reached
from worker.app.lifetime import before_the_start, on_signal
from worker.codec import Message, Outlet
from worker.engine.pipeline import Pipeline
from worker.kafka import topics
from worker.kafka.ends import Ends, ends
from worker.kafka.security import security as kafka_security
from worker.ledger.inbox import Chosen
from worker.ledger.operators import Operator, note
from worker.ledger.pool import Pool
from worker.ledger.queries import Connection
from worker.ledger.roles import Role
from worker.ops import probe
from worker.ops.archive import plan as archive
from worker.ops.dlq import redrive
from worker.ops.dlq.rebuild import rebuild
from worker.ops.explain import explain as explain_document
from worker.ops.explanation import Explanation
from worker.ops.runners import runner_of
from worker.ops.running import Run, Stopped
from worker.ops.simulate import simulate as simulate_event
from worker.ops.tills import Tills
from worker.process import errors
from worker.process.settings import Settings
from worker.process.status import Status
from worker.web import health

_T = TypeVar("_T")


async def on_ledger(settings: Settings, action: Callable[[Connection], Awaitable[_T]]) -> _T:
    """Do an operator's command in the ledger, in one transaction."""
    pool = await reached(POSTGRES, lambda: Pool.of_interface(settings.dsn, 1, Role.OPS))
    try:
        async with pool.transaction() as connection:
            return await action(connection)
    finally:
        await pool.close()


async def run_operation(
    settings: Settings, id_: int, reason: str, rate_per_s: float | None, say: Callable[[str], None]
) -> int:
    """`g3n worker operations resume`: run the operation in this process. 0 once it is done, 1 if it was stopped."""
    operator = Operator(settings.operator_name, reason)
    topic = settings.topic_prefix + settings.topic_tenders
    stopped = asyncio.Event()
    pool = await reached(POSTGRES, lambda: Pool.of_interface(settings.dsn, 2, Role.WORKER))
    try:
        with before_the_start(stopped):
            async with (
                ends(settings.kafka_bootstrap_servers, security=kafka_security(settings)) as kafka,
                Run.of(pool, id_, operator, rate_per_s=rate_per_s, tills_wait=_tills(pool, kafka, topic).wait) as run,
            ):
                await runner_of(run.operation.kind)(settings, run, say)
                say(f"operation {id_}: done, {run.done:,} documents")
                return 0
    except Stopped as error:
        say(f"{error}")
        return 1
    except errors.OperatorError as error:
        say(f"g3n: {error}")
        return 1
    finally:
        await pool.close()
    say(f"operation {id_}: paused; go on with g3n worker operations resume {id_}")
    return 1


async def explain(
    settings: Settings, orgcode: str, type_: str, subject: str, archives: Path | None = None
) -> Explanation | None:
    """`g3n worker explain`: all that the ledger holds about one document; None where there is no such document.

    `archives`: the directory of the archives that may have its transfers.
    """
    names = topics.from_settings(settings)
    outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group)
    pool = await reached(POSTGRES, lambda: Pool.of_interface(settings.dsn, 1, Role.OPS))
    try:
        return await explain_document(pool, outlet, orgcode, type_, subject, archives)
    finally:
        await pool.close()


async def simulate(settings: Settings, event: bytes, orgcode: str | None) -> list[Message]:
    """`g3n worker simulate`: what a CloudEvent in structured mode would get if it were read now.

    Raises ops.simulate.Invalid or pipeline.Conflict, where that would be a dead letter.
    """
    pipeline = await reached(POSTGRES, lambda: Pipeline.open(settings))
    try:
        return await simulate_event(pipeline, event, orgcode, trusted=True)
    finally:
        await pipeline.close()


async def run_probe(settings: Settings, orgcode: str) -> int:
    """`g3n worker probe`: 0 after SIGTERM or SIGINT."""
    stopped, status = asyncio.Event(), Status("probe")
    status.up("probe")
    with before_the_start(stopped):
        listener = None
        if settings.http_port:
            names = "G3N_HTTP_HOST, G3N_HTTP_PORT"
            listener = health.bind(settings.http_host, settings.http_port, names, chosen=settings.http_port_is_chosen)
        async with health.serve(status, listener):
            on_signal(stopped.set)
            await probe.run(settings, orgcode, stopped)
    return 0


async def plan_archive(
    settings: Settings, before: datetime, directory: Path, reason: str
) -> tuple[int | None, list[str]]:
    """`g3n worker archive`: return the id of the planned operation, if any, and the lines of the plan."""
    operator = Operator(settings.operator_name, reason)
    return await reached(POSTGRES, lambda: archive.plan(settings, before, directory, operator))


async def plan_redrive(settings: Settings, chosen: Chosen, reason: str) -> tuple[int | None, list[str]]:
    """`g3n worker dlq redrive`: return the id of the planned operation, if any, and the lines of the plan."""
    operator = Operator(settings.operator_name, reason)
    now_us = time.time_ns() // 1000
    return await reached(POSTGRES, lambda: redrive.plan(settings, chosen, operator, now_us))


async def rebuild_inbox(settings: Settings, reason: str) -> int:
    """`g3n worker dlq rebuild`: return how many positions the dead-letter topics name."""
    pool = await reached(POSTGRES, lambda: Pool.of_interface(settings.dsn, 1, Role.OPS))
    try:
        letters = await reached(KAFKA, lambda: rebuild(settings, pool))
        async with pool.transaction() as connection:
            operator = Operator(settings.operator_name, reason)
            await note(connection, operator, "dlq rebuild", "dead-letter topics", {"letters": letters})
        return letters
    finally:
        await pool.close()


def _tills(pool: Pool, kafka: Ends, topic: str) -> Tills:
    async def at() -> dict[int, int]:
        return {partition: bounds.end for (_, partition), bounds in (await kafka.of([topic])).items()}

    return Tills(pool, topic, at)
