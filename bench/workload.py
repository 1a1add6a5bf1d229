"""The streams of documents that the worker reads. Everything but the time is a function of the seed.

Sales are of the last minute, so that no deadline interferes. A stream depends on the prefix of its topics, the number
of its documents and the number of customers.
"""

import random
from bisect import bisect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, islice
from typing import Final

from bench.shop import SEED, Ids, Pick, Shop, Sold, at_random, customer, time_ordered
from worker.codec import Message

CARDS: Final = 2_000
CARD_MINOR: Final = 50_000
HOT: Final = 0
"""The number of the customer, or of the gift card, that all documents of a hot workload name."""
_OF_SALES: Final = 0.55  # of the sales, those after this share, and before the end, are returned too early

Stream = Callable[[str, int, int], Iterator[Message]]


def population(prefix: str, customers: int) -> Iterator[Message]:
    """Customers, and gift cards with 500.00 each."""
    shop = Shop(prefix)
    for number in range(customers):
        id_ = customer(number)
        yield shop.command("crm.customer.create", f"create-{number:08}", id_, customer_id=id_)
    for number in range(CARDS):
        yield shop.issue(number, CARD_MINOR)


def uniform(customers: int) -> Pick:
    return lambda rng: rng.randrange(customers)


def zipf(customers: int) -> Pick:
    """The n-th customer buys 1/n as often as the first: of 100,000, the first is in every twelfth sale."""
    weights = list(accumulate(1 / (number + 1) for number in range(customers)))
    return lambda rng: bisect(weights, rng.random() * weights[-1])


def sales(
    prefix: str,
    documents: int,
    customers: int,
    *,
    ids: Ids = time_ordered,
    pick: Callable[[int], Pick] = uniform,
    first: int = 0,
) -> Iterator[Message]:
    """Yield sales to known customers, of five lines and one bank card. `first`: the number of the first sale."""
    rng, shop, picked = random.Random(f"{SEED} {first}"), Shop(prefix), pick(customers)  # noqa: S311  the same each time
    for number in range(first, first + documents):
        yield shop.sale(rng, number, shop.sold(rng, number, ids, picked))


def hot_customer(prefix: str, documents: int, customers: int) -> Iterator[Message]:
    """Sales to one customer."""
    return sales(prefix, documents, customers, pick=lambda _: lambda _: HOT)


def hot_card(prefix: str, documents: int, _customers: int) -> Iterator[Message]:
    """Tenders on one gift card: 0.01 each, taken at once, until nothing is left."""
    shop = Shop(prefix)
    for number in range(documents):
        yield shop.tender(f"H{number:09}", HOT, capture=True)


def returns(prefix: str, documents: int, customers: int) -> Iterator[Message]:
    """Two of five documents are returns, each of one line. A tenth of them come before their sales.

    A sale is returned in two returns. A worker reads topics side by side, so a return is published long after its
    sale; else it would often be read before it.
    """
    rng, shop, picked = random.Random(SEED), Shop(prefix), uniform(customers)  # noqa: S311  the same documents in every run
    sold = [shop.sold(rng, number, time_ordered, picked) for number in range(documents * 3 // 5 + 1)]
    selling, returned = 0, 0
    for number in range(documents):
        if number % 5 in {0, 2, 4}:
            yield shop.sale(rng, selling, sold[selling])
            selling += 1
            continue
        place = int(_OF_SALES * documents) + returned // 10 if returned % 10 == 0 else returned // 2
        yield shop.return_(returned, sold[place], 1 + returned % 2)
        returned += 1


class Day:
    """A day in shops: 1 of 7 documents is a tender, and 1 of 12 a return."""

    def __init__(self, prefix: str, customers: int, first: int) -> None:
        self._rng = random.Random(f"{SEED} {first}")  # noqa: S311  the same documents in every run
        self._shop, self._customers, self._picked = Shop(prefix), customers, uniform(customers)
        self._number = first
        self._sold: list[Sold] = []

    def documents(self) -> Iterator[Message]:
        """Yield documents endlessly."""
        kinds = list(_DAY)
        while True:
            for make in self._rng.choices(kinds, weights=list(_DAY.values()), k=100):
                self._number += 1
                yield from make(self)

    def sale(self) -> Iterator[Message]:
        sold = self._drawn()
        yield self._shop.sale(self._rng, self._number, sold)
        self._sold.append(sold)

    def sale_with_gift_card(self) -> Iterator[Message]:
        """The till asks first, and the sale captures the hold."""
        sold, tender_id = self._drawn(), f"G{self._number:09}"
        yield self._shop.tender(tender_id, self._rng.randrange(CARDS), sale_id=sold.sale_id)
        paid = {"tender_id": tender_id, "kind": "gift_card", "amount_minor": 1}
        yield self._shop.sale(self._rng, self._number, sold, paid)

    def return_(self) -> Iterator[Message]:
        if self._sold:
            at = self._rng.randrange(len(self._sold))
            self._sold[at], sold = self._sold[-1], self._sold[at]
            self._sold.pop()
            yield self._shop.return_(self._number, sold, 1)

    def new_customer(self) -> Iterator[Message]:
        id_ = f"N{self._number:09}"
        yield self._shop.command("crm.customer.create", f"new-{id_}", id_, customer_id=id_)

    def earn(self) -> Iterator[Message]:
        id_ = customer(self._picked(self._rng))
        yield self._shop.command("crm.loyalty.earn", f"earn-{self._number}", id_, customer_id=id_, points=50)

    def redeem(self) -> Iterator[Message]:
        id_ = customer(self._picked(self._rng))
        yield self._shop.command("crm.loyalty.redeem", f"redeem-{self._number}", id_, customer_id=id_, points=10)

    def _drawn(self) -> Sold:
        return self._shop.sold(self._rng, self._number, time_ordered, self._picked)


_DAY: Final[dict[Callable[[Day], Iterator[Message]], int]] = {
    Day.sale: 60,
    Day.sale_with_gift_card: 15,
    Day.return_: 10,
    Day.new_customer: 3,
    Day.earn: 8,
    Day.redeem: 4,
}
"""How often each happens, of a hundred times."""


def day(prefix: str, documents: int, customers: int, *, first: int = 0) -> Iterator[Message]:
    """Yield a mix of everything that tills and back offices send. `first`: each number gives another mix."""
    return islice(Day(prefix, customers, first).documents(), documents)


STREAMS: Final[dict[str, Stream]] = {
    "w1": sales,
    "random": partial(sales, ids=at_random),
    "zipf": partial(sales, pick=zipf),
    "hot_customer": hot_customer,
    "hot_card": hot_card,
    "returns": returns,
    "day": day,
}
"""By the prefix of their topics, without its dot."""
