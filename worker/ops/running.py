"""Run an operation in this process: claim it, keep its rate, step aside while tenders wait, stop when told to.

    async with Run.of(pool, id_, operator) as run:
        while documents := await next_ones(after=run.cursor):
            await run.turn(len(documents))
            ...apply them; applying some of them again must be harmless...
            await run.advance(cursor, len(documents))
        await run.finish({"applied": run.done})

If the process is killed, an operator resumes the operation. The documents since the last `advance` come again.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, Self

from worker.ledger import operations
from worker.ledger.operations import LOCK_CLASS, Operation, State
from worker.ledger.operators import Operator
from worker.ledger.pool import Pool
from worker.process import errors

_LOOK_EVERY_S: Final = 0.5


Waits = Callable[[], Awaitable[bool]]


async def _never() -> bool:
    return False


class Stopped(Exception):
    """An operator paused or cancelled the operation, or another process has taken it over; the message says which."""


class Run:
    """An operation that this process runs. `rate_per_s` may change at any time: resuming it may set a new rate."""

    def __init__(self, pool: Pool, operation: Operation, runner: int, operator: Operator, tills_wait: Waits) -> None:
        self._pool = pool
        self._runner = runner
        self._operator = operator
        self._tills_wait = tills_wait
        self._rate_per_s = operation.rate_per_s
        self._free_at = time.monotonic()
        self.operation = operation
        self.cursor = operation.cursor
        self.done = operation.done

    @classmethod
    @contextlib.asynccontextmanager
    async def of(
        cls, pool: Pool, id_: int, operator: Operator, *, rate_per_s: float | None = None, tills_wait: Waits = _never
    ) -> AsyncIterator[Self]:
        """Claim the operation as long as the context is open. It pauses while `tills_wait` (see `ops.tills`).

        An exception makes the operation `failed`, cancellation (Ctrl-C) `paused`. Raises OperatorError if there is no
        such operation, if it has ended, or if another process runs it.
        """
        runner = secrets.randbits(62)
        async with pool.holding(LOCK_CLASS, id_) as held:
            async with pool.transaction() as connection:
                claimed = held and await operations.claim(connection, id_, runner, operator, rate_per_s)
                operation = await operations.get(connection, id_)
            if operation is None:
                raise errors.OperatorError(f"there is no operation {id_}: g3n worker operations list")
            if not held:
                raise errors.OperatorError(f"operation {id_} is being run by another process")
            if not claimed:
                raise errors.OperatorError(f"operation {id_} is {operation.state.value}: it can't be run again")
            run = cls(pool, operation, runner, operator, tills_wait)
            try:
                yield run
            except Stopped:
                raise
            except asyncio.CancelledError:
                await asyncio.shield(run._end(State.PAUSED))
                raise
            except Exception as error:
                with contextlib.suppress(Exception):  # without Postgres it stays interrupted
                    await run._end(State.FAILED, error=errors.describe(error))
                raise

    async def turn(self, documents: int) -> None:
        """Wait until this many documents may be applied, for the rate and while tenders wait. Raises Stopped."""
        await self._note(None, 0)
        while await self._tills_wait():
            await self._note(None, 0, waits_for="tenders")
            await asyncio.sleep(_LOOK_EVERY_S)
        while (rest_s := self._free_at - time.monotonic()) > 0:
            await asyncio.sleep(min(rest_s, _LOOK_EVERY_S))
            await self._note(None, 0, waits_for="rate")
        if self._rate_per_s is not None:
            self._free_at = time.monotonic() + documents / self._rate_per_s

    async def advance(self, cursor: object, documents: int) -> None:
        """Record that this many documents are done, and the cursor after them. Raises Stopped."""
        self.cursor = cursor
        await self._note(cursor, documents)

    async def finish(self, result: Mapping[str, Any]) -> None:
        """End it as done. Raises Stopped if it was stopped before."""
        if not await self._end(State.DONE, result=result):
            await self._note(None, 0)

    async def _note(self, cursor: object, documents: int, waits_for: str | None = None) -> None:
        async with self._pool.transaction() as connection:
            standing = await operations.advance(
                connection, self.operation.id, self._runner, cursor=cursor, documents=documents, waits_for=waits_for
            )
        if standing is None:
            raise Stopped(f"operation {self.operation.id} was taken over by another process")
        self._rate_per_s, self.done = standing.rate_per_s, standing.done
        if standing.state is not State.RUNNING:
            raise Stopped(
                f"operation {self.operation.id} was {standing.state.value} after {self.done:,} of"
                f" {self.operation.planned:,} documents"
            )

    async def _end(self, state: State, *, result: Mapping[str, Any] | None = None, error: str | None = None) -> bool:
        async with self._pool.transaction() as connection:
            return await operations.end(
                connection, self.operation.id, self._runner, state, self._operator, result=result, error=error
            )
