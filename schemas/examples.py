"""A valid document of every type, and what comes out of some: the worked examples of contract §7 where it has one."""

from collections.abc import Mapping
from typing import Final

from schemas.catalogue.entry import Example
from schemas.registry import DOCUMENTS as _TYPES

DOCUMENTS: Final[Mapping[str, Example]] = {name: kind.example for name, kind in _TYPES.items()}

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
OUTCOMES: Final[Mapping[str, Example]] = {
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
