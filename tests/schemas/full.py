"""Documents that together have every member of their type, and where the members are."""

import copy
from collections.abc import Iterator
from typing import Any, get_args

from schemas.policy import Policy
from schemas.scalars import Wire
from tests.schemas.wire import example

# What the examples leave out.
MORE: dict[str, list[dict[str, Any]]] = {
    "scm.sale.completed": [
        {
            "training": False,
            "lines": [
                {
                    "line_id": 1,
                    "sku": "A",
                    "category": "toys",
                    "item_type": "gift_card",
                    "quantity": "1",
                    "net_minor": 100,
                    "loyalty_excluded": False,
                    "gift_card": {"number": "6006-0001", "load_minor": 90},
                },
                {"line_id": 2, "sku": "A", "net_minor": 5, "item_type": "gift_card", "gift_card": {"card_id": "G"}},
                {"line_id": 3, "sku": "A", "net_minor": 5, "item_type": "fee"},
            ],
        }
    ],
    "scm.sale.voided": [{"training": False}],
    "scm.return.voided": [{"training": False}],
    "scm.return.completed": [
        {
            "training": False,
            "refunds": [
                {
                    "refund_id": "1",
                    "kind": "gift_card",
                    "amount_minor": 5,
                    "gift_card": {"number": "60060002", "pin": "1234"},
                },
                {"refund_id": "2", "kind": "gift_card", "amount_minor": 5, "gift_card": {"card_id": "G"}},
                {"refund_id": "3", "kind": "card", "amount_minor": 5, "tender_id": "T"},
            ],
        },
    ],
    "scm.tender.requested": [
        {
            "customer_id": "C",
            "sale_total_minor": 5000,
            "eligible_minor": 4500,
            "capture": True,
            "decide_by": "2026-03-01T10:15:30Z",
            "training": False,
        },
        {"gift_card": {"card_id": "G"}},
        {"customer_id": "C", "kind": "points"},
    ],
    "scm.tender.captured": [{"training": False}],
    "scm.tender.voided": [{"training": False}],
    "crm.customer.update": [
        {"name": "A", "email": "B", "phone": "C", "birth_date": "1815-12-10", "external_ids": {"shop": "1"}}
    ],
    "crm.policy.put": [
        {
            "policy": {
                **Policy().wire_form(),
                "earn": {
                    **Policy().wire_form()["earn"],
                    "exclude_categories": ["tobacco"],
                    "multipliers": [{"category": "toys", "factor": "2"}],
                    "campaigns": [
                        {
                            "id": "xmas",
                            "from": "2026-12-01T00:00:00Z",
                            "to": "2026-12-27T00:00:00Z",
                            "factor": "3",
                            "needs_consent": "marketing",
                        }
                    ],
                    "tiers": [{"name": "gold", "from_points_12m": 5000, "factor": "1.5"}],
                    "expire_days": 365,
                },
                "gift_card": {**Policy().wire_form()["gift_card"], "expire_days": 365},
            }
        }
    ],
    "crm.loyalty.earn": [{"points": None, "amount_minor": 100, "currency": "GBP"}],
    "crm.loyalty.reverse": [{"points": 5}],
    "crm.giftcard.issue": [{"customer_id": "C", "expires_on": "2027-03-01"}],
    "crm.giftcard.redeem": [{"gift_card": {"card_id": "G"}}],
    "crm.giftcard.reload": [{"gift_card": {"number": "60060002", "pin": "1234"}, "allow_partial": True}],
    "crm.giftcard.reverse": [{"amount_minor": 5}],
    "crm.giftcard.freeze": [{"gift_card": {"number": "60060002", "pin": "1234"}, "customer_id": "C"}],
    "crm.giftcard.unfreeze": [{"gift_card": {"number": "60060002", "pin": "1234"}, "customer_id": "C"}],
    "crm.giftcard.link": [{"gift_card": {"number": "60060002", "pin": "1234"}, "reason": "gift"}],
    "crm.giftcard.extend": [{"gift_card": {"number": "60060002", "pin": "1234"}, "expires_on": None}],
    "crm.giftcard.replace": [{"from_card": {"number": "60060002", "pin": "1234"}}],
    "crm.giftcard.transfer": [
        {"from_card": {"card_id": "G"}, "to_card": {"number": "60060002", "pin": "1234"}},
    ],
}

# Members that came with digest version 2: digests of version 1 do not know them.
SINCE_2: dict[str, list[dict[str, Any]]] = {
    "scm.return.completed": [
        {
            "lines": [
                {
                    "line_id": 1,
                    "sale_line_id": 1,
                    "sku": "A",
                    "category": "toys",
                    "item_type": "fee",
                    "quantity": "1",
                    "net_minor": 100,
                    "loyalty_excluded": False,
                }
            ],
        },
    ],
    "crm.pool.leave": [{"points": 5}],
}


def documents(type_: str, version: int = 2) -> list[dict[str, Any]]:
    """Documents of a type that together have every member that this version of the digest knows."""
    more = [*MORE.get(type_, ()), *(SINCE_2.get(type_, ()) if version >= 2 else ())]
    return [example(type_), *(example(type_) | copy.deepcopy(one) for one in more)]


def members(annotation: Any, so_far: str = "") -> Iterator[str]:  # noqa: ANN401  # any annotation
    """The paths of all members of a model, list items as `*`."""
    if isinstance(annotation, type) and issubclass(annotation, Wire):
        for name, field in annotation.model_fields.items():
            path = f"{so_far}{field.alias or name}"
            yield path
            yield from members(field.annotation, f"{path}.")
    else:
        for inner in get_args(annotation):
            yield from members(inner, f"{so_far}*." if getattr(annotation, "__origin__", None) is tuple else so_far)


def leaves(value: Any, so_far: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401  # any JSON
    """(path, container, key) of everything in a document."""
    for key in value if isinstance(value, dict) else range(len(value)):
        path = f"{so_far}{'*' if isinstance(value, list) else key}"
        yield path, value, key
        if isinstance(value[key], dict | list):
            yield from leaves(value[key], f"{path}.")
