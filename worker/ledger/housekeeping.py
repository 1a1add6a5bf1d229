"""Upkeep of tables that grow: fold old batches, and create the next partition of transfers before it is needed."""

import contextlib
from typing import Final

import asyncpg

from worker.ledger.pool import Pool
from worker.ledger.queries import SQL

EVERY_S: Final = 60.0
_FOLDS: Final = 10  # of a thousand batches, so a round folds the batches of a minute, even when each document has one
# Why the next partition can't be added now: it has to wait for a long read, or a row of its range has just gone to the
# default partition, which takes rows meanwhile.
NOT_NOW: Final = (asyncpg.LockNotAvailableError, asyncpg.CheckViolationError)


async def keep(pool: Pool) -> None:
    """Run one round. Each step is a transaction of its own and takes milliseconds; the rest waits for the next round.

    Raises asyncpg's errors, but not those of `NOT_NOW`.
    """
    for _ in range(_FOLDS):
        async with pool.transaction() as connection:
            if not await connection.fetchval(SQL["fold_batches"]):
                break
    with contextlib.suppress(*NOT_NOW):
        async with pool.transaction() as connection:
            await connection.fetchval(SQL["add_transfer_partition"])
