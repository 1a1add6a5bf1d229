"""A valid document of every type, and outcomes of some. Where contract §7 has a worked example, it is that one."""

from collections.abc import Mapping
from typing import Final

from schemas.catalogue.example import ACCOUNT, AUTHORIZED, SPLIT
from schemas.operation import Example
from schemas.registry import DOCUMENTS as _TYPES

DOCUMENTS: Final[Mapping[str, Example]] = {name: doctype.example for name, doctype in _TYPES.items()}

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
    "scm.tender.requested": SPLIT,  # contract §7 example 4, SPLIT
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
        "tender": {**AUTHORIZED, "state": "captured", "captured_minor": 2500},
        "cause": {"type": "scm.sale.completed", "id": "london-1-2026-03-01-0043"},
    },
    "crm.hold.expired": {
        "status": "applied",
        "sale_id": "london-1-2026-03-01-0043",
        "tender_id": "T1",
        "tender": {**AUTHORIZED, "state": "expired"},
    },
}
