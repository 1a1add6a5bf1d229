"""The loyalty policy (contract §4), read strictly, with exact fractions. Absent members have the default values."""

import json
import re
from fractions import Fraction
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from schemas.scalars import (
    DECIMAL_PATTERN,
    MAX_HOLD_S,
    PATTERNS,
    STORED,
    Currency,
    FromOne,
    FromZero,
    Instant,
    Text,
    Wire,
    canonical_decimal,
    format_instant,
    is_stored,
)
from schemas.validators import fault, nullable_defaults, unique
from schemas.zones import UTC_NAME, zone

_DIGITS: Final = 12  # that DECIMAL_PATTERN allows after the point
# Bounds that no honest programme meets. With them, the points for the largest amount, 10¹⁵, fit into 64 bits.
MOST_A_FACTOR: Final = 1000  # of a multiplier, a campaign or a tier
MOST_A_MINOR_UNIT: Final = 1000  # points, all factors together: a thousand for every penny
LEAST_VALUE: Final = Fraction(1, 1000)  # of a point, in minor units: a thousand points a penny
MOST_VALUE: Final = 1_000_000
# A tenant's policies are read again whenever its rules are needed, so both what one holds and their number have bounds
# (contract §4).
MOST_BYTES: Final = 65_536  # of the wire form
MOST_RULES: Final = 1000  # multipliers, campaigns and tiers together
MOST_VERSIONS: Final = 1000  # a tenant
_is_decimal = re.compile(DECIMAL_PATTERN[1:-1]).fullmatch


def _fraction(value: object) -> Fraction:
    if type(value) is str and _is_decimal(value):
        return Fraction(value)
    raise fault(PATTERNS[DECIMAL_PATTERN])


def _decimal(value: Fraction) -> str:
    whole, rest = divmod(int(value * 10**_DIGITS), 10**_DIGITS)
    return canonical_decimal(f"{whole}.{rest:0{_DIGITS}}")


def _positive(value: Fraction) -> Fraction:
    if value <= 0:
        raise fault("above 0")
    return value


def _at_most(limit: int) -> AfterValidator:
    def check(value: Fraction) -> Fraction:
        if value > limit:
            raise fault(f"at most {limit}")
        return value

    return AfterValidator(check)


def _not_too_small(value: Fraction) -> Fraction:
    if value < LEAST_VALUE:
        raise fault("at least 0.001")
    return value


def _sorted(members: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(members.items()))


Factor = Annotated[
    Fraction,
    PlainValidator(_fraction),
    PlainSerializer(_decimal),
    WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN}),
]
PositiveFactor = Annotated[Factor, AfterValidator(_positive), _at_most(MOST_A_FACTOR)]
PointValueMinor = Annotated[Factor, AfterValidator(_positive), AfterValidator(_not_too_small), _at_most(MOST_VALUE)]
Days = Annotated[int, Field(ge=0, le=36_500)]
ExpireDays = Annotated[int, Field(ge=1, le=36_500)]
Moment = Annotated[Instant, PlainSerializer(format_instant)]
Purpose = Literal["marketing", "profiling", "service"]


class _Part(Wire):
    model_config = ConfigDict(json_schema_extra=nullable_defaults, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_members(cls, members: object, info: ValidationInfo) -> object:
        """Drop members that are null; in stored form also those that another release knew."""
        if not isinstance(members, dict):
            return members
        known = {field.alias or name for name, field in cls.model_fields.items()}
        stored = is_stored(info)
        return {name: value for name, value in members.items() if (value is not None if name in known else not stored)}


class Multiplier(_Part):
    """A category that earns `factor` times as much. If a category has several, the highest counts."""

    category: Text
    factor: PositiveFactor


class Campaign(_Part):
    """Every sale in [`from`, `to`) earns `factor` times as much; with `needs_consent`, only those of customers who gave
    it.
    """

    id: Text
    from_us: Moment = Field(alias="from")
    to_us: Moment = Field(alias="to")
    factor: PositiveFactor
    needs_consent: Purpose | None = None

    @field_validator("to_us")
    @classmethod
    def _after_from(cls, to_us: int, info: ValidationInfo) -> int:
        if to_us <= info.data.get("from_us", to_us - 1):
            raise fault("later than from")
        return to_us


class Tier(_Part):
    """A customer who earned `from_points_12m` or more in 12 months earns `factor` times as much. The highest tier
    counts.
    """

    name: Text
    from_points_12m: FromZero
    factor: PositiveFactor


def _known_zone(name: str) -> str:
    if name != UTC_NAME and zone(name) is None:
        raise fault("the IANA name of a time zone, like Europe/London")
    return name


TimeZone = Annotated[Text, AfterValidator(_known_zone), Field(description="an IANA name, like Europe/London")]


def _no_overlap(campaigns: tuple[Campaign, ...]) -> tuple[Campaign, ...]:
    for one, next_one in pairwise(sorted(campaigns, key=attrgetter("id", "from_us"))):
        if one.id == next_one.id and next_one.from_us < one.to_us:
            raise fault("no two campaigns with one id at the same time")
    return campaigns


class Earn(_Part):
    """How a sale earns: the points for a unit of money, and the factors that multiply them."""

    points_per_unit: Factor = Fraction(1)
    unit_minor: Annotated[dict[Currency, FromOne], PlainSerializer(_sorted)] = Field(
        default_factory=lambda: {"EUR": 100, "GBP": 100, "USD": 100}
    )
    exclude_categories: Annotated[tuple[Text, ...], Field(strict=False, max_length=10_000)] = ()
    multipliers: Annotated[tuple[Multiplier, ...], Field(strict=False, max_length=10_000)] = ()
    campaigns: Annotated[tuple[Campaign, ...], Field(strict=False, max_length=1000), AfterValidator(_no_overlap)] = ()
    tiers: Annotated[
        tuple[Tier, ...],
        Field(strict=False, max_length=100),
        AfterValidator(unique("name")),
        AfterValidator(unique("from_points_12m")),
    ] = ()
    on_points_tender: bool = False
    on_gift_card_tender: bool = True
    on_other_tender: bool = True
    pending_days: Days = 0
    expire_days: ExpireDays | None = None

    @model_validator(mode="after")
    def _available_before_it_expires(self, info: ValidationInfo) -> Self:
        """A policy that was stored before this was checked still loads."""
        if not is_stored(info) and self.expire_days is not None and self.pending_days >= self.expire_days:
            raise fault("pending_days below expire_days")
        return self

    @model_validator(mode="after")
    def _not_too_many_points(self) -> Self:
        rate = self.points_per_unit / min(self.unit_minor.values(), default=1)
        for parts in (self.multipliers, self.campaigns, self.tiers):
            rate *= max([Fraction(1), *(part.factor for part in parts)])
        if rate > MOST_A_MINOR_UNIT:
            raise fault("at most 1000 points for a minor unit, all factors together")
        return self


_HALF: Final = Fraction(1, 2)


def _decimals(members: dict[str, Fraction]) -> dict[str, str]:
    return {currency: _decimal(value) for currency, value in sorted(members.items())}


class Redeem(_Part):
    """The value of a point, in minor units, and how many points may be spent."""

    point_value_minor: Annotated[dict[Currency, PointValueMinor], PlainSerializer(_decimals)] = Field(
        default_factory=lambda: {"EUR": _HALF, "GBP": _HALF, "USD": _HALF}
    )
    min_points: FromZero = 0
    step_points: FromOne = 1
    max_share_of_sale: Annotated[Factor, _at_most(1)] = Fraction(1)


class GiftCardRules(_Part):
    """Limits of gift cards, in minor units of any currency."""

    min_load_minor: FromZero = 1
    max_load_minor: FromZero = Field(default=50_000, validate_default=True)
    max_balance_minor: FromZero = 100_000  # may be below max_load_minor: the lower limit binds
    expire_days: ExpireDays | None = None
    hold_s: Annotated[int, Field(ge=1, le=MAX_HOLD_S)] = 900
    reload: bool = True
    bought_with_gift_card: bool = False

    @field_validator("max_load_minor")
    @classmethod
    def _not_below_min_load(cls, limit: int, info: ValidationInfo) -> int:
        if limit < info.data.get("min_load_minor", limit):
            raise fault("at least min_load_minor")
        return limit


class Policy(_Part):
    """One version of a tenant's rules."""

    earn: Earn = Earn()
    redeem: Redeem = Redeem()
    negative_balance: Literal["unlimited", "within_balance"] = "unlimited"
    restore_grace_days: Days = 0
    unlinked_return: Literal["reverse_at_current_rate"] = "reverse_at_current_rate"
    park_deadline_days: Days = 30
    cash_rounding_minor: Annotated[dict[Currency, FromOne], PlainSerializer(_sorted)] = Field(default_factory=dict)
    time_zone: TimeZone = UTC_NAME
    gift_card: GiftCardRules = GiftCardRules()

    @model_validator(mode="after")
    def _not_too_large(self, info: ValidationInfo) -> Self:
        """A policy that was stored before there were limits still loads."""
        if is_stored(info):
            return self
        earn = self.earn
        if len(earn.multipliers) + len(earn.campaigns) + len(earn.tiers) > MOST_RULES:
            raise fault("at most 1000 multipliers, campaigns and tiers together")
        if len(self.to_json()) > MOST_BYTES:
            raise fault("at most 65536 bytes of JSON")
        return self

    def wire_form(self) -> dict[str, Any]:
        """Return the form of contract §4: every member, decimals at their shortest, times in UTC, currencies sorted."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> bytes:
        """Return the wire form in UTF-8. Equal policies have equal bytes."""
        return json.dumps(self.wire_form(), separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Return the policy that `to_json` wrote, in this release or another. Members that this release lacks are
        dropped.
        """
        return cls.model_validate_json(raw, context=STORED)


DEFAULT_POLICY: Final = Policy()
