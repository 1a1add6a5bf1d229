"""Retry a transaction that has collided with another worker's."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg

from worker.ledger import load

_T = TypeVar("_T")

ATTEMPTS: Final = 4
_PAUSE_S: Final = 0.02
# Another worker was faster. A second attempt sees the rows that it wrote.
COLLIDED: Final = (
    asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError, load.Overtaken,
)  # fmt: skip


async def retried(action: Callable[[], Awaitable[_T]], *, divisible: bool) -> _T:
    """Return what the action returns. Retry after a collision, with jitter; less often if the caller can make the batch
    smaller.
    """
    attempts = ATTEMPTS if divisible else 10 * ATTEMPTS
    while True:
        try:
            return await action()
        except COLLIDED:
            attempts -= 1
            if not attempts:
                raise
        await asyncio.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311  jitter
