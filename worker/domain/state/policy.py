"""Policy versions in force by date, and the integer arithmetic of a policy."""

from bisect import bisect_right
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from schemas.policy import DEFAULT_POLICY, Policy
from worker.domain.state.accounts import NEVER, YEAR_DAYS
from worker.domain.state.days import calendar

ALWAYS_US = -(1 << 62)
ONE = Fraction(1)


class Rate(NamedTuple):
    """The points of an amount, as integers: amount × `plain` ÷ `denominator`, or × the category's own in `special`."""

    plain: int
    special: dict[str, int]
    denominator: int


class PointValue(NamedTuple):
    """The value of a point. Points for an amount are rounded up to a step; money for points is rounded down (contract
    PTS1–3).
    """

    numerator: int  # minor units a point, as a fraction
    denominator: int
    step: int

    def points(self, amount_minor: int) -> int:
        """Return P(x) = step × ⌈x ÷ (value × step)⌉ (contract PTS1)."""
        return self.step * -((-amount_minor * self.denominator) // (self.numerator * self.step))

    def money(self, points: int) -> int:
        """Return the minor units that `points` pay, in whole steps."""
        return points // self.step * self.step * self.numerator // self.denominator


class PolicyVersion:
    """One version of a tenant's policy, in force from `effective_us`."""

    def __init__(self, version: int, effective_us: int, policy: Policy) -> None:
        self.version = version
        self.effective_us = effective_us
        self.policy = policy
        self.calendar = calendar(policy.time_zone)
        # of points for tiers: twelve months before any document that may still come, a late one too (contract TIER5)
        self.kept_days = YEAR_DAYS + policy.park_deadline_days
        self.excluded = frozenset(policy.earn.exclude_categories)
        self.factors: dict[str, Fraction] = {}  # by category, the highest
        for multiplier in policy.earn.multipliers:
            best = self.factors.get(multiplier.category, multiplier.factor)
            self.factors[multiplier.category] = max(best, multiplier.factor)
        earn = policy.earn
        earns = {"points": earn.on_points_tender, "gift_card": earn.on_gift_card_tender, "other": earn.on_other_tender}
        self.unearning = frozenset(kind for kind, counts in earns.items() if not counts)
        self.special = self.excluded.union(self.factors)
        self.consents = purposes(policy)
        self._plain: dict[str, Rate | None] = {}
        self._rates: dict[tuple[str, Fraction], Rate | None] = {}

    def rate(self, currency: str, factor: Fraction) -> Rate | None:
        """Return how a currency earns under a common factor (campaign × tier), or None if the policy lacks it."""
        if factor is ONE:  # most sales; looking up a Fraction costs more than all the arithmetic of a sale
            if currency not in self._plain:
                self._plain[currency] = self._rate(currency, factor)
            return self._plain[currency]
        key = (currency, factor)
        if key not in self._rates:
            self._rates[key] = self._rate(currency, factor)
        return self._rates[key]

    def _rate(self, currency: str, factor: Fraction) -> Rate | None:
        earn = self.policy.earn
        unit_minor = earn.unit_minor.get(currency)
        if unit_minor is None:
            return None
        common = lcm(*(value.denominator for value in self.factors.values()))
        per_minor = earn.points_per_unit * factor / unit_minor
        special = {category: per_minor.numerator * int(value * common) for category, value in self.factors.items()}
        return Rate(per_minor.numerator * common, special, per_minor.denominator * common)

    def lot_ticks(self, tick: int) -> tuple[int, int]:
        """Return the first and the last tick in which points earned in `tick` may be spent."""
        earn = self.policy.earn
        if not earn.pending_days and earn.expire_days is None:
            return 0, NEVER
        date = self.calendar.date_of(tick)
        available_tick = self.calendar.begin(date + earn.pending_days) if earn.pending_days else 0
        return available_tick, NEVER if earn.expire_days is None else self.calendar.end(date + earn.expire_days)

    def end_after(self, tick: int, days: int) -> int:
        """Return the last tick of the date that is `days` after the date of `tick`."""
        return self.calendar.end(self.calendar.date_of(tick) + days)

    def grace_end(self, tick: int) -> int | None:
        """Return the last tick of points that come back in `tick` to an expired lot; None: they expire at once."""
        days = self.policy.restore_grace_days
        return self.end_after(tick, days) if days else None

    def point_value(self, currency: str) -> PointValue | None:
        value = self.policy.redeem.point_value_minor.get(currency)
        if not value:
            return None
        return PointValue(value.numerator, value.denominator, self.policy.redeem.step_points)


def purposes(policy: Policy) -> frozenset[str]:
    """Return the purposes for which a campaign of the policy needs the customer's consent."""
    return frozenset(campaign.needs_consent for campaign in policy.earn.campaigns if campaign.needs_consent)


DEFAULT = PolicyVersion(0, ALWAYS_US, DEFAULT_POLICY)


class PolicyBook:
    """All versions of one tenant, by number, and which one is in force when.

    A version supersedes earlier ones that begin at or after it (contract POL7): they are never in force.
    """

    def __init__(self, versions: list[PolicyVersion]) -> None:
        self.versions = [DEFAULT]
        self.latest = DEFAULT  # the version that was put last, in force or not
        self._line = [DEFAULT]  # the versions that are not superseded, by when they begin
        self._starts = [DEFAULT.effective_us]
        for version in versions:
            self.put(version)

    def at(self, at_us: int) -> PolicyVersion:
        """Return the version in force at an instant."""
        return self._line[bisect_right(self._starts, at_us) - 1]

    def numbered(self, version: int) -> PolicyVersion:
        return self.versions[version]

    @property
    def superseded(self) -> set[int]:
        """Return the numbers of versions that a later one replaced before they came into force."""
        return {version.version for version in self.versions} - {version.version for version in self._line}

    def try_out(self, policy: Policy, from_us: int) -> None:
        """Use a draft as if it had been put and were in force from an instant on."""
        self.put(PolicyVersion(self.latest.version + 1, from_us, policy))

    def put(self, version: PolicyVersion) -> None:
        """Add a version. It must begin later than the version in force."""
        while self._starts[-1] >= version.effective_us:
            self._line.pop()
            self._starts.pop()
        self.versions.append(version)
        self.latest = version
        self._line.append(version)
        self._starts.append(version.effective_us)
