"""Retry, for a while, an action that fails because Kafka or Postgres does not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_random_exponential

from worker.ledger.retried import COUNTS
from worker.process import errors, metrics
from worker.process.health import Status

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

GIVE_UP_S: Final = 120.0
_RETRY_MAX_S: Final = 5.0


async def nothing() -> None:
    """Do nothing: the action needs no recovery before it is tried again."""


class Attempts:
    """Retries with jitter until `give_up_s` have passed, and reports each failure to status, metrics and log."""

    def __init__(self, status: Status, stopped: "asyncio.Future[None]", give_up_s: float = GIVE_UP_S) -> None:
        self._status = status
        self._stopped = stopped
        self._give_up_s = give_up_s

    async def run(
        self, stage: str, action: Callable[[], Awaitable[_T]], recover: Callable[[], Awaitable[None]] = nothing
    ) -> _T:
        """Return what the action returns. `recover` runs between two attempts.

        Raises the last error if it is not retriable, or if `give_up_s` have passed.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception(errors.retriable),
            wait=wait_random_exponential(multiplier=0.1, max=_RETRY_MAX_S),
            stop=stop_after_delay(self._give_up_s),
            before_sleep=partial(self._before_sleep, stage, recover),
            sleep=self._pause,
            reraise=True,
        )
        return await retrying(action)

    async def _before_sleep(self, stage: str, recover: Callable[[], Awaitable[None]], state: RetryCallState) -> None:
        self._report(stage, state)
        await recover()

    def _report(self, stage: str, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        why = errors.describe(error) if error else ""
        metrics.RETRIES.labels(stage).inc()
        COUNTS.retries += 1
        self._status.down("stream", why)
        _log.warning("retry", stage=stage, attempt=state.attempt_number, error=why)

    async def _pause(self, seconds: float) -> None:
        """Sleep, or return early after `stop`. A failed batch is dropped then; a decided batch is still published."""
        if self._stopped.done():
            await asyncio.sleep(seconds)
        else:
            await asyncio.wait({self._stopped}, timeout=seconds)
