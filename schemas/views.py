"""What the reading operations answer (contract §5). Times are RFC 3339 in UTC, money in minor units."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PlainSerializer

from schemas.outcomes import Count, Out, OutcomeData, TenderState
from schemas.policy import Policy
from schemas.scalars import Currency, Flag, Id

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]


class Profile(Out):
    """What is personal; empty once erased."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    birth_date: Annotated[str | None, Field(description="YYYY-MM-DD, or --MM-DD without the year")] = None
    external_ids: dict[str, str] | None = None


class Consent(Out):
    """What the customer said last for a purpose and a channel."""

    purpose: Literal["marketing", "profiling", "service"]
    channel: str | None = None
    granted: bool
    since: Time


class Balance(Out):
    """A points account, of one customer or of a pool."""

    balance: int
    available: int
    held: Count
    pending: Count
    version: Count
    account: Annotated[str, Field(min_length=1, description="opaque id: versions are ordered within one account")]
    deficit: Annotated[
        Count, Field(description="what a reversal took that was spent already; the next credits fill it")
    ]
    shortfall: Annotated[
        Count,
        Field(description="what `within_balance` let go; points that come back from a redemption make up for it first"),
    ] = 0


class PointsLot(Out):
    """Points that become available and expire together."""

    points: Count
    held: Count
    available_on: Day | None = None
    expires_on: Annotated[
        Day | None, Field(description="the last good day, in the time zone of the policy; absent: never")
    ] = None


class CustomerTier(Out):
    """The customer's tier by what was earned in twelve months."""

    name: str | None = None
    factor: str
    earned_12m: int


class DocumentRef(Out):
    """A document of the same tenant."""

    type: str
    id: str


class HistoryEntry(Out):
    """One transfer: what it changed, and the document that caused it."""

    at: Annotated[Time, Field(description="when it was decided")]
    document: DocumentRef
    change: int
    balance: Annotated[int, Field(description="after it")]
    booked: Annotated[str, Field(description="against: earned, redeemed, adjusted, expired, …, or another account")]
    account: Annotated[str | None, Field(description="the other account: customer, pool or card id")] = None
    sale_id: Id | None = None
    return_id: Id | None = None
    tender_id: Id | None = None


class HistoryPage(Out):
    """Latest first."""

    items: tuple[HistoryEntry, ...]
    next_cursor: str | None = None
    archived_until: Annotated[
        Time | None, Field(description="on the last page: there are older entries, up to this time, in archives")
    ] = None


class GiftCardView(Out):
    """A card as it is now."""

    card_id: Id
    last4: str | None = None
    currency: Currency
    status: Literal["active", "frozen", "expired", "replaced"]
    balance_minor: int
    held_minor: Count
    available_minor: Count
    expires_on: Day | None = None
    customer_id: Id | None = None
    has_pin: bool
    version: Count
    replaced_by: Annotated[
        Id | None, Field(description="the card that took over from a replaced one; only for keys with card:trusted")
    ] = None


class CustomerView(Out):
    """All that is known of a customer."""

    customer_id: Id
    status: Literal["active", "blocked", "erased"]
    profile: Profile
    consents: tuple[Consent, ...]
    points: Balance
    tier: CustomerTier | None = None
    lots: tuple[PointsLot, ...]
    pool_id: Id | None = None
    gift_cards: tuple[GiftCardView, ...]
    activity: tuple[HistoryEntry, ...]


class PoolView(Out):
    """A pool as it is now. `members`: the ids of its customers; empty once the last one has left."""

    pool_id: Id
    members: tuple[Id, ...]
    points: Balance
    lots: tuple[PointsLot, ...]


class CustomerSummary(Out):
    """A line of the list."""

    customer_id: Id
    status: Literal["active", "blocked", "erased"]
    profile: Profile
    balance: int


class GiftCardPage(Out):
    """By card_id, ascending."""

    items: tuple[GiftCardView, ...]
    next_cursor: str | None = None


class CustomerPage(Out):
    """By id, ascending; by name if only `name` was asked."""

    items: tuple[CustomerSummary, ...]
    next_cursor: str | None = None


class PolicyVersion(Out):
    """A version and since when it is in force."""

    version: Count
    effective_from: Annotated[Time | None, Field(description="absent of version 0, the default")] = None
    superseded: Annotated[
        bool | None, Field(description="true: a later version replaced it before it came into force")
    ] = None


class PolicyView(PolicyVersion):
    """The policy, and which versions there are."""

    policy: Annotated[Policy, PlainSerializer(Policy.wire_form)]
    versions: tuple[PolicyVersion, ...]


class TenderView(Out):
    """A tender as it is now; amounts in minor units. `awaiting`: a capture or a sale came, and the request has not."""

    tender_id: Id
    state: TenderState
    kind: Annotated[Literal["gift_card", "points"] | None, Field(description="absent until the request comes")] = None
    currency: Currency | None = None
    requested_minor: Count
    approved_minor: Count
    captured_minor: Count
    refunded_minor: Count
    points: Annotated[int | None, Field(description="what it takes in points, if points pay")] = None
    expires_at: Annotated[Time | None, Field(description="when the hold ends")] = None
    sale_id: Id | None = None
    customer_id: Id | None = None
    card_id: Annotated[Id | None, Field(description="the gift card that pays")] = None


class GiftCardIssued(OutcomeData):
    """The outcome, and the number if it was generated: it is said here and nowhere else."""

    number: str | None = None


class Explained(Out):
    """The whole story as JSON, and as text for a person."""

    model_config = ConfigDict(extra="allow")

    text: str


class Simulated(Out):
    """What the document would get now; `stored`: it is known, and that is what it got."""

    outcome: OutcomeData
    stored: Flag


class SessionView(Out):
    """The token is said once."""

    session_id: Id
    token: str
    expires_at: Time
    scopes: tuple[str, ...]


class SessionEntry(Out):
    """A session that has not ended; `parent_id` is the session that opened it."""

    session_id: Id
    parent_id: Id | None = None
    scopes: tuple[str, ...]
    created_at: Time
    expires_at: Time


class SessionPage(Out):
    """Every session, the oldest first."""

    sessions: tuple[SessionEntry, ...]


class Revoked(Out):
    """The session is over."""

    session_id: Id
