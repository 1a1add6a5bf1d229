"""Recompute the points of a sale line by line from its stored basis, with the arithmetic of
`earning.points_of`, in full.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from schemas.policy import Campaign, Tier
from worker.domain.rules.earning import Eligible, points_of
from worker.domain.state.basis import Basis, Exclusion, LineBasis
from worker.domain.state.policy import ONE, PolicyVersion

_PLAIN = LineBasis(Exclusion.NONE, 0, None)


class LineReckoning(NamedTuple):
    """`exact` = eligible × rate × all factors; `floor` is its floor; `left_over` is 1 if one of the remaining points
    fell to the line.
    """

    line_id: int
    net_minor: int
    basis: LineBasis
    eligible_minor: int
    category_factor: Fraction
    exact: Fraction
    floor: int
    left_over: int


@dataclass(slots=True)
class Reckoning:
    """The points of all lines. `missed` is a higher campaign that ran, but without the customer's consent."""

    points_per_unit: Fraction
    unit_minor: int
    campaign: Campaign | None
    missed: Campaign | None
    tier: Tier | None
    earned_12m: int
    lines: list[LineReckoning]

    @property
    def exact(self) -> Fraction:
        return sum((line.exact for line in self.lines), Fraction(0))

    @property
    def points(self) -> int:
        return sum(line.floor + line.left_over for line in self.lines)


def reckon(version: PolicyVersion, currency: str, nets: Mapping[int, int], basis: Basis | None) -> Reckoning | None:
    """Recompute the points of lines (net minor units by id). Return None if the policy lacks the currency."""
    earn = version.policy.earn
    unit_minor = earn.unit_minor.get(currency)
    if unit_minor is None:
        return None
    basis = basis or Basis()
    campaign = None if basis.campaign is None else earn.campaigns[basis.campaign]
    tier = None if basis.tier is None else earn.tiers[basis.tier]
    common = (ONE if campaign is None else campaign.factor) * (ONE if tier is None else tier.factor)
    factors = version.factors
    counted = eligible(nets, basis)
    points = points_of(version, currency, common, counted) or {}
    amounts = {line_id: amount for line_id, amount, _ in counted}
    lines = []
    for line_id, net in nets.items():
        part = basis.lines.get(line_id, _PLAIN)
        factor = ONE if part.exclusion or part.category is None else factors.get(part.category, ONE)
        amount = amounts.get(line_id, 0)
        exact = amount * earn.points_per_unit / unit_minor * factor * common
        floor = int(exact)
        left_over = points.get(line_id, 0) - floor
        lines.append(LineReckoning(line_id, net, part, amount, factor, exact, floor, left_over))
    missed = None if basis.missed is None else earn.campaigns[basis.missed]
    return Reckoning(earn.points_per_unit, unit_minor, campaign, missed, tier, basis.earned_12m, lines)


def eligible(nets: Mapping[int, int], basis: Basis) -> list[Eligible]:
    """Return the eligible amounts of a sale's lines, as of when the sale was decided."""
    parts = [(line_id, net, basis.lines.get(line_id, _PLAIN)) for line_id, net in nets.items()]
    return [
        (line_id, max(net - part.share_minor, 0), part.category) for line_id, net, part in parts if not part.exclusion
    ]
