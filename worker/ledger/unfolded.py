"""Fold the profiles that an earlier version wrote, which knew no folded form."""

from typing import Any, Final

import asyncpg

from worker.ledger.queries import SQL
from worker.stored.folded import folded

STEP: Final = 1000  # customers in a transaction


async def fold(connection: asyncpg.Connection) -> int:
    """Fold them, a thousand in a transaction, and return how many there were. Running it again, or twice at once, is
    safe.
    """
    count, after = 0, (0, 0)
    while done := await _step(connection, after):
        count, after = count + len(done), done[-1][:2]
    return count


async def _step(connection: asyncpg.Connection, after: tuple[int, int]) -> list[Any]:
    async with connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        rows = await connection.fetch(SQL["lock_unfolded"], *after, STEP)
        done = [(row["org"], row["account_id"], *folded(row["name"], row["email"], row["phone"])) for row in rows]
        if done:
            await connection.execute(SQL["update_folded"], *zip(*done, strict=True))
    return done
