"""Actions are tried again, and leave nothing to the garbage collector, which runs seldom."""

import asyncio
import gc

import asyncpg
import pytest

from worker.engine.attempts import Attempts
from worker.engine.collisions import ATTEMPTS, retried
from worker.process.status import Status


def attempts(give_up_s: float = 60) -> Attempts:
    stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return Attempts(Status(), stopped, give_up_s)


class Failing:
    """Fails so many times."""

    def __init__(self, error: Exception, times: int) -> None:
        self._error, self._left, self.calls = error, times, 0

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._left:
            raise self._error
        return self.calls


async def test_actions_that_succeed_leave_no_cycle() -> None:
    made, fine = attempts(), Failing(OSError(), 0)
    gc.collect()
    for _ in range(200):
        await made.run("batch", fine)
        await retried(fine, divisible=True)
    assert gc.collect() < 200


async def test_an_action_is_recovered_from_and_tried_again() -> None:
    recovered, failing = [], Failing(ConnectionResetError(), 2)

    async def recover() -> None:
        recovered.append(failing.calls)

    assert await attempts().run("batch", failing, recover) == 3
    assert recovered == [1, 2]


@pytest.mark.parametrize(("error", "give_up_s", "calls"), [(ConnectionResetError(), 0, 1), (ValueError(), 60, 1)])
async def test_the_last_error_is_raised(error: Exception, give_up_s: float, calls: int) -> None:
    failing = Failing(error, 9)
    with pytest.raises(type(error)):
        await attempts(give_up_s).run("batch", failing)
    assert failing.calls == calls


async def test_collisions_are_retried_less_often_if_the_batch_can_be_made_smaller() -> None:
    failing = Failing(asyncpg.DeadlockDetectedError(), ATTEMPTS)
    assert await retried(failing, divisible=False) == ATTEMPTS + 1
    failing = Failing(asyncpg.DeadlockDetectedError(), ATTEMPTS)
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await retried(failing, divisible=True)
    failing = Failing(asyncpg.UndefinedTableError(), 1)
    with pytest.raises(asyncpg.UndefinedTableError):
        await retried(failing, divisible=True)
    assert failing.calls == 1
