"""Parked documents that go on within a batch, each right after the last document that it waits for (contract WAIT8).

A batch knows the parked documents of the ledger that its own documents may wake, and those that it parks itself.
"""

from worker.domain.state.books import Books
from worker.engine.work import Work
from worker.ledger import load

Awaited = tuple[int, str, str]
"""A sale, tender or return: tenant, what, id."""


class Waiters:
    """Finds the works that a decision has woken."""

    def __init__(self, most: int) -> None:
        """`most`: how many may go on in this batch. The others become ready, and a later batch decides them."""
        self._most = most
        self._waiting: dict[Awaited, dict[Work, int]] = {}  # → works and their order of arrival
        self._arrived = 0
        self._complete = True
        self._left: list[tuple[Books, tuple[str, str], int]] = []
        self._of_ledger: dict[Work, None] = {}  # those that went on

    def miss(self) -> None:
        """Note that the ledger has parked documents that are not among these works, so they must become ready."""
        self._complete = False

    def add(self, work: Work) -> None:
        """Add a work that waits. Add the ledger's works first, in the order in which they came."""
        self._arrived += 1
        for awaited in _ends_of(work):
            self._waiting.setdefault(awaited, {}).setdefault(work, self._arrived)

    def woken(self, books: Books) -> list[Work]:
        """Return the works that the latest decision has woken, in the order in which they came. They wait no longer."""
        found: dict[Work, tuple[int, int]] = {}
        for key, place in books.woken.items():
            works = self._waiting.pop((books.org, *key), {})
            found |= {work: (arrived, place) for work, arrived in works.items() if work.awaited is not None}
        if not self._complete or len(found) > self._most:
            self._left += [(books, key, place) for key, place in books.woken.items()]
        books.woken.clear()
        in_order = sorted(found, key=lambda work: (work.received_us, found[work][0]))[: self._most]
        self._most -= len(in_order)
        for work in in_order:
            work.go_on(found[work][1])
            if work.facts is not None:
                self._of_ledger[work] = None
        return in_order

    def end(self) -> list[Work]:
        """Leave to the ledger what did not go on here. Return the works of the ledger that did."""
        for books, key, place in self._left:
            books.woken[key] = place
        return list(self._of_ledger)


def _ends_of(work: Work) -> set[Awaited]:
    """Return what ends the wait of a work: what it waits for, its sale (a void ends every wait), its own void."""
    assert work.awaited is not None  # noqa: S101  it is parked
    ends = {(work.org, *work.awaited)}
    if work.code == load.RETURN:
        ends.add((work.org, "return", work.subject))
    sale_id = getattr(work.model, "sale_id", None)
    return ends if sale_id is None else ends | {(work.org, "sale", sale_id)}
