"""No outcome is sent that Postgres can still lose."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.codec.records import Record
from tests.ledger.conftest import Worker, record
from tests.stack import Servers
from worker.ledger import pool as pools
from worker.ledger.commit import Committing
from worker.ledger.pool import Pool
from worker.process.errors import Unavailable

WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"


@pytest.fixture
async def standby_is_away(stack: Servers) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection, while every COMMIT that asks for it waits for a standby that never answers.

    The other tests' sessions do not ask for it: the server's own synchronous_commit is off.
    """
    superuser = await asyncpg.connect(stack.superuser_dsn)
    await superuser.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await superuser.execute("SELECT pg_reload_conf()")
    while await superuser.fetchval("SHOW synchronous_standby_names") != "nobody":
        pass
    try:
        yield superuser
    finally:
        await superuser.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await superuser.execute("SELECT pg_reload_conf()")
        await superuser.close()


async def write(pool: Pool, code: str) -> None:
    async with pool.transaction() as connection:
        await connection.execute("SET LOCAL synchronous_commit = on")
        await connection.execute("INSERT INTO org (code) VALUES ($1)", code)


async def waiting(pool: Pool, connection: asyncpg.Connection, code: str) -> tuple[asyncio.Task[None], int]:
    """A transaction whose COMMIT waits, and its backend. The server takes a moment to know of its standby."""
    for attempt in range(10_000):
        writing = asyncio.create_task(write(pool, f"{code}-{attempt}"))
        while not writing.done():
            if (pid := await connection.fetchval(WAITS)) is not None:
                return writing, int(pid)
        await writing
    raise AssertionError


async def test_no_timeout_cancels_a_commit_and_a_cancelled_one_has_not_succeeded(
    database: str,
    connection: asyncpg.Connection,
    standby_is_away: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "COMMAND_TIMEOUT_S", 0.5)
    pool = await Pool.open(database)
    try:
        writing, pid = await waiting(pool, connection, "timeout")
        done, _ = await asyncio.wait({writing}, timeout=1)  # twice the driver's timeout
        assert not done
        assert await connection.fetchval(WAITS) == pid
        await standby_is_away.execute("SELECT pg_cancel_backend($1)", pid)
        with pytest.raises(Unavailable, match="may be lost"):
            await writing

        writing, pid = await waiting(pool, connection, "given-up")
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await connection.fetchval(WAITS) == pid, "the server goes on waiting: nobody has cancelled it"
    finally:
        await standby_is_away.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await standby_is_away.execute("SELECT pg_reload_conf()")
        await pool.close()


async def test_duplicates_are_answered_after_a_commit_of_our_own(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    """A transaction that writes takes a number; one that only reads takes none, and its COMMIT confirms nothing."""
    sale = record("scm.sale.voided", {"sale_id": "S1", "occurred_at": "2026-03-01T10:00:00Z"})
    await worker.read([sale])
    ask = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    before = await connection.fetchval(ask)
    applied = await worker.apply(worker.decode([sale], 1), {})
    assert len(applied.messages) == 1
    assert await connection.fetchval(ask) > before


async def test_a_batch_whose_commit_lost_its_answer_is_published_by_the_sweep(
    worker: Worker, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its documents come again as duplicates, which say nothing of their batch."""
    commit = Committing._commit

    async def lost(self: Committing) -> str:
        await commit(self)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def voided(sale_id: str) -> Record:
        return record("scm.sale.voided", {"sale_id": sale_id, "occurred_at": "2026-03-01T10:00:00Z"})

    await worker.read([voided("S0")])
    sale = voided("S1")
    with monkeypatch.context() as patch:
        patch.setattr(Committing, "_commit", lost)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await worker.read([sale])
    worker.failed()
    (said,) = (await worker.read([sale])).messages
    (swept,) = await worker.rest()
    assert (swept.key, swept.value) == (said.key, said.value)
    await worker._journal.note({})
    assert await connection.fetchval("SELECT count(*) FROM batch WHERE published_at IS NULL") == 0
