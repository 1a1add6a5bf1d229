"""Requests without an accepted key: how many an address may send, and which secrets were refused recently."""

import time
from collections import OrderedDict
from typing import Final

from schemas.problems import ApiReason
from worker.api.limits import WINDOW_S, Bucket, Clock
from worker.api.problem import own

_ADDRESSES: Final = 10_000
_REFUSED: Final = 10_000
_REFUSED_S: Final = 5.0


class Strangers:
    """A bucket for each address. The addresses that have been quiet the longest are forgotten."""

    def __init__(self, requests_per_s: int, clock: Clock = time.monotonic) -> None:
        self._most = requests_per_s * WINDOW_S
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()

    def count(self, address: str) -> None:
        """Count a request. If the address has none left, close the connection and raise Problem, 429."""
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = Bucket(self._most, WINDOW_S, self._clock)
            if len(self._buckets) > _ADDRESSES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(address)
        if not bucket.take():
            headers = {"Retry-After": str(max(bucket.next_s, 1)), "Connection": "close"}
            raise own(ApiReason.ADDRESS_LIMITED, headers=headers)

    def uncount(self, address: str) -> None:
        """Take the count back: the request had an accepted key after all."""
        if address in self._buckets:
            self._buckets[address].give()

    def refuse(self, digest: bytes) -> None:
        """Remember for a few seconds that no key or session has this digest."""
        self._refused[digest] = self._clock() + _REFUSED_S
        self._refused.move_to_end(digest)
        if len(self._refused) > _REFUSED:
            self._refused.popitem(last=False)

    def is_refused(self, digest: bytes) -> bool:
        """Return whether a recent look-up of this digest found nothing."""
        return self._clock() < self._refused.get(digest, 0.0)
