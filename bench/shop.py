"""Documents of one tenant's shop, as structured CloudEvents. Everything but the time is a function of the seed."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from worker.codec import Message

ORGCODE = "acme"
LINES = 5
STORES, TERMINALS = 200, 8
SEED = 20_260_105
CURRENCY = "GBP"
_STARTS_MS = 1_767_600_000_000
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Ids = Callable[[random.Random, int], str]
"""Of the generator and the number of the document: its business id."""
Pick = Callable[[random.Random], int]
"""Of the generator: the number of a customer or of a gift card."""


def time_ordered(rng: random.Random, number: int) -> str:
    """Return an id like a ULID: a millisecond, here with a thousand documents each second, then 80 random bits."""
    return _base32(_STARTS_MS + number, 10) + _base32(rng.getrandbits(80), 16)


def at_random(rng: random.Random, _number: int) -> str:
    """Return an id as long as a ULID, without its order."""
    return _base32(rng.getrandbits(130), 26)


def of_tills(rng: random.Random, number: int) -> str:
    """Return an id of store, terminal, date and number on that day, in order at each till."""
    return f"{rng.randrange(STORES):03}-{rng.randrange(TERMINALS)}-20260105-{number:06}"


def _base32(value: int, length: int) -> str:
    return "".join([_CROCKFORD[value >> 5 * place & 31] for place in reversed(range(length))])


def customer(number: int) -> str:
    return f"C{number:08}"


def card(number: int) -> dict[str, str]:
    """Return a gift card as documents name it."""
    return {"number": f"600649{number:010}"}


@dataclass(frozen=True, slots=True)
class Sold:
    """The parts of a sale that its return needs."""

    sale_id: str
    customer_id: str
    nets: Sequence[int]


class Shop:
    """Makes documents that occur now, for the topics of a prefix."""

    def __init__(self, prefix: str, *, orgcode: str = ORGCODE) -> None:
        self._prefix = prefix
        self._orgcode = orgcode
        self._now = datetime.now(UTC).isoformat(timespec="seconds")

    def topic(self, name: str) -> str:
        return self._prefix + name

    def sold(self, rng: random.Random, number: int, ids: Ids, pick: Pick) -> Sold:
        """Draw the lines and the customer of the sale with this number."""
        return Sold(ids(rng, number), customer(pick(rng)), rng.choices(range(50, 5_000), k=LINES))

    def sale(self, rng: random.Random, number: int, sold: Sold, paid: Mapping[str, object] | None = None) -> Message:
        """`scm.sale.completed` of five lines, paid in full: by one bank card, or in part by the tender `paid`."""
        lines = [
            {"line_id": line_id, "sku": f"{rng.randrange(10_000):05}", "quantity": "1", "net_minor": net_minor}
            for line_id, net_minor in enumerate(sold.nets, start=1)
        ]
        rest_minor = sum(sold.nets) - (int(str(paid["amount_minor"])) if paid else 0)
        tenders = [{"tender_id": f"T{number:09}", "kind": "card", "amount_minor": rest_minor}]
        data = {
            "sale_id": sold.sale_id,
            "store_id": f"{number % STORES:03}",
            "terminal_id": f"{number % TERMINALS}",
            "occurred_at": self._now,
            "currency": CURRENCY,
            "customer_id": sold.customer_id,
            "lines": lines,
            "tenders": [*tenders, paid] if paid else tenders,
        }
        return self.message("scm.sales", "scm.sale.completed", sold.sale_id, sold.customer_id, data)

    def return_(self, number: int, sold: Sold, *sale_line_ids: int) -> Message:
        """`scm.return.completed` of lines of a sale, refunded to a bank card."""
        return_id = f"R{number:09}"
        lines = [
            {"line_id": place, "sale_line_id": line_id, "quantity": "1", "net_minor": sold.nets[line_id - 1]}
            for place, line_id in enumerate(sale_line_ids, start=1)
        ]
        paid_back = {"refund_id": f"{return_id}-1", "kind": "card"}
        paid_back_minor = sum(sold.nets[line_id - 1] for line_id in sale_line_ids)
        data = {
            "return_id": return_id,
            "sale_id": sold.sale_id,
            "occurred_at": self._now,
            "currency": CURRENCY,
            "customer_id": sold.customer_id,
            "lines": lines,
            "refunds": [{**paid_back, "amount_minor": paid_back_minor}],
        }
        return self.message("scm.returns", "scm.return.completed", return_id, sold.customer_id, data)

    def tender(self, tender_id: str, card_number: int, amount_minor: int = 1, **more: object) -> Message:
        """`scm.tender.requested` on a gift card."""
        data = {
            "tender_id": tender_id,
            "occurred_at": self._now,
            "currency": CURRENCY,
            "amount_minor": amount_minor,
            "kind": "gift_card",
            "gift_card": card(card_number),
            **more,
        }
        return self.message("scm.tenders", "scm.tender.requested", tender_id, tender_id, data)

    def command(self, type_: str, command_id: str, key: str, **data: object) -> Message:
        """A command, such as `crm.customer.create`."""
        members = {"command_id": command_id, "occurred_at": self._now, **data}
        return self.message("crm.commands", type_, command_id, key, members)

    def issue(self, number: int, amount_minor: int) -> Message:
        """`crm.giftcard.issue` of the gift card with this number."""
        issued = {"gift_card": card(number), "amount_minor": amount_minor, "currency": CURRENCY}
        return self.command("crm.giftcard.issue", f"issue-{number:010}", f"{number}", **issued)

    def message(self, topic: str, type_: str, subject: str, key: str, data: Mapping[str, object]) -> Message:
        envelope = {
            "specversion": "1.0",
            "id": f"e-{subject}",
            "source": "/stores",
            "type": type_,
            "subject": subject,
            "orgcode": self._orgcode,
            "time": self._now,
            "datacontenttype": "application/json",
            "data": data,
        }
        return Message(self.topic(topic), key.encode(), orjson.dumps(envelope))
