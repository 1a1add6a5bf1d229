"""Models of outcomes and notices (contract §3), for the JSON Schemas, AsyncAPI and tests. The worker's encoder writes
them without models, which is faster.
"""

from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.envelope import Orgcode
from schemas.reasons import Category, Reason
from schemas.scalars import Currency, Id, Instant
from schemas.validators import present

# All have the data of an outcome. The second one also has the `cause`.
TENDER_CHANGED: Final = "crm.tender.changed"
NOTICES: Final = (
    "crm.hold.expired",
    TENDER_CHANGED,
    "crm.points.expired",
    "crm.points.released",
    "crm.points.forfeited",
    "crm.pool.changed",
    "crm.giftcard.expired",
    "crm.giftcard.frozen",
)
TENDER_NOTICES: Final = NOTICES[:2]  # on the topic of tender outcomes

Count = Annotated[int, Field(ge=0)]
TenderState = Literal["none", "awaiting", "authorized", "captured", "expired", "declined", "voided"]


class Out(BaseModel):
    """A part of a message that the engine writes: it has no unknown members."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


OutT = TypeVar("OutT", bound=Out)


def _whole(part: OutT, fields: tuple[str, ...]) -> OutT:
    """Return the part. Raises unless all of these fields are there, or none."""
    if len({getattr(part, field) is None for field in fields}) > 1:
        raise PydanticCustomError("all_or_none", "members that belong together are missing")
    return part


def _all_or_none(*fields: str) -> dict[str, Any]:
    return {"anyOf": [present(*fields), {"not": {"anyOf": [present(field) for field in fields]}}]}


_POINTS: Final = ("balance", "available", "held", "pending", "version")


class Points(Out):
    """The points account after the document. While the customer has no record, it has only `change` and `reason`."""

    model_config = ConfigDict(json_schema_extra=_all_or_none(*_POINTS))

    change: Annotated[int, Field(description="net change of `balance` by the document")]
    balance: Annotated[int | None, Field(description="all points; may be negative")] = None
    available: int | None = None
    held: Count | None = None
    pending: Count | None = None
    version: Annotated[
        Count | None, Field(description="goes up by one with each change of `account`; orders its outcomes")
    ] = None
    account: Annotated[
        str | None,
        Field(
            min_length=1,
            description="opaque id of the points account; the members of a pool share one; a merge changes it",
        ),
    ] = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _account(self) -> Self:
        return _whole(self, _POINTS)


_CARD: Final = ("card_id", "currency", "change_minor", "balance_minor", "held_minor", "version")


class Counterparty(Out):
    """The other account after the document: the receiver's of a transfer, or the one that a merge, a join or a leave
    emptied.
    """

    customer_id: Id
    points: Points


class GiftCard(Out):
    """A gift card after the document. A card that is not accepted has only `reason`."""

    model_config = ConfigDict(json_schema_extra=_all_or_none(*_CARD))

    card_id: Id | None = None
    last4: Annotated[str | None, Field(description="absent if the card's number is not known")] = None
    currency: Currency | None = None
    change_minor: Annotated[int | None, Field(description="net change of `balance_minor` by the document")] = None
    balance_minor: Annotated[int | None, Field(description="negative if a load was taken back after it was spent")] = (
        None
    )
    held_minor: Count | None = None
    version: Annotated[Count | None, Field(description="goes up by one with each change; orders the outcomes")] = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _account(self) -> Self:
        return _whole(self, _CARD)


class Tender(Out):
    """A tender after the document. Amounts are in minor units of its currency."""

    tender_id: Id
    state: TenderState
    requested_minor: Count
    approved_minor: Count
    captured_minor: Count
    refunded_minor: Count
    points: Annotated[int | None, Field(description="the points that the tender takes, if points pay")] = None
    expires_at: Annotated[Instant | None, Field(description="when the hold ends")] = None
    reason: Reason | None = None


class Line(Out):
    """The points of a line, negative in a return. Lines with 0 points may be absent."""

    line_id: Annotated[int, Field(ge=1)]
    points: int


class OutcomeData(Out):
    """`data` of an outcome. A tender request is approved, partial, declined or ignored. Any other document is applied,
    partial, rejected, parked (a final outcome follows) or ignored.
    """

    status: Literal["applied", "approved", "partial", "declined", "rejected", "parked", "ignored"]
    reason: Reason | None = None
    category: Category | None = None
    customer_id: Id | None = None
    sale_id: Id | None = None
    return_id: Id | None = None
    tender_id: Id | None = None
    points: Points | None = None
    counterparty: Counterparty | None = None
    gift_cards: tuple[GiftCard, ...] | None = None
    tender: Tender | None = None
    tenders: tuple[Tender, ...] | None = None
    lines: tuple[Line, ...] | None = None
    policy_version: Annotated[Count | None, Field(description="0: the default policy")] = None

    @model_validator(mode="after")
    def _reason_has_category(self) -> Self:
        if self.category is not (None if self.reason is None else self.reason.category):
            raise PydanticCustomError("category_of_reason", "not the category of the reason")
        return self


class Cause(Out):
    """The sale, the return, or the void of either, that changed a tender."""

    type: Literal["scm.sale.completed", "scm.sale.voided", "scm.return.completed", "scm.return.voided"]
    id: Id


class TenderChangedData(OutcomeData):
    """`data` of the notice `crm.tender.changed`: a sale, a return or the void of either changed a tender."""

    tender_id: Id
    tender: Tender
    cause: Cause


class OutcomeEnvelope(Out):
    """The envelope of an outcome or a notice. The same document always gives the same `id` and the same bytes."""

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1, description="derived from the document's identity and the step")]
    source: Literal["/crm"]
    type: Annotated[
        str,
        Field(description="`crm.outcome.` and the document's type without `scm.` or `crm.`; or the type of a notice"),
    ]
    subject: Annotated[Id, Field(description="the document's subject")]
    orgcode: Orgcode
    time: Annotated[Instant, Field(description="when it was decided")]
    datacontenttype: Literal["application/json"]
    data: OutcomeData | TenderChangedData
