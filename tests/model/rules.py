"""The contract's formulas as written down: policy, rating, spreading, points of a tender, precedence of reasons."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.schemas.contract_page import DEFAULT_POLICY, PRECEDENCE

Data = dict[str, Any]


def first(reasons: list[str | None]) -> str | None:
    """Return the reason that the contract names first (§3)."""
    given = [reason for reason in reasons if reason]
    return min(given, key=PRECEDENCE.index) if given else None


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def day_of(text: str) -> date:
    return instant(text).date()


def whole_policy(given: Data) -> Data:
    """The policy with the defaults of §4 where it is silent."""
    policy = copy.deepcopy(DEFAULT_POLICY)
    for key, value in given.items():
        if isinstance(value, dict):
            policy[key] = {**policy[key], **value}
        elif value is not None:
            policy[key] = value
    return policy


def spread(total: int, weights: dict[int, int]) -> dict[int, int]:
    """`total` over `weights` by largest remainder, ties to the lowest key (§2.2 Earning)."""
    whole = sum(weights.values())
    if whole == 0:
        return dict.fromkeys(weights, 0)
    return _largest_remainder({key: Fraction(total * weight, whole) for key, weight in weights.items()}, total)


def _largest_remainder(exact: dict[int, Fraction], total: int) -> dict[int, int]:
    shares = {key: value.numerator // value.denominator for key, value in exact.items()}
    by_fraction = sorted(exact, key=lambda key: (-(exact[key] - shares[key]), key))
    for key in by_fraction[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


def _unpaid(amount: int, lines: list[Data]) -> dict[int, int]:
    """A tender that does not earn pays for goods and fees up to their sum, then for gift cards (EARN4, EARN5)."""
    first_lines = {n["line_id"]: n["net_minor"] for n in lines if n.get("item_type") != "gift_card"}
    card_lines = {n["line_id"]: n["net_minor"] for n in lines if n.get("item_type") == "gift_card"}
    paid_first = min(amount, sum(first_lines.values()))
    return {**spread(paid_first, first_lines), **spread(amount - paid_first, card_lines)}


def rate(
    lines: list[Data], tenders: list[Data], currency: str, policy: Data, factor: Fraction
) -> dict[int, int] | None:
    """Points each line earns (§2.2 Earning); None when the policy does not know the currency.

    `factor`: campaign times tier.
    """
    earn = policy["earn"]
    if currency not in earn["unit_minor"]:
        return None
    nets = {line["line_id"]: line["net_minor"] for line in lines}
    unpaid = dict.fromkeys(nets, 0)
    for tender in tenders:
        if not earn.get(f"on_{tender['kind']}_tender", True):
            for key, share in _unpaid(tender["amount_minor"], lines).items():
                unpaid[key] += share
    exact = {}
    for line in lines:
        category = line.get("category")
        counts = line.get("item_type", "goods") == "goods" and not line.get("loyalty_excluded")
        counts = counts and category not in earn["exclude_categories"]
        eligible = max(0, line["net_minor"] - unpaid[line["line_id"]]) if counts else 0
        factors = [Fraction(m["factor"]) for m in earn["multipliers"] if m["category"] == category]
        per_minor = Fraction(earn["points_per_unit"]) / earn["unit_minor"][currency]
        exact[line["line_id"]] = eligible * per_minor * max(factors, default=Fraction(1)) * factor
    total = sum(exact.values(), Fraction(0))
    return _largest_remainder(exact, total.numerator // total.denominator)


def kept(points: int, net: int, returned: int) -> int:
    """Return what a line keeps of `points` after `returned` of `net` came back (§2.2 Returns)."""
    return points * (net - min(net, returned)) // net if net else points * (returned == 0)


def points_of(amount: int, value: Fraction, step: int) -> int:
    """P(x): the points that a tender of `amount` costs (§2.2 Returns)."""
    steps = Fraction(amount) / (value * step)
    return step * -(-steps.numerator // steps.denominator)


def money_of(points: int, value: Fraction, step: int) -> int:
    """The most money that `points` can pay: whole steps only."""
    money = (points // step) * step * value
    return money.numerator // money.denominator


def twelve_months_before(moment: datetime) -> datetime:
    return moment - timedelta(days=365)
