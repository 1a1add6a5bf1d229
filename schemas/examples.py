"""A valid document of every type, and what comes out of some: the worked examples of contract §7 where it has one."""

from collections.abc import Mapping
from typing import Any, Final

Data = Mapping[str, Any]

_AT: Final = "2026-03-01T10:15:00+00:00"
_CARD: Final = {"number": "6006-4900-0000-0017", "pin": "4711"}


def _command(command_id: str, **members: object) -> Data:
    return {"command_id": command_id, "occurred_at": _AT, "actor": "desk-4", **members}


_SCM: Final[Mapping[str, Data]] = {
    "scm.sale.completed": {  # contract §7 example 3, PART POINTS
        "sale_id": "london-1-2026-03-01-0042",
        "store_id": "london-1",
        "terminal_id": "till-3",
        "occurred_at": _AT,
        "business_date": "2026-03-01",
        "currency": "GBP",
        "customer_id": "C-1001",
        "lines": [
            {"line_id": 1, "sku": "85123A", "category": "home", "quantity": "6", "net_minor": 1500},
            {"line_id": 2, "sku": "22752", "category": "toys", "quantity": "1", "net_minor": 500},
        ],
        "tenders": [
            {"tender_id": "london-1-2026-03-01-0042-P", "kind": "points", "amount_minor": 401},
            {"tender_id": "london-1-2026-03-01-0042-C", "kind": "cash", "amount_minor": 1599},
        ],
    },
    "scm.sale.voided": {"sale_id": "london-1-2026-03-01-0042", "occurred_at": _AT, "reason": "scanned twice"},
    "scm.return.voided": {"return_id": "london-1-2026-03-08-0007", "occurred_at": _AT, "reason": "keyed twice"},
    "scm.return.completed": {  # contract §7 example 3
        "return_id": "london-1-2026-03-08-0007",
        "sale_id": "london-1-2026-03-01-0042",
        "store_id": "london-1",
        "occurred_at": "2026-03-08T16:02:11+00:00",
        "currency": "GBP",
        "customer_id": "C-1001",
        "lines": [{"line_id": 1, "sale_line_id": 1, "sku": "85123A", "quantity": "6", "net_minor": 1500}],
        "refunds": [
            {"refund_id": "1", "kind": "points", "amount_minor": 301, "tender_id": "london-1-2026-03-01-0042-P"},
            {"refund_id": "2", "kind": "cash", "amount_minor": 1199},
        ],
    },
    "scm.tender.requested": {  # contract §7 example 4, SPLIT
        "tender_id": "T1",
        "sale_id": "london-1-2026-03-01-0043",
        "store_id": "london-1",
        "terminal_id": "till-3",
        "occurred_at": _AT,
        "currency": "GBP",
        "amount_minor": 4000,
        "kind": "gift_card",
        "gift_card": _CARD,
        "allow_partial": True,
        "hold_s": 900,
    },
    "scm.tender.captured": {"tender_id": "T1", "occurred_at": _AT, "amount_minor": 2500},
    "scm.tender.voided": {"tender_id": "T9", "occurred_at": _AT, "reason": "timeout"},
}

_CRM: Final[Mapping[str, Data]] = {
    "crm.customer.create": _command(
        "create-1001",
        customer_id="C-1001",
        name="Ada Example",
        email="ada@example.com",
        birth_date="--12-10",
        phone="+44 20 7946 0000",
        external_ids={"shop": "77-1"},
    ),
    "crm.customer.update": _command("update-1", customer_id="C-1001", status="blocked"),
    "crm.customer.erase": _command("erase-1", customer_id="C-1001", reason="asked for it"),
    "crm.customer.merge": _command("merge-1", from_customer_id="C-1002", into_customer_id="C-1001"),
    "crm.consent.set": _command(
        "consent-1", customer_id="C-1001", purpose="marketing", channel="email", granted=True, source="till"
    ),
    "crm.policy.put": _command(
        "policy-1",
        effective_from="2026-04-01T00:00:00+01:00",
        policy={"earn": {"multipliers": [{"category": "toys", "factor": "2"}]}},
    ),
    "crm.loyalty.earn": _command("earn-1", customer_id="C-1001", points=100, reason="survey"),
    "crm.loyalty.redeem": _command("redeem-1", customer_id="C-1001", points=90),
    "crm.loyalty.adjust": _command("adjust-1", customer_id="C-1001", points=-20, reason="booked twice"),
    "crm.loyalty.restore": _command("restore-1", of={"type": "crm.loyalty.redeem", "id": "redeem-1"}, points=50),
    "crm.loyalty.reverse": _command("reverse-1", of={"type": "crm.loyalty.earn", "id": "earn-1"}),
    "crm.giftcard.issue": _command(
        "issue-1", gift_card={"number": _CARD["number"]}, amount_minor=2500, currency="GBP", pin=_CARD["pin"]
    ),
    "crm.giftcard.redeem": _command("spend-1", gift_card=_CARD, amount_minor=500, currency="GBP", allow_partial=True),
    "crm.giftcard.reload": _command("load-1", gift_card={"card_id": "gc-1"}, amount_minor=1000, currency="GBP"),
    "crm.giftcard.reverse": _command("unspend-1", of={"type": "crm.giftcard.redeem", "id": "spend-1"}),
    "crm.giftcard.freeze": _command("freeze-1", gift_card={"card_id": "gc-1"}, reason="lost"),
    "crm.giftcard.unfreeze": _command("unfreeze-1", gift_card={"card_id": "gc-1"}, reason="found"),
    "crm.giftcard.link": _command("link-1", gift_card={"card_id": "gc-1"}, customer_id="C-1001"),
    "crm.loyalty.transfer": _command(
        "move-1", from_customer_id="C-1001", to_customer_id="C-2002", points=50, reason="a present"
    ),
    "crm.loyalty.claim": _command(
        "claim-1", sale_id="london-1-2026-03-01-0044", customer_id="C-1001", reason="forgot the app"
    ),
    "crm.giftcard.transfer": _command("transfer-1", from_card=_CARD, to_card={"card_id": "gc-2"}, amount_minor=700),
    "crm.giftcard.extend": _command("extend-1", gift_card={"card_id": "gc-1"}, expires_on="2029-02-28"),
    "crm.giftcard.replace": _command(
        "replace-1",
        from_card={"card_id": "gc-1"},
        to_card={"number": "6006-4900-0000-0033"},
        pin=_CARD["pin"],
        reason="lost",
    ),
    "crm.pool.join": _command("join-1", customer_id="C-1001", pool_id="family-1"),
    "crm.pool.leave": _command("leave-1", customer_id="C-1001", pool_id="family-1"),
}

DOCUMENTS: Final[Mapping[str, Data]] = {**_SCM, **_CRM}

ACCOUNT: Final = "f1d2c05f1a7d6ee9f7a9d2e4c36d1b58"
_T1: Final = {
    "tender_id": "T1",
    "state": "authorized",
    "requested_minor": 4000,
    "approved_minor": 2500,
    "captured_minor": 0,
    "refunded_minor": 0,
    "expires_at": "2026-03-01T10:30:00Z",
    "reason": "insufficient_balance",
}

# By the type of the input, or of the notice.
OUTCOMES: Final[Mapping[str, Data]] = {
    "scm.sale.completed": {  # contract §7 example 1, EARN
        "status": "applied",
        "customer_id": "C-1001",
        "sale_id": "london-1-2026-03-01-0042",
        "points": {
            "change": 19,
            "balance": 19,
            "available": 19,
            "held": 0,
            "pending": 0,
            "version": 1,
            "account": ACCOUNT,
        },
        "lines": [{"line_id": 1, "points": 11}, {"line_id": 2, "points": 5}, {"line_id": 3, "points": 3}],
        "policy_version": 1,
    },
    "scm.return.completed": {  # contract §7 example 2, RETURNS
        "status": "rejected",
        "reason": "over_returned",
        "category": "invalid-state",
        "sale_id": "london-1-2026-03-01-0042",
        "return_id": "london-1-2026-03-08-0007",
        "policy_version": 1,
    },
    "scm.tender.requested": {  # contract §7 example 4, SPLIT
        "status": "partial",
        "reason": "insufficient_balance",
        "category": "insufficient-balance",
        "sale_id": "london-1-2026-03-01-0043",
        "tender_id": "T1",
        "gift_cards": [
            {
                "card_id": "gc-1",
                "last4": "0017",
                "currency": "GBP",
                "change_minor": 0,
                "balance_minor": 2500,
                "held_minor": 2500,
                "version": 2,
            }
        ],
        "tender": _T1,
        "policy_version": 0,
    },
    "crm.loyalty.redeem": {  # contract §7 example 6, NEGATIVE
        "status": "rejected",
        "reason": "insufficient_balance",
        "category": "insufficient-balance",
        "customer_id": "C-1001",
        "points": {
            "change": 0,
            "balance": -100,
            "available": 0,
            "held": 0,
            "pending": 0,
            "version": 3,
            "account": ACCOUNT,
        },
    },
    "crm.tender.changed": {
        "status": "applied",
        "sale_id": "london-1-2026-03-01-0043",
        "tender_id": "T1",
        "tender": {**_T1, "state": "captured", "captured_minor": 2500},
        "cause": {"type": "scm.sale.completed", "id": "london-1-2026-03-01-0043"},
    },
    "crm.hold.expired": {
        "status": "applied",
        "sale_id": "london-1-2026-03-01-0043",
        "tender_id": "T1",
        "tender": {**_T1, "state": "expired"},
    },
}
