"""The requests of the operations that read (contract §5)."""

from typing import Annotated, Any, Final

from pydantic import Field, PlainSerializer, StringConstraints

from schemas.cards import CardRef
from schemas.policy import Policy
from schemas.scalars import LAST4_PATTERN, FromZero, Id, Instant, NullMeans, Text, Wire

MAX_PAGE: Final = 200
SESSION_S: Final = 900
MAX_SESSION_S: Final = 3600

Cursor = Annotated[
    str, Field(max_length=512, description="the `next_cursor` of the page before; it stays valid while rows are added")
]
Last4 = Annotated[
    str, StringConstraints(pattern=LAST4_PATTERN), Field(description="the last four characters of the card's number")
]
Limit = Annotated[Annotated[int, Field(ge=1, le=MAX_PAGE)], NullMeans(50)]


class CustomerGet(Wire):
    """The customer with this id, or the one whom this id was merged into."""

    customer_id: Id


class CustomerList(Wire):
    """Customers in the order of their ids. With filters, those whose profile matches all of them: in the order of names
    if `name` is the only filter, else in the order in which they were created. A page may have fewer customers than
    `limit`: go on while there is a `next_cursor`.
    """

    name: Annotated[
        Text | None,
        Field(
            description=(
                "the beginnings of words of the name, in any case, with or without accents; at least two letters if it "
                "is the only filter"
            )
        ),
    ] = None
    email: Annotated[Text | None, Field(description="in upper or lower case")] = None
    phone: Annotated[Text | None, Field(description="only its digits count")] = None
    external_ids: Annotated[dict[Id, Id], Field(min_length=1, max_length=50)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class LoyaltyHistory(Wire):
    """The history of a customer's points account, the latest transfer first."""

    customer_id: Id
    limit: Limit = 50
    cursor: Cursor | None = None


class PoolGet(Wire):
    """One pool, by its id."""

    pool_id: Id


class PolicyGet(Wire):
    """A version of the policy. Without `version`, the one in force at `at`; without both, the one in force now."""

    version: FromZero | None = None
    at: Instant | None = None


class GiftCardGet(Wire):
    """One card. If the card has a PIN, the PIN is required."""

    gift_card: CardRef


class GiftCardList(Wire):
    """Gift cards in the order of their card_id. `customer_id`: those linked to this customer, or to a customer who was
    merged into this one. `last4`: those whose number ends so.
    """

    customer_id: Id | None = None
    last4: Last4 | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class GiftCardHistory(Wire):
    """The history of a card, the latest transfer first. If the card has a PIN, the PIN is required."""

    gift_card: CardRef
    limit: Limit = 50
    cursor: Cursor | None = None


class TenderGet(Wire):
    """One tender, by its id."""

    tender_id: Id


class EventExplain(Wire):
    """The identity of a document within the tenant."""

    type: Annotated[str, Field(max_length=64)]
    id: Id


class EventSimulate(Wire):
    """A document: its type and its data. Without an id, one is made up; without `occurred_at`, it is now.

    With `policy`, the document is decided by that draft, with the version that the draft would get if it were put.
    """

    type: Annotated[str, Field(max_length=64)]
    data: dict[str, Any]
    policy: Annotated[
        Annotated[Policy, PlainSerializer(Policy.wire_form)] | None,
        Field(description="a draft to decide by; without it, the policy in force decides"),
    ] = None


class SessionCreate(Wire):
    """The scopes of the new session, at most those of its key, and how long it lives."""

    scopes: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] | None = None
    ttl_s: Annotated[Annotated[int, Field(ge=60, le=MAX_SESSION_S)], NullMeans(SESSION_S)] = SESSION_S


class SessionList(Wire):
    """With a key: its sessions. With a session's token: that session, and those that it opened."""


class SessionRevoke(Wire):
    """The session to end, with those that it opened. Without `session_id`, the session of the request's own token."""

    session_id: Id | None = None
