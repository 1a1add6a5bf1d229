"""An example of what every operation is asked and answers. Examples of documents stand in the catalogue."""

from collections.abc import Mapping
from typing import Any, Final

from schemas import examples
from schemas.operations import Operation
from schemas.policy import Policy

Data = Mapping[str, Any]

_CARD: Final = {"number": "6006-4900-0000-0017", "pin": "4711"}
_CUSTOMER: Final = {"customer_id": "C-1001"}
_AT: Final = "2026-03-01T10:15:00.412000Z"
_ACCOUNT: Final = examples.ACCOUNT
_OTHER: Final = "2d0f6c7a91b84e55a3c1e8d94b7f0a62"
_POOL: Final = "c1f4e19a8b0d3c27640be5fa91d2cc08"
_PROFILE: Final = {
    "name": "Ada Example",
    "email": "ada@example.com",
    "birth_date": "--12-10",
    "phone": "+44 20 7946 0000",
    "external_ids": {"shop": "77-1"},
}

# Of the operations that read; a document's example without what the interface fills in does for nearly all others.
_REQUESTS: Final[Mapping[str, Data]] = {
    "giftcard.issue": {"amount_minor": 2500, "currency": "GBP", "pin": "4711"},
    "customer.get": _CUSTOMER,
    "customer.list": {"name": "exam ad", "phone": "+442079460000", "limit": 20},
    "loyalty.history": {**_CUSTOMER, "limit": 20},
    "loyalty.policy.get": {"at": "2026-03-01T00:00:00Z"},
    "pool.get": {"pool_id": "family-1"},
    "giftcard.get": {"gift_card": _CARD},
    "giftcard.list": {**_CUSTOMER, "last4": "0017", "limit": 20},
    "giftcard.history": {"gift_card": {"card_id": "gc-1", "pin": "4711"}, "limit": 20},
    "tender.get": {"tender_id": "T1"},
    "event.explain": {"type": "scm.sale.completed", "id": "london-1-2026-03-01-0042"},
    "event.simulate": {
        "type": "scm.sale.completed",
        "data": {
            "store_id": "london-1",
            "currency": "GBP",
            "customer_id": "C-1001",
            "lines": [{"line_id": 1, "sku": "22752", "category": "toys", "net_minor": 500}],
            "tenders": [{"tender_id": "cash-1", "kind": "cash", "amount_minor": 500}],
        },
    },
    "session.create": {"scopes": ["customer:read", "loyalty:read"], "ttl_s": 900},
    "session.list": {},
    "session.revoke": {"session_id": "s-5f0c1d"},
}


def _points(change: int, balance: int, version: int, account: str = _ACCOUNT) -> Data:
    return {
        "change": change,
        "balance": balance,
        "available": balance,
        "held": 0,
        "pending": 0,
        "version": version,
        "account": account,
    }


def _card(card_id: str, change: int, balance: int, version: int, last4: str = "0017") -> Data:
    return {
        "card_id": card_id,
        "last4": last4,
        "currency": "GBP",
        "change_minor": change,
        "balance_minor": balance,
        "held_minor": 0,
        "version": version,
    }


def _of_customer(**members: object) -> Data:
    return {"status": "applied", **_CUSTOMER, **members}


def _of_cards(*cards: Data, **members: object) -> Data:
    return {"status": "applied", **members, "gift_cards": list(cards), "policy_version": 0}


_BALANCE: Final = {
    "balance": 119,
    "available": 119,
    "held": 0,
    "pending": 0,
    "version": 2,
    "account": _ACCOUNT,
    "deficit": 0,
    "shortfall": 0,
}
_SALE: Final = {"type": "scm.sale.completed", "id": "london-1-2026-03-01-0042"}
_CARD_NOW: Final = {
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
_EARNED: Final = {
    "at": _AT,
    "document": _SALE,
    "change": 19,
    "balance": 119,
    "booked": "earned",
    "sale_id": _SALE["id"],
}
_LOADED: Final = {
    "at": _AT,
    "document": {"type": "crm.giftcard.issue", "id": "issue-1"},
    "change": 2500,
    "balance": 2500,
    "booked": "issued",
}
_T1: Final = {
    "tender_id": "T1",
    "state": "captured",
    "requested_minor": 4000,
    "approved_minor": 2500,
    "captured_minor": 2500,
    "refunded_minor": 0,
}

ANSWERS: Final[Mapping[str, Data]] = {
    "customer.create": _of_customer(points=_points(0, 0, 0)),
    "customer.update": _of_customer(),
    "customer.get": {
        **_CUSTOMER,
        "status": "active",
        "profile": _PROFILE,
        "consents": [{"purpose": "marketing", "channel": "email", "granted": True, "since": _AT}],
        "points": _BALANCE,
        "tier": {"name": "gold", "factor": "1.5", "earned_12m": 5119},
        "lots": [{"points": 119, "held": 0, "expires_on": "2027-02-28"}],
        "pool_id": "family-1",
        "gift_cards": [_CARD_NOW],
        "activity": [_EARNED],
    },
    "customer.list": {
        "items": [{**_CUSTOMER, "status": "active", "profile": _PROFILE, "balance": 119}],
        "next_cursor": "Qy0xMDAx",
    },
    "customer.erase": _of_customer(),
    "customer.merge": _of_customer(
        points=_points(40, 159, 3), counterparty={"customer_id": "C-1002", "points": _points(-40, 0, 5, _OTHER)}
    ),
    "customer.consent.set": _of_customer(),
    "loyalty.earn": _of_customer(points=_points(100, 119, 2), policy_version=1),
    "loyalty.redeem": _of_customer(points=_points(-90, 29, 3), policy_version=1),
    "loyalty.adjust": _of_customer(points=_points(-20, 99, 4)),
    "loyalty.transfer": _of_customer(
        points=_points(-50, 69, 3),
        counterparty={"customer_id": "C-2002", "points": _points(50, 90, 2, _OTHER)},
    ),
    "pool.join": _of_customer(
        points=_points(119, 159, 3, _POOL), counterparty={**_CUSTOMER, "points": _points(-119, 0, 4)}
    ),
    "pool.leave": _of_customer(
        points=_points(0, 0, 5), counterparty={**_CUSTOMER, "points": _points(0, 159, 3, _POOL)}
    ),
    "pool.get": {
        "pool_id": "family-1",
        "members": ["C-1001", "C-2002"],
        "points": {**_BALANCE, "account": _POOL},
        "lots": [{"points": 119, "held": 0, "expires_on": "2027-02-28"}],
    },
    "loyalty.claim": _of_customer(
        sale_id="london-1-2026-03-01-0044",
        points=_points(15, 134, 3),
        lines=[{"line_id": 1, "points": 15}],
        policy_version=1,
    ),
    "loyalty.restore": _of_customer(points=_points(50, 149, 5)),
    "loyalty.reverse": _of_customer(points=_points(-100, 49, 6)),
    "loyalty.history": {"items": [_EARNED], "next_cursor": "MTE5"},
    "loyalty.policy.get": {
        "version": 0,
        "policy": Policy().wire_form(),
        "versions": [{"version": 0}, {"version": 1, "effective_from": "2026-03-31T23:00:00Z"}],
    },
    "loyalty.policy.put": {"status": "applied", "policy_version": 1},
    "giftcard.issue": _of_cards(_card("gc-1", 2500, 2500, 1), number="6006490000000017"),
    "giftcard.redeem": _of_cards(_card("gc-1", -500, 2000, 2)),
    "giftcard.reload": _of_cards(_card("gc-1", 1000, 3000, 3)),
    "giftcard.reverse": _of_cards(_card("gc-1", 500, 3500, 4)),
    "giftcard.freeze": _of_cards(_card("gc-1", 0, 3500, 4)),
    "giftcard.unfreeze": _of_cards(_card("gc-1", 0, 3500, 4)),
    "giftcard.link": _of_cards(_card("gc-1", 0, 3500, 4), **_CUSTOMER),
    "giftcard.transfer": _of_cards(_card("gc-1", -700, 2800, 5), _card("gc-2", 700, 700, 2, "0025")),
    "giftcard.extend": _of_cards(_card("gc-1", 2800, 2800, 6)),
    "giftcard.replace": _of_cards(_card("gc-1", -2800, 0, 7), _card("gc-3", 2800, 2800, 1, "0033")),
    "giftcard.get": _CARD_NOW,
    "giftcard.list": {"items": [_CARD_NOW], "next_cursor": "Z2MtMQ"},
    "giftcard.history": {"items": [_LOADED]},
    "sale.complete": _of_customer(
        sale_id="london-1-2026-03-01-0042",
        points=_points(19, 119, 2),
        lines=[{"line_id": 1, "points": 19}],
        policy_version=0,
    ),
    "sale.void": _of_customer(
        sale_id="london-1-2026-03-01-0042",
        points=_points(-19, 100, 3),
        lines=[{"line_id": 1, "points": -19}],
        policy_version=0,
    ),
    "return.complete": {
        "status": "parked",
        "reason": "sale_not_found",
        "category": "not-found",
        **_CUSTOMER,
        "sale_id": "london-1-2026-03-01-0042",
        "return_id": "london-1-2026-03-08-0007",
    },
    "return.void": _of_customer(
        sale_id="london-1-2026-03-01-0042",
        return_id="london-1-2026-03-08-0007",
        points=_points(11, 111, 4),
        lines=[{"line_id": 1, "points": 11}],
        policy_version=0,
    ),
    "tender.authorize": examples.OUTCOMES["scm.tender.requested"],
    "tender.capture": {
        "status": "applied",
        "tender_id": "T1",
        "gift_cards": [_card("gc-1", -2500, 0, 3)],
        "tender": _T1,
        "policy_version": 0,
    },
    "tender.void": {
        "status": "applied",
        "tender_id": "T9",
        "tender": {
            "tender_id": "T9",
            "state": "voided",
            "requested_minor": 0,
            "approved_minor": 0,
            "captured_minor": 0,
            "refunded_minor": 0,
        },
    },
    "tender.get": {
        **_T1,
        "kind": "gift_card",
        "currency": "GBP",
        "sale_id": "london-1-2026-03-01-0043",
        "card_id": "gc-1",
    },
    "event.explain": {"text": "scm.sale.completed london-1-2026-03-01-0042: applied\n…"},
    "event.simulate": {
        "outcome": _of_customer(points=_points(5, 124, 3), lines=[{"line_id": 1, "points": 5}], policy_version=0),
        "stored": False,
    },
    "session.create": {
        "session_id": "s-5f0c1d",
        "token": "the-token-is-shown-once",
        "expires_at": "2026-03-01T10:30:00Z",
        "scopes": ["customer:read", "loyalty:read"],
    },
    "session.list": {
        "sessions": [
            {
                "session_id": "s-5f0c1d",
                "scopes": ["customer:read", "loyalty:read"],
                "created_at": "2026-03-01T10:15:00Z",
                "expires_at": "2026-03-01T10:30:00Z",
            },
        ],
    },
    "session.revoke": {"session_id": "s-5f0c1d"},
}


def request(operation: Operation) -> dict[str, Any]:
    """The body of an example request."""
    if operation.name in _REQUESTS or operation.document is None:
        return dict(_REQUESTS[operation.name])
    document = examples.DOCUMENTS[operation.document]
    return {name: value for name, value in document.items() if name not in operation.given}
