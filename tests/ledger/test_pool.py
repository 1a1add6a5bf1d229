"""What a session of a pool is sent, and what it keeps."""

import asyncpg
import pytest

from worker.ledger.pool import Pool

LATEST = "SELECT query FROM pg_stat_activity WHERE pid = $1"


async def test_a_released_connection_is_sent_nothing_after_its_commit(
    database: str, connection: asyncpg.Connection
) -> None:
    pool = await Pool.open(database)
    async with pool.transaction() as used:
        pid = await used.fetchval("SELECT pg_backend_pid()")
    assert await connection.fetchval(LATEST, pid) == "COMMIT;"
    await pool.close()


async def fail_holding(pool: Pool) -> None:
    async with pool.holding(7, 1) as held:
        assert held
        raise ZeroDivisionError


async def test_a_held_lock_is_free_afterwards_also_after_an_error(database: str) -> None:
    one, other = await Pool.open(database), await Pool.open(database)
    async with one.holding(7, 1) as first, other.holding(7, 1) as second:
        assert (first, second) == (True, False)
    with pytest.raises(ZeroDivisionError):
        await fail_holding(other)
    async with one.holding(7, 1) as held:
        assert held
    await one.close()
    await other.close()
