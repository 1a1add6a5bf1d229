"""Limits on a key's requests: token buckets of this process alone, so N processes allow N times as many."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.problems import ApiReason
from worker.api.problem import own

WINDOW_S: Final = 10  # a burst may have as many requests as the rate allows in this time
STEP_S: Final = 0.5
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]


class Bucket:
    """Holds at most `most` tokens and gains that many in `window_s`."""

    def __init__(self, most: int, window_s: int, clock: Clock) -> None:
        self._most = most
        self._per_s = most / window_s
        self._clock = clock
        self._at = clock()
        self._tokens = float(most)

    def take(self) -> bool:
        """Take a token. Return whether there was one."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def give(self) -> None:
        """Put a token back."""
        self._tokens = min(self._tokens + 1, self._most)

    @property
    def left(self) -> int:
        self._refill()
        return int(self._tokens)

    @property
    def next_s(self) -> int:
        """Return after how many seconds there is a token."""
        self._refill()
        return math.ceil(max(1 - self._tokens, 0) / self._per_s)

    @property
    def full_s(self) -> int:
        """Return after how many seconds the bucket is full."""
        self._refill()
        return math.ceil((self._most - self._tokens) / self._per_s)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._tokens + (now - self._at) * self._per_s, self._most)
        self._at = now


class Limits:
    """The rate of a key, its sessions included; and when a refused card is answered."""

    def __init__(
        self,
        requests_per_s: int,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        bulk_requests_per_s: int = 0,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._quota = requests_per_s * WINDOW_S
        self._bulk_quota = max(bulk_requests_per_s, requests_per_s) * WINDOW_S
        self._requests: dict[tuple[str, bool], Bucket] = {}

    def count(self, key_id: str, *, bulk: bool = False) -> dict[str, str]:
        """Count a request and return the headers with the rest of the quota (draft-ietf-httpapi-ratelimit-headers).

        `bulk` is for callers with the scope `bulk`, whose rate is higher. Raises Problem if nothing was left.
        """
        quota = self._bulk_quota if bulk else self._quota
        bucket = self._requests.get((key_id, bulk))
        if bucket is None:
            bucket = self._requests[key_id, bulk] = Bucket(quota, WINDOW_S, self._clock)
        taken = bucket.take()
        headers = {
            "RateLimit": f'"key";r={bucket.left};t={bucket.full_s}',
            "RateLimit-Policy": f'"key";q={quota};w={WINDOW_S}',
        }
        if not taken:
            raise own(ApiReason.RATE_LIMITED, headers={"Retry-After": str(bucket.next_s), **headers})
        return headers

    async def refuse(self, began: float) -> None:
        """After a refused card, wait for the end of the current step of the request.

        An unknown card takes less work than a wrong PIN, which is counted in the ledger. A step is longer than either
        takes under load, so the time of the answer tells nothing.
        """
        await self._sleep(STEP_S - (self._clock() - began) % STEP_S)

    def now(self) -> float:
        """Return the instant at which a request begins."""
        return self._clock()
