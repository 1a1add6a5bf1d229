"""Parts of the examples in the entries. The worked examples of contract §7 are among them."""

from typing import Final

from schemas.operation import Example

AT: Final = "2026-03-01T10:15:00+00:00"
CARD: Final = {"number": "6006-4900-0000-0017", "pin": "4711"}
ACCOUNT: Final = "f1d2c05f1a7d6ee9f7a9d2e4c36d1b58"
AUTHORIZED: Final = {
    "tender_id": "T1",
    "state": "authorized",
    "requested_minor": 4000,
    "approved_minor": 2500,
    "captured_minor": 0,
    "refunded_minor": 0,
    "expires_at": "2026-03-01T10:30:00Z",
    "reason": "insufficient_balance",
}
CUSTOMER: Final = {"customer_id": "C-1001"}
DECIDED_AT: Final = "2026-03-01T10:15:00.412000Z"
OTHER: Final = "2d0f6c7a91b84e55a3c1e8d94b7f0a62"
POOL: Final = "c1f4e19a8b0d3c27640be5fa91d2cc08"
PROFILE: Final = {
    "name": "Ada Example",
    "email": "ada@example.com",
    "birth_date": "--12-10",
    "phone": "+44 20 7946 0000",
    "external_ids": {"shop": "77-1"},
}
SPLIT: Final = {  # contract §7 example 4, SPLIT
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
    "tender": AUTHORIZED,
    "policy_version": 0,
}


def command(command_id: str, **members: object) -> Example:
    """Return an example of a command."""
    return {"command_id": command_id, "occurred_at": AT, "actor": "desk-4", **members}


def points(change: int, balance: int, version: int, account: str = ACCOUNT) -> Example:
    return {
        "change": change,
        "balance": balance,
        "available": balance,
        "held": 0,
        "pending": 0,
        "version": version,
        "account": account,
    }


def card(card_id: str, change: int, balance: int, version: int, last4: str = "0017") -> Example:
    return {
        "card_id": card_id,
        "last4": last4,
        "currency": "GBP",
        "change_minor": change,
        "balance_minor": balance,
        "held_minor": 0,
        "version": version,
    }


def of_customer(**members: object) -> Example:
    return {"status": "applied", **CUSTOMER, **members}


def of_cards(*cards: Example, **members: object) -> Example:
    return {"status": "applied", **members, "gift_cards": list(cards), "policy_version": 0}


BALANCE: Final = {
    "balance": 119,
    "available": 119,
    "held": 0,
    "pending": 0,
    "version": 2,
    "account": ACCOUNT,
    "deficit": 0,
    "shortfall": 0,
}
SALE: Final = {"type": "scm.sale.completed", "id": "london-1-2026-03-01-0042"}
CARD_NOW: Final = {
    "card_id": "gc-1",
    "last4": "0017",
    "currency": "GBP",
    "status": "active",
    "balance_minor": 2500,
    "held_minor": 0,
    "available_minor": 2500,
    "expires_on": "2028-02-29",
    "customer_id": "C-1001",
    "has_pin": True,
    "version": 1,
}
EARNED: Final = {
    "at": DECIDED_AT,
    "document": SALE,
    "change": 19,
    "balance": 119,
    "booked": "earned",
    "sale_id": SALE["id"],
}
LOADED: Final = {
    "at": DECIDED_AT,
    "document": {"type": "crm.giftcard.issue", "id": "issue-1"},
    "change": 2500,
    "balance": 2500,
    "booked": "issued",
}
CAPTURED: Final = {
    "tender_id": "T1",
    "state": "captured",
    "requested_minor": 4000,
    "approved_minor": 2500,
    "captured_minor": 2500,
    "refunded_minor": 0,
}
