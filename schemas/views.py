"""The answers of the operations that read (contract §5). Times are RFC 3339 in UTC, money is in minor units."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PlainSerializer

from schemas.outcomes import Count, Out, OutcomeData, TenderState
from schemas.policy import Policy
from schemas.scalars import Currency, Flag, Id

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]


class Profile(Out):
    """The customer's personal data; empty after an erasure."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    birth_date: Annotated[str | None, Field(description="YYYY-MM-DD, or --MM-DD without the year")] = None
    external_ids: dict[str, str] | None = None


class Consent(Out):
    """The customer's latest consent for a purpose and a channel."""

    purpose: Literal["marketing", "profiling", "service"]
    channel: str | None = None
    granted: bool
    since: Time


class Balance(Out):
    """A points account of a customer or of a pool."""

    balance: int
    available: int
    held: Count
    pending: Count
    version: Count
    account: Annotated[str, Field(min_length=1, description="opaque id; versions are ordered within one account")]
    deficit: Annotated[
        Count, Field(description="points that were spent before a reversal took them back; the next credits fill it")
    ]
    shortfall: Annotated[
        Count,
        Field(description="points that reversals waived under `within_balance`; restored points fill it first"),
    ] = 0


class PointsLot(Out):
    """Points that become available and expire together."""

    points: Count
    held: Count
    available_on: Day | None = None
    expires_on: Annotated[
        Day | None, Field(description="the last good day, in the policy's time zone; absent if they never expire")
    ] = None


class CustomerTier(Out):
    """The customer's tier, by the points earned in twelve months."""

    name: str | None = None
    factor: str
    earned_12m: int


class DocumentRef(Out):
    """A document of the same tenant."""

    type: str
    id: str


class HistoryEntry(Out):
    """One transfer: the change of the balance, and the document that caused it."""

    at: Annotated[Time, Field(description="when the document was decided")]
    document: DocumentRef
    change: int
    balance: Annotated[int, Field(description="the balance after the transfer")]
    booked: Annotated[
        str, Field(description="the other side: earned, redeemed, adjusted, expired and so on, or another account")
    ]
    account: Annotated[str | None, Field(description="the other account: the id of a customer, a pool or a card")] = (
        None
    )
    sale_id: Id | None = None
    return_id: Id | None = None
    tender_id: Id | None = None


class HistoryPage(Out):
    """A page of a history, the latest transfer first."""

    items: tuple[HistoryEntry, ...]
    next_cursor: str | None = None
    archived_until: Annotated[
        Time | None, Field(description="on the last page: older entries, up to this time, are in archives")
    ] = None


class GiftCardView(Out):
    """The present state of a gift card."""

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
        Id | None, Field(description="the card that replaced this one; shown only to keys with card:trusted")
    ] = None


class CustomerView(Out):
    """A customer: profile, consents, points, tier, gift cards and latest activity."""

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
    """The present state of a pool. `members`: the ids of its customers; empty after the last one has left."""

    pool_id: Id
    members: tuple[Id, ...]
    points: Balance
    lots: tuple[PointsLot, ...]


class CustomerSummary(Out):
    """A customer in a list."""

    customer_id: Id
    status: Literal["active", "blocked", "erased"]
    profile: Profile
    balance: int


class GiftCardPage(Out):
    """A page of gift cards, in the order of their card_id."""

    items: tuple[GiftCardView, ...]
    next_cursor: str | None = None


class CustomerPage(Out):
    """A page of customers, in the order of their ids; by name if `name` was the only filter."""

    items: tuple[CustomerSummary, ...]
    next_cursor: str | None = None


class PolicyVersion(Out):
    """A version of the policy, and when it comes into force."""

    version: Count
    effective_from: Annotated[Time | None, Field(description="absent for version 0, the default")] = None
    superseded: Annotated[
        bool | None, Field(description="true if a later version replaced it before it came into force")
    ] = None


class PolicyView(PolicyVersion):
    """A version of the policy, and the list of all versions."""

    policy: Annotated[Policy, PlainSerializer(Policy.wire_form)]
    versions: tuple[PolicyVersion, ...]


class TenderView(Out):
    """The present state of a tender. Amounts are in minor units. `awaiting`: a capture or a sale came before the
    request.
    """

    tender_id: Id
    state: TenderState
    kind: Annotated[Literal["gift_card", "points"] | None, Field(description="absent until the request has come")] = (
        None
    )
    currency: Currency | None = None
    requested_minor: Count
    approved_minor: Count
    captured_minor: Count
    refunded_minor: Count
    points: Annotated[int | None, Field(description="the points that the tender takes, if points pay")] = None
    expires_at: Annotated[Time | None, Field(description="when the hold ends")] = None
    sale_id: Id | None = None
    customer_id: Id | None = None
    card_id: Annotated[Id | None, Field(description="the gift card that pays")] = None


class GiftCardIssued(OutcomeData):
    """The outcome. If the API generated the number, `number` shows it, once."""

    number: str | None = None


class Explained(Out):
    """The explanation as JSON, and as text for people."""

    model_config = ConfigDict(extra="allow")

    text: str


class Simulated(Out):
    """The outcome that the document would get now. `stored`: the document is known, and this is its stored outcome."""

    outcome: OutcomeData
    stored: Flag


class SessionView(Out):
    """A new session. Its token is shown once."""

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
    """All sessions, the oldest first."""

    sessions: tuple[SessionEntry, ...]


class Revoked(Out):
    """The session that has ended."""

    session_id: Id
