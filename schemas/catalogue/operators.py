"""What operators ask, and the sessions of a key (contract §5)."""

from typing import Final

from schemas import requests, views
from schemas.catalogue.entry import Entry, reading
from schemas.operation import Access
from schemas.scopes import Scope

ENTRIES: Final[tuple[Entry, ...]] = (
    reading(
        "event.explain",
        requests.EventExplain,
        views.Explained,
        scope=Scope.OPS,
        summary="Explain why a document was decided as it was: policy, lines, lots, transfers.",
    ),
    reading(
        "event.simulate",
        requests.EventSimulate,
        views.Simulated,
        scope=Scope.OPS,
        summary="Return the outcome that a document would get now. Nothing is changed.",
    ),
    reading(
        "session.create",
        requests.SessionCreate,
        views.SessionView,
        scope=None,
        summary="A short-lived token with the scopes of the key, or fewer.",
        access=Access.WRITE,
    ),
    reading(
        "session.list",
        requests.SessionList,
        views.SessionPage,
        scope=None,
        summary="The sessions of the key, or those that a session opened.",
    ),
    reading(
        "session.revoke",
        requests.SessionRevoke,
        views.Revoked,
        scope=None,
        summary="End a session, and those that it opened, before its time.",
        access=Access.WRITE,
    ),
)
