"""The commands `crm.*` (contract §2.3), validated and frozen: times in µs since 1970 UTC, dates in days since 1970."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, PlainSerializer, model_validator

from schemas.policy import Policy
from schemas.scalars import (
    BirthDate,
    Currency,
    FromOne,
    FromZero,
    Id,
    Instant,
    NullMeans,
    Points,
    RequiredText,
    Text,
    Wire,
)
from schemas.validators import fault, present

MAX_EXTERNAL_IDS = 50


class Command(Wire):
    """What every command has."""

    command_id: Id
    occurred_at: Instant
    actor: Text | None = None


class Of(Wire):
    """The earlier document that a restore or a reverse is about; `type` is its whole type.

    A transfer is none of them: the way to undo it is to transfer back.
    """

    type: Literal[
        "scm.sale.completed",
        "scm.return.completed",
        "scm.tender.requested",
        "crm.loyalty.earn",
        "crm.loyalty.redeem",
        "crm.loyalty.adjust",
        "crm.loyalty.restore",
        "crm.loyalty.reverse",
        "crm.giftcard.issue",
        "crm.giftcard.redeem",
        "crm.giftcard.reload",
        "crm.giftcard.reverse",
    ]
    id: Id


class CustomerCreate(Command):
    """`crm.customer.create`; without `customer_id` one is derived from the identity."""

    customer_id: Id | None = None
    name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    birth_date: BirthDate | None = None
    external_ids: Annotated[dict[Id, Id], Field(max_length=MAX_EXTERNAL_IDS)] | None = None


class CustomerUpdate(Command):
    """`crm.customer.update`: what is absent stays."""

    customer_id: Id
    name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    birth_date: BirthDate | None = None
    external_ids: Annotated[dict[Id, Id], Field(max_length=MAX_EXTERNAL_IDS)] | None = None
    status: Literal["active", "blocked"] | None = None


class CustomerErase(Command):
    """`crm.customer.erase`: nulls what is personal, for good."""

    customer_id: Id
    reason: RequiredText


class CustomerMerge(Command):
    """`crm.customer.merge`: all of one customer goes to the other."""

    from_customer_id: Id
    into_customer_id: Id

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.from_customer_id == self.into_customer_id:
            raise fault("another customer than from_customer_id", "into_customer_id")
        return self


class ConsentSet(Command):
    """`crm.consent.set`: gives or withdraws."""

    customer_id: Id
    purpose: Literal["marketing", "profiling", "service"]
    channel: Text | None = None
    granted: bool
    source: Text | None = None


class PolicyPut(Command):
    """`crm.policy.put`; `effective_from` must increase."""

    policy: Annotated[Policy, PlainSerializer(Policy.wire_form)]
    effective_from: Instant


class LoyaltyEarn(Command):
    """`crm.loyalty.earn`: points, or an amount that the policy rates."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                present("points") | {"not": {"anyOf": [present("amount_minor"), present("currency")]}},
                present("amount_minor", "currency") | {"not": present("points")},
            ],
        },
    )

    customer_id: Id
    points: FromOne | None = None
    amount_minor: FromOne | None = None
    currency: Currency | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.points is None) is (self.amount_minor is None) or (self.amount_minor is None) is not (
            self.currency is None
        ):
            raise fault("either points, or amount_minor and currency")
        return self


class LoyaltyRedeem(Command):
    """`crm.loyalty.redeem`: points spent outside a sale."""

    customer_id: Id
    points: FromOne


def _not_zero(points: int) -> int:
    if points == 0:
        raise fault("a whole number other than 0")
    return points


class LoyaltyAdjust(Command):
    """`crm.loyalty.adjust`: points by hand, in either direction; says who and why."""

    customer_id: Id
    points: Annotated[Points, Field(json_schema_extra={"not": {"const": 0}}), AfterValidator(_not_zero)]
    reason: RequiredText
    actor: RequiredText


class LoyaltyTransfer(Command):
    """`crm.loyalty.transfer`: points go to another customer, and the lots keep their dates."""

    from_customer_id: Id
    to_customer_id: Id
    points: FromOne
    reason: Text | None = None


class LoyaltyClaim(Command):
    """`crm.loyalty.claim`: a sale that has no customer becomes this customer's."""

    sale_id: Id
    customer_id: Id
    reason: Text | None = None


class LoyaltyRestore(Command):
    """`crm.loyalty.restore` of a redemption (command or tender); `points` absent: the rest."""

    of: Of
    points: FromOne | None = None


class LoyaltyReverse(Command):
    """`crm.loyalty.reverse` of an earning (command or sale); `points` absent: the rest."""

    of: Of
    points: FromOne | None = None


class PoolJoin(Command):
    """`crm.pool.join`: the customer shares the points of the pool."""

    customer_id: Id
    pool_id: Id


class PoolLeave(Command):
    """`crm.pool.leave`: the customer has points of their own again, and takes `points` along.

    The last member takes everything, a deficit too.
    """

    customer_id: Id
    pool_id: Id
    points: Annotated[FromZero, NullMeans(0)] = 0
