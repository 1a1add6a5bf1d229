"""Limits on how many cards that are not accepted a key, and all keys of a tenant, may name, over all processes of the
API.

A request that names a card takes a token first, and gets it back if the card is accepted. So parallel guesses count
like sequential ones. The tokens are in Postgres (`guess_limit`). A process keeps returned tokens for a second, so that
accepted cards cost no statement. A third limit, that of the card, is in the ledger: five wrong PINs.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from typing import Final

import structlog

from schemas.problems import ApiReason
from worker.api.problem import own
from worker.ledger.api_keys import Caller
from worker.ledger.pool import Pool
from worker.ledger.queries import SQL
from worker.process import errors, metrics

WINDOW_S: Final = 60
KEPT_S: Final = 1.0
_log = structlog.get_logger(__name__)


class Guess:
    """A request that names a card, and whether the card was accepted; None if that was not decided."""

    accepted: bool | None = None


class _Tokens:
    """The tokens of one bucket that this process holds: free ones, and those of requests in progress."""

    def __init__(self, pool: Pool, what: str, name: str, most: int) -> None:
        self._pool = pool
        self._what, self._name, self._most = what, name, most
        self._free = 0
        self._in_hand = 0
        self._asking = asyncio.Lock()
        self._changed = asyncio.Event()

    async def take(self) -> bool:
        """Take a token, or wait for one that may come back. Return False if there is none."""
        while True:
            if self._free or await self._leased():
                self._free -= 1
                self._in_hand += 1
                return True
            if not self._in_hand:
                return False
            await self._changed.wait()

    async def _leased(self) -> bool:
        """Get one more token, from Postgres or from a request that is done."""
        async with self._asking:
            if not self._free:
                async with self._pool.transaction() as connection:
                    await connection.execute("SET LOCAL synchronous_commit = off")
                    left = await connection.fetchval(SQL["take_guess"], self._what, self._name, self._most)
                self._free += left is not None
            return self._free > 0

    def give(self, *, back: bool) -> None:
        """Count a request as answered; with `back`, its token can be used again."""
        self._in_hand -= 1
        self._free += back
        self._changed.set()
        self._changed = asyncio.Event()

    async def return_free(self) -> bool:
        """Give free tokens to the other processes. Return True if none is left here."""
        free, self._free = self._free, 0
        if free:
            async with self._pool.transaction() as connection:
                await connection.execute(SQL["give_guesses"], self._what, self._name, free)
        return not (self._in_hand or self._free or self._asking.locked())


class Guesses:
    """The limits of every key and tenant. `run` has to run beside it."""

    def __init__(self, pool: Pool, per_key: int, per_tenant: int) -> None:
        self._pool = pool
        self._most = {"key": per_key, "tenant": per_tenant}
        self._tokens: dict[tuple[str, str], _Tokens] = {}

    @contextlib.asynccontextmanager
    async def guess(self, caller: Caller) -> AsyncIterator[Guess]:
        """Count a request that names a card, before the card is looked up. Raises Problem, 429, after too
        many misses.
        """
        held: list[_Tokens] = []
        guess = Guess()
        try:
            for what, name in (("key", f"{caller.orgcode}/{caller.key_id}"), ("tenant", caller.orgcode)):
                tokens = self._of(what, name)
                if not await tokens.take():
                    metrics.GUESSES_REFUSED.labels(what).inc()
                    raise own(ApiReason.CARD_MISSES_LIMITED, headers={"Retry-After": self._retry_after(what)})
                held.append(tokens)
            yield guess
        except asyncio.CancelledError:
            guess.accepted = False  # the caller is gone; the decision that has begun counts all the same
            raise
        finally:
            for tokens in held:
                tokens.give(back=guess.accepted is not False)

    def _of(self, what: str, name: str) -> _Tokens:
        tokens = self._tokens.get((what, name))
        if tokens is None:
            tokens = self._tokens[what, name] = _Tokens(self._pool, what, name, self._most[what])
        return tokens

    def _retry_after(self, what: str) -> str:
        return str(math.ceil(WINDOW_S / self._most[what]))

    async def run(self) -> None:
        """Once a second, give free tokens to other processes, until cancelled."""
        while True:
            await asyncio.sleep(KEPT_S)
            try:
                for key, tokens in list(self._tokens.items()):
                    if await tokens.return_free():
                        del self._tokens[key]
            except Exception as error:
                if not errors.retriable(error):
                    raise
                _log.warning("guesses_not_returned", error=errors.describe(error))
