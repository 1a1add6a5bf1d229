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
    """The members of every command."""

    command_id: Id
    occurred_at: Instant
    actor: Text | None = None


class Of(Wire):
    """The earlier document that a restore or a reverse undoes; `type` is its full type.

    A transfer can't be named: to undo it, transfer back.
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
    """`crm.customer.create`: creates a customer. Without `customer_id`, the id is derived from the identity."""

    customer_id: Id | None = None
    name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    birth_date: BirthDate | None = None
    external_ids: Annotated[dict[Id, Id], Field(max_length=MAX_EXTERNAL_IDS)] | None = None


class CustomerUpdate(Command):
    """`crm.customer.update`: changes the given members. Absent members stay as they are."""

    customer_id: Id
    name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    birth_date: BirthDate | None = None
    external_ids: Annotated[dict[Id, Id], Field(max_length=MAX_EXTERNAL_IDS)] | None = None
    status: Literal["active", "blocked"] | None = None


class CustomerErase(Command):
    """`crm.customer.erase`: removes the customer's personal data for good."""

    customer_id: Id
    reason: RequiredText


class CustomerMerge(Command):
    """`crm.customer.merge`: moves everything of one customer to the other."""

    from_customer_id: Id
    into_customer_id: Id

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.from_customer_id == self.into_customer_id:
            raise fault("another customer than from_customer_id", "into_customer_id")
        return self


class ConsentSet(Command):
    """`crm.consent.set`: records that a customer gave or withdrew a consent."""

    customer_id: Id
    purpose: Literal["marketing", "profiling", "service"]
    channel: Text | None = None
    granted: bool
    source: Text | None = None


class PolicyPut(Command):
    """`crm.policy.put`: puts a version of the policy. `effective_from` must increase."""

    policy: Annotated[Policy, PlainSerializer(Policy.wire_form)]
    effective_from: Instant


class LoyaltyEarn(Command):
    """`crm.loyalty.earn`: credits points, or the points that the policy gives for an amount."""

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
    """`crm.loyalty.redeem`: spends points outside a sale."""

    customer_id: Id
    points: FromOne


def _not_zero(points: int) -> int:
    if points == 0:
        raise fault("a whole number other than 0")
    return points


class LoyaltyAdjust(Command):
    """`crm.loyalty.adjust`: corrects a balance by hand, up or down. `actor` and `reason` say who did it and why."""

    customer_id: Id
    points: Annotated[Points, Field(json_schema_extra={"not": {"const": 0}}), AfterValidator(_not_zero)]
    reason: RequiredText
    actor: RequiredText


class LoyaltyTransfer(Command):
    """`crm.loyalty.transfer`: moves points to another customer. The lots keep their dates."""

    from_customer_id: Id
    to_customer_id: Id
    points: FromOne
    reason: Text | None = None


class LoyaltyClaim(Command):
    """`crm.loyalty.claim`: gives a sale without a customer to this customer."""

    sale_id: Id
    customer_id: Id
    reason: Text | None = None


class LoyaltyRestore(Command):
    """`crm.loyalty.restore`: gives back points of a redemption or a tender. Without `points`, all that are left."""

    of: Of
    points: FromOne | None = None


class LoyaltyReverse(Command):
    """`crm.loyalty.reverse`: takes back points of an earning or a sale. Without `points`, all that are left."""

    of: Of
    points: FromOne | None = None


class PoolJoin(Command):
    """`crm.pool.join`: adds the customer to the pool. All of their points go into it."""

    customer_id: Id
    pool_id: Id


class PoolLeave(Command):
    """`crm.pool.leave`: takes the customer out of the pool, with `points` of it.

    The last member takes everything, including a deficit.
    """

    customer_id: Id
    pool_id: Id
    points: Annotated[FromZero, NullMeans(0)] = 0
