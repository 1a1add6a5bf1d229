"""Retry, for a while, an action that fails because Kafka or Postgres does not answer."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from worker.ledger.retried import COUNTS
from worker.process import errors, metrics
from worker.process.status import Status

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

GIVE_UP_S: Final = 120.0
_RETRY_S, _RETRY_MAX_S, _DOUBLINGS = 0.05, 5.0, 8


async def nothing() -> None:
    """Do nothing: the action needs no recovery before it is tried again."""


class Attempts:
    """Retries with jitter until `give_up_s` have passed, and reports each failure to status, metrics and log.

    Every batch passes here three times. tenacity took 25 µs each time, and left 20 objects in a cycle. The garbage
    collector, which runs seldom, had to find them.
    """

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
        began, attempt = time.monotonic(), 0
        while True:
            try:
                return await action()
            except Exception as error:
                attempt += 1
                if not errors.retriable(error) or time.monotonic() - began >= self._give_up_s:
                    raise
                self._report(stage, attempt, error)
            await recover()
            await self._pause(random.uniform(0, min(_RETRY_MAX_S, _RETRY_S * 2 ** min(attempt, _DOUBLINGS))))  # noqa: S311

    def _report(self, stage: str, attempt: int, error: Exception) -> None:
        why = errors.describe(error)
        metrics.RETRIES.labels(stage).inc()
        COUNTS.retries += 1
        self._status.down("stream", why)
        _log.warning("retry", stage=stage, attempt=attempt, error=why)

    async def _pause(self, seconds: float) -> None:
        """Sleep, or return early after `stop`. A failed batch is dropped then; a decided batch is still published."""
        if self._stopped.done():
            await asyncio.sleep(seconds)
        else:
            await asyncio.wait({self._stopped}, timeout=seconds)
