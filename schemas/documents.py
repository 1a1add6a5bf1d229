"""The SCM documents (contract §2.1), validated and frozen: times in µs since 1970 UTC, dates in days since 1970."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from schemas.cards import CardRef, SoldCard
from schemas.scalars import (
    MAX_HOLD_S,
    Currency,
    Date,
    DecimalString,
    Flag,
    FromOne,
    FromZero,
    Id,
    Instant,
    NullMeans,
    Text,
    Wire,
)
from schemas.validators import fault, present, unique

TenderKind = Literal["gift_card", "points", "card", "cash", "other"]
ItemType = Annotated[Literal["goods", "gift_card", "fee"], NullMeans("goods")]


class SaleLine(Wire):
    """A line of a sale. `net_minor` is the price that the customer pays for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": present("gift_card"),
            "then": {"properties": {"item_type": {"const": "gift_card"}}, "required": ["item_type"]},
        },
    )

    line_id: FromOne
    sku: Text
    category: Text | None = None
    item_type: ItemType = "goods"
    quantity: DecimalString | None = None
    net_minor: FromZero
    loyalty_excluded: Flag = False
    gift_card: SoldCard | None = None

    @property
    def load_minor(self) -> int:
        """The amount that the line loads on its `gift_card`; 0 without one."""
        if self.gift_card is None:
            return 0
        load = self.gift_card.load_minor
        return self.net_minor if load is None else load


def _cards_on_card_lines(lines: tuple[SaleLine, ...]) -> tuple[SaleLine, ...]:
    for place, line in enumerate(lines):
        if line.gift_card is not None and line.item_type != "gift_card":
            raise fault("gift_card, because the line has a gift_card", place, "item_type")
    return lines


class SaleTender(Wire):
    """A means of payment of a sale."""

    tender_id: Id
    kind: TenderKind
    amount_minor: FromZero


class SaleCompleted(Wire):
    """`scm.sale.completed`: earns points, captures the tenders that it names, loads the gift cards that it sells."""

    sale_id: Id
    store_id: Id
    terminal_id: Id | None = None
    occurred_at: Instant
    business_date: Date | None = None
    currency: Currency
    customer_id: Id | None = None
    training: Flag = False
    lines: Annotated[
        tuple[SaleLine, ...],
        Field(strict=False, min_length=1, max_length=1000),
        AfterValidator(unique("line_id")),
        AfterValidator(_cards_on_card_lines),
    ]
    tenders: Annotated[
        tuple[SaleTender, ...],
        Field(strict=False, max_length=50),
        AfterValidator(unique("tender_id")),
        NullMeans(()),
    ] = ()


class SaleVoided(Wire):
    """`scm.sale.voided`: undoes the whole sale, including its returns."""

    sale_id: Id
    occurred_at: Instant
    reason: Text | None = None
    training: Flag = False


class ReturnLine(Wire):
    """Goods that came back, of a sale line or without a receipt. `category`, `item_type` and `loyalty_excluded` only
    serve to rate a line without a receipt.
    """

    line_id: FromOne
    sale_line_id: FromOne | None = None
    sku: Text | None = None
    category: Text | None = None
    item_type: ItemType = "goods"
    quantity: DecimalString | None = None
    net_minor: FromZero
    loyalty_excluded: Flag = False


class Refund(Wire):
    """Money given back: to a tender of the sale, or as a load on a gift card."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "properties": {"kind": {"const": "gift_card"}},
                    "oneOf": [present("tender_id"), present("gift_card")],
                },
                {
                    "properties": {"kind": {"const": "points"}, "gift_card": {"type": "null"}},
                    "allOf": [present("tender_id")],
                },
                {"properties": {"kind": {"enum": ["card", "cash", "other"]}, "gift_card": {"type": "null"}}},
            ],
        },
    )

    refund_id: Id
    kind: TenderKind
    amount_minor: FromOne
    tender_id: Id | None = None
    gift_card: CardRef | None = None

    @model_validator(mode="after")
    def _target(self) -> Self:
        if self.kind == "gift_card":
            if (self.tender_id is None) is (self.gift_card is None):
                raise fault("either tender_id or gift_card")
        elif self.gift_card is not None:
            raise fault("absent, unless kind is gift_card", "gift_card")
        elif self.kind == "points" and self.tender_id is None:
            raise fault("tender_id is missing, because kind is points")
        return self


class ReturnCompleted(Wire):
    """`scm.return.completed`: takes goods back. Without `sale_id`, it is a return without a receipt."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": present("sale_id"),
            "then": {"properties": {"lines": {"items": present("sale_line_id")}}},
        },
    )

    return_id: Id
    sale_id: Id | None = None
    store_id: Id | None = None
    occurred_at: Instant
    currency: Currency
    customer_id: Id | None = None
    training: Flag = False
    lines: Annotated[
        tuple[ReturnLine, ...],
        Field(strict=False, min_length=1, max_length=1000),
        AfterValidator(unique("line_id")),
    ]
    refunds: Annotated[
        tuple[Refund, ...],
        Field(strict=False, max_length=50),
        AfterValidator(unique("refund_id")),
        NullMeans(()),
    ] = ()

    @model_validator(mode="after")
    def _sale_lines(self) -> Self:
        if self.sale_id is not None:
            for place, line in enumerate(self.lines):
                if line.sale_line_id is None:
                    raise fault("sale_line_id is missing, because there is a sale_id", "lines", place)
        return self


class ReturnVoided(Wire):
    """`scm.return.voided`: undoes a return that was keyed by mistake, with its refunds and loads."""

    return_id: Id
    occurred_at: Instant
    reason: Text | None = None
    training: Flag = False


class TenderRequested(Wire):
    """`scm.tender.requested`: places a hold on a gift card or on points. With `capture`, captures it at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"kind": {"const": "gift_card"}}, "allOf": [present("gift_card")]},
                {"properties": {"kind": {"const": "points"}}, "allOf": [present("customer_id")]},
            ],
        },
    )

    tender_id: Id
    sale_id: Id | None = None
    store_id: Id | None = None
    terminal_id: Id | None = None
    occurred_at: Instant
    currency: Currency
    amount_minor: FromOne
    kind: Literal["gift_card", "points"]
    gift_card: CardRef | None = None
    customer_id: Id | None = None
    sale_total_minor: FromZero | None = None
    eligible_minor: FromZero | None = None
    capture: Flag = False
    allow_partial: Flag = False
    hold_s: Annotated[int, Field(ge=1, le=MAX_HOLD_S)] | None = None
    decide_by: Instant | None = None
    training: Flag = False

    @model_validator(mode="after")
    def _payer(self) -> Self:
        if self.kind == "gift_card" and self.gift_card is None:
            raise fault("gift_card is missing, because kind is gift_card")
        if self.kind == "points" and self.customer_id is None:
            raise fault("customer_id is missing, because kind is points")
        return self


class TenderCaptured(Wire):
    """`scm.tender.captured`: captures a hold. Without `amount_minor`, all that was approved."""

    tender_id: Id
    occurred_at: Instant
    amount_minor: FromOne | None = None
    training: Flag = False


class TenderVoided(Wire):
    """`scm.tender.voided`: releases a hold, or gives a captured amount back."""

    tender_id: Id
    occurred_at: Instant
    reason: Literal["cancel", "timeout", "unknown_outcome"] | None = None
    training: Flag = False
