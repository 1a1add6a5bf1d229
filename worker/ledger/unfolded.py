"""Fold the profiles of an earlier version, which stored no folded form."""

from collections.abc import Callable
from typing import Any, Final

import asyncpg

from worker.ledger.queries import SQL
from worker.stored.folded import folded

STEP: Final = 1000  # customers in a transaction
_SAID: Final = 20_000  # customers between two lines of progress, which are some seconds apart


async def fold(connection: asyncpg.Connection, say: Callable[[str], None] = lambda _: None) -> int:
    """Fold these profiles, a thousand in a transaction, and return their number. Running it again, or twice at once, is
    safe. `say` gets lines of progress.
    """
    count, after = 0, (0, 0)
    while done := await _step(connection, after):
        count, after = count + len(done), done[-1][:2]
        if count % _SAID < len(done):
            say(f"customers: {count:,} made ready to be found by name, e-mail and phone")
    if count:
        say(f"customers: {count:,} can be found by name, e-mail and phone")
    return count


async def _step(connection: asyncpg.Connection, after: tuple[int, int]) -> list[Any]:
    async with connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        rows = await connection.fetch(SQL["lock_unfolded"], *after, STEP)
        done = [(row["org"], row["account_id"], *folded(row["name"], row["email"], row["phone"])) for row in rows]
        if done:
            await connection.execute(SQL["update_folded"], *zip(*done, strict=True))
    return done
