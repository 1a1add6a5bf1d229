"""Operations as rows: any process goes on with one, one at a time, and everything done to it is in the journal."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from tests.ops.commands import g3n
from worker.ledger import operations, operators
from worker.ledger.operations import Operation, State
from worker.ledger.operators import Operator
from worker.ledger.pool import Pool
from worker.ops.running import Run, Stopped
from worker.ops.tills import Tills
from worker.process.errors import OperatorError

ADA, BOB = Operator("ada", "after the outage"), Operator("bob", "too slow")
TENDERS = "scm.tenders"


@pytest.fixture
async def planned(pool: Pool) -> int:
    async with pool.transaction() as connection:
        return await operations.create(connection, "replay", ADA, {"summary": ["3 sales"]}, 3)


async def found(pool: Pool, id_: int) -> Operation:
    async with pool.transaction() as connection:
        operation = await operations.get(connection, id_)
    assert operation is not None
    return operation


async def once(pool: Pool, id_: int, right: Callable[[Operation], bool]) -> Operation:
    """The operation, as soon as it is right."""
    async with asyncio.timeout(120):
        while not right(operation := await found(pool, id_)):  # noqa: ASYNC110  only the row tells
            await asyncio.sleep(0)
    return operation


async def stop(pool: Pool, id_: int, to: State) -> bool:
    async with pool.transaction() as connection:
        return await operations.stop(connection, id_, to, BOB)


async def journal(pool: Pool) -> list[tuple[str, str]]:
    async with pool.transaction() as connection:
        return [(one.who, one.action) for one in reversed(await operators.actions(connection, 100))]


async def test_an_operation_goes_from_its_plan_to_its_end(pool: Pool, planned: int) -> None:
    before = await found(pool, planned)
    assert (before.shown_state, before.planned, before.done, before.plan) == ("planned", 3, 0, {"summary": ["3 sales"]})
    async with Run.of(pool, planned, ADA) as run:
        await run.turn(2)
        assert (await found(pool, planned)).shown_state == "running"
        await run.advance({"scm.sales-0": 2}, 2)
        await run.turn(1)
        await run.advance({"scm.sales-0": 3}, 1)
        await run.finish({"applied": 3})
    after = await found(pool, planned)
    assert (after.state, after.done, after.result, after.at_work) == (State.DONE, 3, {"applied": 3}, False)
    assert await journal(pool) == [("ada", "replay plan"), ("ada", "operations resume"), ("ada", "operation done")]
    with pytest.raises(OperatorError, match="is done: it can't be run again"):
        async with Run.of(pool, planned, ADA):
            pass
    assert not await stop(pool, planned, State.CANCELLED)


async def test_a_paused_operation_goes_on_from_its_cursor_in_another_process(pool: Pool, planned: int) -> None:
    async with Run.of(pool, planned, ADA) as run:
        await run.advance({"at": 1}, 1)
        assert await stop(pool, planned, State.PAUSED)
        with pytest.raises(Stopped, match="was paused after 1 of 3 documents"):
            await run.turn(1)
    async with Run.of(pool, planned, BOB, rate_per_s=1000) as run:
        assert (run.cursor, run.done) == ({"at": 1}, 1)
        await run.advance({"at": 3}, 2)
        await run.finish({})
    assert (await found(pool, planned)).rate_per_s == 1000


async def test_documents_done_before_a_process_learns_of_the_end_count(pool: Pool, planned: int) -> None:
    async with Run.of(pool, planned, ADA) as run:
        assert await stop(pool, planned, State.CANCELLED)
        with pytest.raises(Stopped, match="was cancelled after 2 of 3"):
            await run.advance({"at": 2}, 2)
    after = await found(pool, planned)
    assert (after.state, after.done) == (State.CANCELLED, 2)


async def test_only_one_process_runs_an_operation(pool: Pool, planned: int) -> None:
    async with Run.of(pool, planned, ADA) as run:
        with pytest.raises(OperatorError, match="is being run by another process"):
            async with Run.of(pool, planned, BOB):
                pass
        await run.finish({})


async def test_an_operation_whose_process_was_killed_is_interrupted_and_its_zombie_is_stopped(
    pool: Pool, connection: asyncpg.Connection, planned: int
) -> None:
    async with Run.of(pool, planned, ADA) as zombie:
        await zombie.advance({"at": 1}, 1)
        locks = (
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::oid"
        )
        await connection.fetch(locks, operations.LOCK_CLASS)
        assert (await found(pool, planned)).shown_state == "interrupted"
        async with Run.of(pool, planned, BOB) as run:
            assert run.cursor == {"at": 1}
            with pytest.raises(Stopped, match="taken over by another process"):
                await zombie.advance({"at": 2}, 1)
            await run.advance({"at": 3}, 2)
            await run.finish({})
    assert (await found(pool, planned)).done == 3


async def test_a_failure_is_kept_and_the_operation_can_be_resumed(pool: Pool, planned: int) -> None:
    with pytest.raises(OSError, match="disk"):
        async with Run.of(pool, planned, ADA):
            raise OSError("disk full")
    failed = await found(pool, planned)
    assert (failed.state, failed.error) == (State.FAILED, "OSError: disk full")
    async with Run.of(pool, planned, ADA) as run:
        await run.finish({})
    assert (await found(pool, planned)).error is None


async def waiting(pool: Pool, id_: int, run: Run, documents: int, for_what: str) -> Awaitable[None]:
    """A turn that is known to wait."""
    turn = asyncio.create_task(run.turn(documents))
    await once(pool, id_, lambda operation: operation.waits_for == for_what)
    assert not turn.done()
    return turn


async def test_the_rate_holds_the_next_documents_back(pool: Pool, planned: int) -> None:
    async with Run.of(pool, planned, ADA, rate_per_s=0.01) as run:
        await run.turn(1)
        turn = await waiting(pool, planned, run, 1, "rate")
        await stop(pool, planned, State.CANCELLED)
        with pytest.raises(Stopped, match="cancelled"):
            await turn


async def test_it_steps_aside_while_tills_wait(pool: Pool, planned: int) -> None:
    waiting_tills = [True]

    async def tills_wait() -> bool:
        return waiting_tills[0]

    async with Run.of(pool, planned, ADA, tills_wait=tills_wait) as run:
        turn = await waiting(pool, planned, run, 1, "tenders")
        waiting_tills[0] = False
        await turn
        await run.finish({})
    assert (await found(pool, planned)).waits_for is None


async def test_tills_wait_for_a_tender_that_was_there_a_second_ago(pool: Pool, connection: asyncpg.Connection) -> None:
    now, ended, read = [100.0], {0: 7, 1: 0}, "UPDATE watermark SET next_offset = $1"
    await connection.execute(
        "INSERT INTO watermark (topic, partition, read_us, next_offset) VALUES ($1, 0, 0, 7)", TENDERS
    )

    async def ends() -> dict[int, int]:
        return dict(ended)

    tills = Tills(pool, TENDERS, ends, lambda: now[0])
    seen = [await tills.wait()]
    for later, end, reached in (
        (1.0, 8, 7),
        (0.5, 8, 7),
        (0.6, 8, 7),
        (0.1, 8, 8),
        (1.5, 9, 8),
        (1.1, 9, 8),
        (60.0, 9, 8),
    ):
        now[0] += later
        ended[0] = end
        await connection.execute(read, reached)
        seen.append(await tills.wait())
    #                just there   0.5 s  1.1 s  decided  next: new, 1.1 s, and nobody has read for a minute
    assert seen == [False, False, False, True, False, False, True, False]


@pytest.mark.parametrize(
    "change", ["plan = '{}'", "planned = 4", "who = 'eve'", "reason = ''", "kind = 'redrive'", "created_at = now()"]
)
async def test_nobody_changes_a_plan(connection: asyncpg.Connection, pool: Pool, planned: int, change: str) -> None:
    assert (await found(pool, planned)).id == planned
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await connection.execute(f"UPDATE operation SET {change}")


async def test_the_commands(database: str, planned: int) -> None:
    settings = {"G3N_POSTGRES_DSN": database, "G3N_CARD_KEY": "5ec2e7" * 11, "G3N_OPERATOR": "ada"}

    async def said(*words: str) -> Any:  # noqa: ANN401  JSON
        done = await g3n(settings, *words, "--json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    made = await said("keys", "create", "--orgcode", "acme", "--name", "till", "--scope", "tender")
    paused = await g3n(settings, "operations", "pause", str(planned))
    assert (paused.code, paused.err) == (1, f"g3n: operation {planned} is planned, so it can't be paused\n")
    cancelled = await g3n(settings, "operations", "cancel", str(planned), "--reason", "wrong range")
    assert (cancelled.code, cancelled.out) == (0, f"operation {planned}: cancelled\n")
    assert [one["state"] for one in await said("operations", "list")] == ["cancelled"]
    shown = await g3n(settings, "operations", "show", str(planned))
    assert shown.out.startswith(f"operation  {planned}: replay, cancelled\ndocuments  0 of 3 done\n")
    actions = await said("journal")
    assert [(one["action"], one["target"], one["reason"]) for one in actions] == [
        ("replay plan", f"operation {planned}", "after the outage"),
        ("keys create", f"acme {made['id']}", ""),
        ("operations cancel", f"operation {planned}", "wrong range"),
    ]
    assert made["key"] not in json.dumps(actions)
