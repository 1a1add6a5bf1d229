"""Operations for operators, and the sessions of a key (contract §5)."""

from typing import Final

from schemas import requests, views
from schemas.catalogue.entry import Entry, reading
from schemas.catalogue.example import of_customer, points
from schemas.operation import Access
from schemas.scopes import Scope

ENTRIES: Final[tuple[Entry, ...]] = (
    reading(
        "event.explain",
        requests.EventExplain,
        views.Explained,
        scope=Scope.OPS,
        summary="Explain why a document was decided as it was: policy, lines, lots, transfers.",
        asked={"type": "scm.sale.completed", "id": "london-1-2026-03-01-0042"},
        answered={"text": "scm.sale.completed london-1-2026-03-01-0042: applied\n…"},
    ),
    reading(
        "event.simulate",
        requests.EventSimulate,
        views.Simulated,
        scope=Scope.OPS,
        summary="Return the outcome that a document would get now. Nothing is changed.",
        asked={
            "type": "scm.sale.completed",
            "data": {
                "store_id": "london-1",
                "currency": "GBP",
                "customer_id": "C-1001",
                "lines": [{"line_id": 1, "sku": "22752", "category": "toys", "net_minor": 500}],
                "tenders": [{"tender_id": "cash-1", "kind": "cash", "amount_minor": 500}],
            },
        },
        answered={
            "outcome": of_customer(points=points(5, 124, 3), lines=[{"line_id": 1, "points": 5}], policy_version=0),
            "stored": False,
        },
    ),
    reading(
        "session.create",
        requests.SessionCreate,
        views.SessionView,
        scope=None,
        summary="Open a session: a short-lived token with the scopes of the key, or fewer.",
        access=Access.WRITE,
        asked={"scopes": ["customer:read", "loyalty:read"], "ttl_s": 900},
        answered={
            "session_id": "s-5f0c1d",
            "token": "the-token-is-shown-once",
            "expires_at": "2026-03-01T10:30:00Z",
            "scopes": ["customer:read", "loyalty:read"],
        },
    ),
    reading(
        "session.list",
        requests.SessionList,
        views.SessionPage,
        scope=None,
        summary="List the sessions of the key, or those that a session opened.",
        asked={},
        answered={
            "sessions": [
                {
                    "session_id": "s-5f0c1d",
                    "scopes": ["customer:read", "loyalty:read"],
                    "created_at": "2026-03-01T10:15:00Z",
                    "expires_at": "2026-03-01T10:30:00Z",
                },
            ],
        },
    ),
    reading(
        "session.revoke",
        requests.SessionRevoke,
        views.Revoked,
        scope=None,
        summary="End a session, and those that it opened, before they expire.",
        access=Access.WRITE,
        asked={"session_id": "s-5f0c1d"},
        answered={"session_id": "s-5f0c1d"},
    ),
)
