"""Explain the points of sales and returns, line by line."""

from collections.abc import Mapping
from fractions import Fraction

from schemas.policy import Campaign
from worker.domain.rules.reckoning import LineReckoning, Reckoning, reckon
from worker.domain.state.basis import Exclusion
from worker.domain.state.policy import PolicyVersion
from worker.domain.state.sale import Sale, SaleLine
from worker.domain.state.trace import ReturnedLine as StoredLine
from worker.domain.state.trace import Trace
from worker.ops.explanation import CampaignShown, Earning, EarningLine, ReturnedLine, TierShown

_EXCLUDED = {
    Exclusion.NONE: None,
    Exclusion.GIFT_CARD: "gift_card",
    Exclusion.FEE: "fee",
    Exclusion.LINE: "loyalty_excluded",
    Exclusion.CATEGORY: "category",
}


def exact_text(value: Fraction) -> str:
    """Return a decimal if there is one, else `n/d`."""
    for digits in range(value.denominator.bit_length()):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            whole, rest = divmod(abs(scaled.numerator), 10**digits)
            return ("-" if value < 0 else "") + (f"{whole}.{rest:0{digits}}" if digits else str(whole))
    return f"{value.numerator}/{value.denominator}"


def of_sale(sale: Sale, version: PolicyVersion) -> Earning | None:
    """Return how a decided sale earned, or None if it could not: no customer, or no rate for its currency."""
    if sale.account is None:
        return None
    return _earning(version, sale.currency, sale.lines, sale)


def of_return(trace: Trace, version: PolicyVersion, points: Mapping[int, int]) -> Earning | None:
    """Return how a return without a receipt was rated; `points` has the booked points by line."""
    lines = {
        line.line_id: SaleLine(line.asked_minor, -points.get(line.line_id, 0), line.asked_minor) for line in trace.lines
    }
    return _earning(version, trace.currency, lines, trace) if lines else None


def _earning(
    version: PolicyVersion, currency: str, lines: Mapping[int, SaleLine], rated: Sale | Trace
) -> Earning | None:
    basis = rated.basis if isinstance(rated, Sale) else rated.rated
    reckoning = reckon(version, currency, {line_id: line.net_minor for line_id, line in lines.items()}, basis)
    if reckoning is None:
        return None
    points = sum(line.points for line in lines.values())
    return Earning(
        currency=currency,
        points_per_unit=exact_text(reckoning.points_per_unit),
        unit_minor=reckoning.unit_minor,
        campaign=_campaign(reckoning.campaign),
        missed_campaign=_campaign(reckoning.missed),
        tier=_tier(reckoning),
        exact=exact_text(reckoning.exact),
        points=points,
        adds_up=all(part.floor + part.left_over == lines[part.line_id].points for part in reckoning.lines),
        lines=[_line(part, lines[part.line_id]) for part in reckoning.lines],
    )


def _campaign(campaign: Campaign | None) -> CampaignShown | None:
    if campaign is None:
        return None
    factor = exact_text(campaign.factor)
    return CampaignShown(id=campaign.id, factor=factor, needs_consent=campaign.needs_consent)


def _tier(reckoning: Reckoning) -> TierShown | None:
    tier = reckoning.tier
    if tier is None:
        return None
    return TierShown(
        name=tier.name,
        factor=exact_text(tier.factor),
        from_points_12m=tier.from_points_12m,
        earned_12m=reckoning.earned_12m,
    )


def _line(part: LineReckoning, line: SaleLine) -> EarningLine:
    return EarningLine(
        line_id=part.line_id,
        net_minor=part.net_minor,
        tender_share_minor=part.basis.share_minor,
        excluded=_EXCLUDED[part.basis.exclusion],
        eligible_minor=part.eligible_minor,
        category=part.basis.category,
        category_factor=exact_text(part.category_factor),
        exact=exact_text(part.exact),
        floor=part.floor,
        left_over=part.left_over,
        points=line.points,
        returned_minor=line.returned_minor,
        kept_points=line.kept(line.points),
    )


def returned(trace: Trace, sale: Sale) -> list[ReturnedLine]:
    """Return what each line of a return left of the line that was sold."""
    return [_returned(line, sale.lines.get(line.sale_line_id)) for line in trace.lines]


def _returned(line: StoredLine, sold: SaleLine | None) -> ReturnedLine:
    if sold is None:
        return ReturnedLine(
            line_id=line.line_id, sale_line_id=line.sale_line_id, asked_minor=line.asked_minor, returned_minor=0
        )
    before = SaleLine(sold.net_minor, sold.points, line.before_minor)
    counted = before.returning(line.asked_minor).counted_minor
    after = before.asked(line.asked_minor)
    return ReturnedLine(
        line_id=line.line_id,
        sale_line_id=line.sale_line_id,
        asked_minor=line.asked_minor,
        returned_minor=counted,
        sold_minor=sold.net_minor,
        earned=sold.points,
        before_minor=line.before_minor,
        kept_before=before.kept(sold.points),
        kept_after=after.kept(sold.points),
    )


def voided(sale: Sale) -> list[ReturnedLine]:
    """Return what a void took from each line: all that returns had left."""
    return [
        _returned(StoredLine(line_id, line_id, line.returned_minor, line.left_minor), line)
        for line_id, line in sale.lines.items()
    ]
