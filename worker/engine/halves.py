"""Halve a failing batch until the member that is to blame is alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from worker.engine.messages import Applied
from worker.ledger.retried import COUNTS

_T = TypeVar("_T")


async def in_halves(
    batch: list[_T],
    attempt: Callable[[list[_T]], Awaitable[Applied]],
    give_up: Callable[[_T, Exception], Awaitable[Applied]],
    divides: Callable[[Exception, Sequence[_T]], bool],
) -> Applied:
    """Attempt the whole batch. If it fails, attempt its halves in order, until the member that fails is alone.

    `divides`: whether one member may be to blame for this error, so that the others can go on without it. Otherwise the
    error is raised.
    """
    try:
        return await attempt(batch)
    except Exception as error:
        if not divides(error, batch):
            raise
        if len(batch) == 1:
            return await give_up(batch[0], error)
    COUNTS.halves += 1
    half = len(batch) // 2
    applied = await in_halves(batch[:half], attempt, give_up, divides)
    applied.add(await in_halves(batch[half:], attempt, give_up, divides))
    return applied
