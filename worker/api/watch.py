"""Watch whether Postgres answers. While it does not, requests fail at once instead of after a timeout."""

import asyncio
import time
from typing import Final

import structlog

from worker.ledger.pool import Pool
from worker.process import errors
from worker.process.status import Status

_log = structlog.get_logger(__name__)

PART: Final = "postgres"
LOOK_EVERY_S: Final = 1.0
ANSWER_S: Final = 2.0
SAY_EVERY_S: Final = 1.0


class Watch:
    """`down` is true once Postgres has not answered for two seconds."""

    def __init__(self, pool: Pool, status: Status) -> None:
        self._pool = pool
        self._status = status
        self._now = asyncio.Event()
        self.down = False
        self._failures = 0  # that no line counts yet
        self._quiet_until = 0.0

    def look_now(self) -> None:
        """Check at once, because a connection failed."""
        self._now.set()

    def failed(self, error: Exception) -> None:
        """Log that a request failed, and check at once. One line a second: all callers of a failed batch get its
        error, and repeat. Each request has a line of its own, with its status.
        """
        self.look_now()
        self._failures += 1
        if time.monotonic() < self._quiet_until:
            return
        self._quiet_until = time.monotonic() + SAY_EVERY_S
        _log.warning("unavailable", error=errors.describe(error), requests=self._failures)
        self._failures = 0

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            try:
                await self._pool.look(ANSWER_S)
            except Exception as error:  # noqa: BLE001  whatever it is, Postgres can't be asked
                self.down = True
                why = f"no answer within {ANSWER_S:g} s" if isinstance(error, TimeoutError) else errors.describe(error)
                self._status.down(PART, why)
            else:
                self.down = False
                self._status.up(PART)
            self._now.clear()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._now.wait()
            except TimeoutError:
                continue
