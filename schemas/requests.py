"""What the reading operations are asked (contract §5)."""

from typing import Annotated, Any, Final

from pydantic import Field, PlainSerializer, StringConstraints

from schemas.cards import CardRef
from schemas.policy import Policy
from schemas.scalars import LAST4_PATTERN, FromZero, Id, Instant, NullMeans, Text, Wire

MAX_PAGE: Final = 200
SESSION_S: Final = 900
MAX_SESSION_S: Final = 3600

Cursor = Annotated[str, Field(max_length=512, description="`next_cursor` of the page before; stable while rows come")]
Last4 = Annotated[
    str, StringConstraints(pattern=LAST4_PATTERN), Field(description="the last four characters of the card's number")
]
Limit = Annotated[Annotated[int, Field(ge=1, le=MAX_PAGE)], NullMeans(50)]


class CustomerGet(Wire):
    """One customer, by the present id or by one that was merged into it."""

    customer_id: Id


class CustomerList(Wire):
    """Customers by id; with a filter those whose profile has all that is named. With `name` alone they come by name,
    with another filter in the order in which they were created. A page may have fewer customers than `limit`: go on
    while there is a `next_cursor`.
    """

    name: Annotated[
        Text | None,
        Field(
            description="how words of the name begin, in any case, with or without accents; alone, at least two letters"
        ),
    ] = None
    email: Annotated[Text | None, Field(description="in any case")] = None
    phone: Annotated[Text | None, Field(description="its digits count, and nothing between them")] = None
    external_ids: Annotated[dict[Id, Id], Field(min_length=1, max_length=50)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class LoyaltyHistory(Wire):
    """The points account of a customer, the latest transfer first."""

    customer_id: Id
    limit: Limit = 50
    cursor: Cursor | None = None


class PoolGet(Wire):
    """One pool, by its id."""

    pool_id: Id


class PolicyGet(Wire):
    """A version of the policy; without one, that in force at `at`; without both, now."""

    version: FromZero | None = None
    at: Instant | None = None


class GiftCardGet(Wire):
    """One card; the PIN of a card that has one is asked for."""

    gift_card: CardRef


class GiftCardList(Wire):
    """Gift cards by card_id; with `customer_id` those linked to this customer, or to one who was merged into them; with
    `last4` those whose number ends so.
    """

    customer_id: Id | None = None
    last4: Last4 | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class GiftCardHistory(Wire):
    """The account of a card, the latest transfer first; the PIN of a card that has one is asked for."""

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
    """A document: its type and its data, whose id and `occurred_at` may be absent (made up, and now).

    With `policy` it is decided by that draft, whose version is the one that it would get if it were put.
    """

    type: Annotated[str, Field(max_length=64)]
    data: dict[str, Any]
    policy: Annotated[
        Annotated[Policy, PlainSerializer(Policy.wire_form)] | None,
        Field(description="a draft to decide by; absent: the policy in force"),
    ] = None


class SessionCreate(Wire):
    """A token that does for a while what its key may do, or less."""

    scopes: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] | None = None
    ttl_s: Annotated[Annotated[int, Field(ge=60, le=MAX_SESSION_S)], NullMeans(SESSION_S)] = SESSION_S


class SessionList(Wire):
    """The sessions of the key; asked with a session's token, that session and those that it opened."""


class SessionRevoke(Wire):
    """Ends a session and those that it opened; without `session_id` the session whose token the request bears."""

    session_id: Id | None = None
