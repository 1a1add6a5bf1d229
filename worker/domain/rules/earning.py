"""Earning: how many points the lines of a sale are worth, exactly (contract §2.2 Earning)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import MINYEAR, date, timedelta
from fractions import Fraction
from typing import NamedTuple

from schemas.documents import ReturnCompleted, ReturnLine, SaleCompleted
from schemas.documents import SaleLine as SoldLine
from schemas.policy import Tier
from schemas.reasons import Reason
from schemas.scalars import DAY_US
from worker.domain.rules.consents import consented
from worker.domain.state.accounts import Account, Standing
from worker.domain.state.basis import Exclusion, LineBasis
from worker.domain.state.books import Books
from worker.domain.state.policy import ONE, PolicyVersion

EPOCH = date(1970, 1, 1)

Eligible = tuple[int, int, str | None]
"""(line_id, eligible minor units, category)."""


class Common(NamedTuple):
    """The factor that all lines share, and its parts: places in the policy's lists (`sale.Basis`)."""

    factor: Fraction
    campaign: int | None = None
    missed: int | None = None
    tier: int | None = None
    earned_12m: int = 0


PLAIN = Common(ONE)


def spread(amount: int, nets: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Spread `amount` over (line_id, net) in proportion to net: floors, then the largest remainders, ties to the lowest
    id.
    """
    total = sum(net for _, net in nets)
    if total == 0:
        return {}
    shares = {line_id: amount * net // total for line_id, net in nets}
    rest = amount - sum(shares.values())
    if rest:
        for line_id, _ in sorted(nets, key=lambda line: (-(amount * line[1] % total), line[0]))[:rest]:
            shares[line_id] += 1
    return shares


def eligible_lines(
    lines: Iterable[SoldLine | ReturnLine], shares: Mapping[int, int], version: PolicyVersion
) -> tuple[list[Eligible], dict[int, LineBasis]]:
    """Return the eligible amount of each line: goods that are not excluded, less their share of the tenders that don't
    earn. For lines that are not plain, also return why.
    """
    eligible: list[Eligible] = []
    bases: dict[int, LineBasis] = {}
    special = version.special
    for line in lines:
        line_id, category = line.line_id, line.category
        if not shares and line.item_type == "goods" and not line.loyalty_excluded and category not in special:
            eligible.append((line_id, line.net_minor, category))  # most lines
            continue
        share = shares.get(line_id, 0)
        if line.item_type != "goods" or line.loyalty_excluded or category in version.excluded:
            bases[line_id] = _excluded(line, share)
            continue
        eligible.append((line_id, max(line.net_minor - share, 0), category))
        factored = category in version.factors
        if share or factored:
            bases[line_id] = LineBasis(Exclusion.NONE, share, category if factored else None)
    return eligible, bases


def _excluded(line: SoldLine | ReturnLine, share: int) -> LineBasis:
    if line.item_type != "goods":
        return LineBasis(Exclusion.FEE if line.item_type == "fee" else Exclusion.GIFT_CARD, share, None)
    if line.loyalty_excluded:
        return LineBasis(Exclusion.LINE, share, None)
    return LineBasis(Exclusion.CATEGORY, share, line.category)


def tender_shares(document: SaleCompleted, version: PolicyVersion) -> dict[int, int]:
    """Return each line's share of the tenders that don't earn (contract EARN4, EARN5).

    Such a tender pays for goods and fees first. Only the rest pays for the gift cards that the sale sells. Gift cards
    earn nothing, so a share on them would let goods that points paid for earn points again.
    """
    shares: dict[int, int] = {}
    for tender in document.tenders:
        if tender.kind not in version.unearning:
            continue
        cards = [(line.line_id, line.net_minor) for line in document.lines if line.item_type == "gift_card"]
        others = [(line.line_id, line.net_minor) for line in document.lines if line.item_type != "gift_card"]
        for_others = min(tender.amount_minor, sum(net for _, net in others))
        for amount, nets in ((for_others, others), (tender.amount_minor - for_others, cards)):
            for line_id, share in spread(amount, nets).items():
                shares[line_id] = shares.get(line_id, 0) + share
    return shares


def points_of(
    version: PolicyVersion, currency: str, factor: Fraction, lines: Iterable[Eligible]
) -> dict[int, int] | None:
    """Return the points of each line: one floor for the sale, split by largest remainder. None if the policy lacks the
    currency.
    """
    rate = version.rate(currency, factor)
    if rate is None:
        return None
    plain, special, denominator = rate
    points: dict[int, int] = {}
    remainders: list[tuple[int, int]] = []
    rest = 0
    for line_id, eligible, category in lines:
        numerator = plain if category is None else special.get(category, plain)
        whole, remainder = divmod(eligible * numerator, denominator)
        points[line_id] = whole
        if remainder:
            remainders.append((-remainder, line_id))
            rest += remainder
    rest //= denominator
    if rest:
        remainders.sort()
        for _, line_id in remainders[:rest]:
            points[line_id] += 1
    return points


def common_factor(books: Books, version: PolicyVersion, customer_id: str, at_us: int) -> Common:
    """Return the campaign factor (the highest that runs and has its consent) × the tier factor."""
    earn = version.policy.earn
    if not earn.campaigns and not earn.tiers:
        return PLAIN
    campaign, missed = _campaigns(books, version, customer_id, at_us)
    tier, earned = _tier(books, version, customer_id, at_us // DAY_US)
    if campaign is None and missed is None and tier is None:
        return PLAIN
    factor = ONE if campaign is None else earn.campaigns[campaign].factor
    if tier is not None:
        factor *= earn.tiers[tier].factor
    return Common(factor, campaign, missed, tier, earned)


def _tier(books: Books, version: PolicyVersion, customer_id: str, date: int) -> tuple[int | None, int]:
    """Return the place of the tier that counts, and the points of twelve months that reached it.

    A tier belongs to the customer, even if a pool has the points (contract TIER6).
    """
    tiers = version.policy.earn.tiers
    holder = books.holder(customer_id)
    if not tiers or holder is None:
        return None, 0
    earned = earned_12m(books.person(holder), date)
    best = tier_of(tiers, earned)
    return (None, 0) if best is None or tiers[best].factor == 1 else (best, earned)


def tier_of(tiers: Sequence[Tier], earned: int) -> int | None:
    """Return the place of the tier with the highest threshold that `earned` points meet, whatever its
    factor, or None.
    """
    reached = [place for place, tier in enumerate(tiers) if tier.from_points_12m <= earned]
    return max(reached, key=lambda place: tiers[place].from_points_12m, default=None)


def _campaigns(books: Books, version: PolicyVersion, customer_id: str, at_us: int) -> tuple[int | None, int | None]:
    """Return the campaign that counts, and the best one above it that lacks only the customer's consent."""
    runs: int | None = None
    missed: int | None = None
    campaigns = version.policy.earn.campaigns
    for place, campaign in enumerate(campaigns):
        if not campaign.from_us <= at_us < campaign.to_us:
            continue
        if not campaign.needs_consent or consented(books, customer_id, campaign.needs_consent, at_us):
            if runs is None or campaign.factor > campaigns[runs].factor:
                runs = place
        elif missed is None or campaign.factor > campaigns[missed].factor:
            missed = place
    counts = ONE if runs is None else campaigns[runs].factor
    if missed is not None and campaigns[missed].factor <= counts:
        missed = None
    return None if counts == 1 else runs, missed


def earned_12m(person: Account, date: int) -> int:
    """Return the points that a customer earned in the twelve months that end with this date."""
    since = _a_year_before(date)
    return sum(points for earned_on, points in person.earned if since < earned_on <= date)


def _a_year_before(date: int) -> int:
    """Return the same date in the year before; 28 February stands for the 29th."""
    today = EPOCH + timedelta(days=date)
    # Year 1 is the zero time of .NET and Go. No document is older, so any earlier day will do.
    if today.year == MINYEAR:
        return date - 366
    leap_day = today.month == 2 and today.day == 29  # noqa: PLR2004
    return (today.replace(year=today.year - 1, day=28 if leap_day else today.day) - EPOCH).days


def note_earned(books: Books, customer_id: str, date: int, points: int) -> None:
    """Count points for the customer's tier on the date on which they were earned; negative: they were taken back."""
    holder = books.holder(customer_id)
    if holder is not None and points:
        person = books.person(holder)
        person.note_earned(date, points, books.policies.latest.kept_days)
        books.changed[person] = None


def carry_earned(books: Books, source: Account, person: Account) -> None:
    """Count a merged customer's points for the tier of the person whom they were merged into."""
    for earned_on, points in source.earned:
        person.note_earned(earned_on, points, books.policies.latest.kept_days)
    source.earned = []
    books.changed[person] = None


def earner(books: Books, customer_id: str | None, at_us: int) -> tuple[Account | None, Reason | None]:
    """Return the customer's own account, and why it earns nothing. A missing record is no reason here: those points
    wait.
    """
    if customer_id is None:
        return None, None
    holder = books.holder(customer_id)
    if holder is None or (not holder.owner_log and holder.target is None):
        return holder, None
    standing = books.standing_at(holder, at_us)
    if standing is Standing.CLOSED:
        return holder, Reason.CUSTOMER_ERASED
    return holder, Reason.CUSTOMER_BLOCKED if standing is Standing.FROZEN else None


def unlinked_points(
    document: ReturnCompleted, version: PolicyVersion
) -> tuple[dict[int, int] | None, dict[int, LineBasis]]:
    """Rate a return without a receipt like a sale of its lines by the policy of its date (contract NORC1), but without
    campaign and tier (contract NORC2).
    """
    eligible, bases = eligible_lines(document.lines, {}, version)
    return points_of(version, document.currency, ONE, eligible), bases
