"""Each key, tenant and address has a share of the API's capacity, so that none shuts out the others."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.problems import ApiReason
from worker.api.problem import Problem, own
from worker.process.callers import Shares

LATER = {"Retry-After": "1"}


@dataclass(frozen=True, slots=True)
class Holder:
    """The owners of the shares that a request counts against. `address` is None behind a trusted proxy that does not
    name its client.
    """

    key: str
    tenant: str
    address: str | None

    def groups(self) -> tuple[tuple[str, str], ...]:
        """Return (kind of share, name) for each share that the request counts against."""
        own_groups = ("key", self.key), ("tenant", self.tenant)
        return own_groups if self.address is None else (*own_groups, ("address", self.address))


class Divided:
    """A `total` in shares: requests being decided, or bytes of bodies."""

    def __init__(self, total: int, shares: Shares, watch: Callable[[int], object] = lambda _: None) -> None:
        self._total = total
        self._shares = shares
        self._watch = watch
        self._held = Counter[tuple[str, str]]()
        self.used = 0

    @contextlib.contextmanager
    def held(self, holder: Holder, amount: int = 0) -> Iterator[Callable[[int], None]]:
        """Hold `amount` as long as the context is open. The yielded function holds more.

        Raises Problem: 429 if the holder has its full share, 503 if all is in use.
        """
        groups, taken = holder.groups(), 0

        def more(size: int) -> None:
            nonlocal taken
            self._check(groups, size)
            taken += size
            self._add(groups, size)

        try:
            more(amount)
            yield more
        finally:
            self._add(groups, -taken)

    def _check(self, groups: tuple[tuple[str, str], ...], size: int) -> None:
        if self.used + size > self._total:
            raise own(ApiReason.OVERLOADED, headers=LATER)
        for group in groups:
            if self._held[group] + size > self._shares.of(group[0], self._total):
                raise share_in_use(group[0])

    def _add(self, groups: tuple[tuple[str, str], ...], size: int) -> None:
        self.used += size
        for group in groups:
            self._held[group] += size
            if not self._held[group]:
                del self._held[group]
        self._watch(self.used)


def share_in_use(kind: str) -> Problem:
    """Return the problem: a key, a tenant or an address holds its full share."""
    return own(ApiReason.SHARE_IN_USE, holder=kind, headers=LATER)
