"""Documents by the thousand, for races and crashes: each group of them ends in a state that is known beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.e2e.day import there_finally
from tests.e2e.place import Place
from tests.kafka_io import Published, Record, document
from tests.language.play import outcome_type

ORG = "trade"
NOW = datetime.now(UTC).isoformat()
LOAD_MINOR = 2000
SALE_MINOR = 1500
EARNED = 15


def card_number(number: str) -> str:
    """Return the card with that number; the same each time."""
    return hashlib.sha256(number.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Sent:
    """A document, the input topic and the partition that it goes to."""

    kind: str
    subject: str
    data: Mapping[str, object]
    topic: int
    partition: int

    def record(self, place: Place, org: str = ORG) -> Record:
        topic = place.inputs[self.topic]
        return document(topic, self.kind, self.subject, self.data, orgcode=org, partition=self.partition)


def customer(number: str, partition: int) -> Sent:
    data = {"command_id": f"new-{number}", "occurred_at": NOW, "customer_id": f"C{number}"}
    return Sent("crm.customer.create", f"new-{number}", data, 3, partition)


def card(number: str, partition: int) -> Sent:
    data = {
        "command_id": f"issue-{number}",
        "occurred_at": NOW,
        "gift_card": {"number": card_number(number)},
        "amount_minor": LOAD_MINOR,
        "currency": "GBP",
    }
    return Sent("crm.giftcard.issue", f"issue-{number}", data, 3, partition)


def sale(number: str, partition: int, tender_minor: int = 0) -> Sent:
    """One line of SALE_MINOR, earning EARNED points for its customer; `tender_minor` of it by its tender."""
    tenders = [{"tender_id": f"S{number}-cash", "kind": "cash", "amount_minor": SALE_MINOR - tender_minor}]
    tenders += [{"tender_id": f"T{number}", "kind": "gift_card", "amount_minor": tender_minor}] if tender_minor else []
    data = {
        "sale_id": f"S{number}",
        "store_id": "store",
        "occurred_at": NOW,
        "currency": "GBP",
        "customer_id": f"C{number}",
        "lines": [{"line_id": 1, "sku": "a", "net_minor": SALE_MINOR}],
        "tenders": tenders,
    }
    return Sent("scm.sale.completed", f"S{number}", data, 0, partition)


def sale_void(number: str, partition: int) -> Sent:
    return Sent("scm.sale.voided", f"S{number}", {"sale_id": f"S{number}", "occurred_at": NOW}, 0, partition)


def return_(number: str, partition: int, net_minor: int, refund_minor: int = 0) -> Sent:
    """Return a return of the sale with that number. `refund_minor` goes back to the tender with that number."""
    refund = {"refund_id": "1", "kind": "gift_card", "tender_id": f"T{number}", "amount_minor": refund_minor}
    data = {
        "return_id": f"R{number}",
        "sale_id": f"S{number}",
        "occurred_at": NOW,
        "currency": "GBP",
        "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": net_minor}],
        "refunds": [refund] if refund_minor else [],
    }
    return Sent("scm.return.completed", f"R{number}", data, 1, partition)


def request(number: str, partition: int, amount_minor: int) -> Sent:
    data = {
        "tender_id": f"T{number}",
        "occurred_at": NOW,
        "currency": "GBP",
        "amount_minor": amount_minor,
        "kind": "gift_card",
        "gift_card": {"number": card_number(number)},
    }
    return Sent("scm.tender.requested", f"T{number}", data, 2, partition)


def capture(number: str, partition: int) -> Sent:
    return Sent("scm.tender.captured", f"T{number}", {"tender_id": f"T{number}", "occurred_at": NOW}, 2, partition)


def tender_void(number: str, partition: int) -> Sent:
    return Sent("scm.tender.voided", f"T{number}", {"tender_id": f"T{number}", "occurred_at": NOW}, 2, partition)


def points_probe(number: str, partition: int) -> Sent:
    """One point more for the customer: the outcome shows the balance."""
    command = f"probe-points-{number}"
    data = {
        "command_id": command,
        "occurred_at": NOW,
        "customer_id": f"C{number}",
        "points": 1,
        "reason": "probe",
        "actor": "test",
    }
    return Sent("crm.loyalty.adjust", command, data, 3, partition)


def card_probe(number: str, partition: int) -> Sent:
    """One penny more on the card: the outcome shows the balance and what is held."""
    command = f"probe-card-{number}"
    ref = {"number": card_number(number)}
    data = {"command_id": command, "occurred_at": NOW, "gift_card": ref, "amount_minor": 1, "currency": "GBP"}
    return Sent("crm.giftcard.reload", command, data, 3, partition)


def missing(sent: list[Sent], seen: list[Published], org: str = ORG) -> list[str]:
    """Documents without a final outcome."""
    final = there_finally(seen)
    return [f"{one.kind} {one.subject}" for one in sent if (org, outcome_type(one.kind), one.subject) not in final]


def probed_points(seen: list[Published]) -> dict[str, int]:
    """Points by customer number, the probe's own not counted."""
    found = [
        one for one in seen if one.subject.startswith("probe-points-") and isinstance(one.data.get("points"), dict)
    ]
    return {one.subject.removeprefix("probe-points-"): one.data["points"]["balance"] - 1 for one in found}


def probed_cards(seen: list[Published]) -> dict[str, tuple[int, int]]:
    """Balance and what is held by card number, the probe's own not counted."""
    found = [one for one in seen if one.subject.startswith("probe-card-") and one.data.get("gift_cards")]
    cards = {one.subject.removeprefix("probe-card-"): one.data["gift_cards"][0] for one in found}
    return {number: (card["balance_minor"] - 1, card["held_minor"]) for number, card in cards.items()}
