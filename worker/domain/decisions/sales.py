"""A sale, and its void (contract §2.2 Sales, Voided sales). A sale is never refused for what money has already done."""

from schemas.documents import SaleCompleted, SaleVoided
from schemas.documents import SaleLine as SoldLine
from schemas.reasons import Reason, first
from schemas.scalars import DAY_US
from worker.domain.rules import payments
from worker.domain.rules.card_loads import card_refused, take_back_load
from worker.domain.rules.earning import (
    PLAIN,
    Eligible,
    common_factor,
    earner,
    eligible_lines,
    note_earned,
    points_of,
    tender_shares,
)
from worker.domain.rules.parts import card_parts, points_shown
from worker.domain.state.accounts import (
    EARNED,
    NEVER,
    POINTS_ACCOUNT,
    TICK_US,
    UNCLAIMED,
    Account,
    CardDetails,
    Contra,
)
from worker.domain.state.basis import Basis, LineBasis
from worker.domain.state.books import Books
from worker.domain.state.days import utc_date
from worker.domain.state.identity import derived_id
from worker.domain.state.movements import Timer, tick_of
from worker.domain.state.outcome import Outcome, PointsPart, in_a_row
from worker.domain.state.policy import PolicyVersion
from worker.domain.state.sale import Sale
from worker.domain.state.tender import STORED_VALUE
from worker.domain.state.trace import Trace


def complete(document: SaleCompleted, books: Books) -> Outcome:
    """Earn, capture the stored-value tenders that the sale names, load the cards that it sells."""
    sale = books.sale(document.sale_id)
    tick = tick_of(document.occurred_at)
    if sale.voided:  # its void gives back all tenders that it names, also those that only the late sale names
        named = [tender for tender in document.tenders if tender.kind in STORED_VALUE]
        parts = [payments.void_named(books, tender, sale, document) for tender in named]
        return Outcome(
            "rejected",
            Reason.ALREADY_VOIDED,
            customer_id=document.customer_id,
            sale_id=document.sale_id,
            points=points_shown(books, None, tick),
            gift_cards=card_parts(books, {}),
            tenders=payments.for_payers(books, parts, tick),
        )
    version = books.policies.at(document.occurred_at)
    sale.decided = sale.dirty = True
    sale.currency = document.currency
    sale.customer_id = document.customer_id or ""
    sale.policy_version = version.version
    sale.nets = {line.line_id: line.net_minor for line in document.lines}
    account, unearned = _earn(document, sale, books, version)
    cards = _loads(document, sale, books, version, tick)
    tenders = payments.settle(document, sale, books, tick)
    mismatch = None if _adds_up(document, sale, version) else Reason.TENDERS_MISMATCH
    books.wake(sale)
    outcome = Outcome("applied", mismatch)
    outcome.mismatch = mismatch
    outcome.customer_id, outcome.sale_id = document.customer_id, document.sale_id
    outcome.points = points_shown(books, account, tick, unearned)
    outcome.tenders = tenders
    if cards or tenders:
        outcome.gift_cards = card_parts(books, cards)
    outcome.lines = in_a_row(sale.points)
    outcome.policy_version = version.version
    return outcome


def _adds_up(document: SaleCompleted, sale: Sale, version: PolicyVersion) -> bool:
    """Return whether the tenders pay for the lines. A sale with cash may be rounded by less than a coin (contract
    SALE5).
    """
    if not document.tenders:
        return True
    off = abs(sum([tender.amount_minor for tender in document.tenders]) - sum(sale.nets.values()))
    if off == 0:
        return True
    cash = any(tender.kind == "cash" for tender in document.tenders)
    return cash and off < version.policy.cash_rounding_minor.get(document.currency, 0)


def _earn(
    document: SaleCompleted, sale: Sale, books: Books, version: PolicyVersion
) -> tuple[Account | None, Reason | None]:
    """Credit the points that the lines earn. If the sale has no customer, keep its basis, so that a customer can claim
    it.
    """
    eligible, bases = eligible_lines(document.lines, tender_shares(document, version), version)
    if document.customer_id is not None:
        return earn(sale, books, document.occurred_at, eligible, bases)
    sale.at_us = document.occurred_at
    sale.basis = Basis(lines=bases) if bases else None
    return None, None


def earn(
    sale: Sale, books: Books, at_us: int, eligible: list[Eligible], bases: dict[int, LineBasis]
) -> tuple[Account | None, Reason | None]:
    """Credit the sale's customer with the points of its lines as of `at_us`, less what was returned. Return the
    account, and why it earned nothing. No account: there is nothing to credit.
    """
    version = books.policies.numbered(sale.policy_version)
    holder, refused = earner(books, sale.customer_id, at_us)
    account = None if holder is None else books.follow(holder)
    common = common_factor(books, version, sale.customer_id, at_us)
    points = points_of(version, sale.currency, common.factor, eligible)
    reason = refused if points is not None else first([refused, Reason.CURRENCY_NOT_IN_POLICY])
    earned = 0
    if reason is None and points is not None:
        sale.points = points
        earned = sale.kept_points()
        if bases or common is not PLAIN:
            sale.basis = Basis(common.campaign, common.missed, common.tier, common.earned_12m, lines=bases)
    if account is None:
        if earned == 0:
            sale.account = (POINTS_ACCOUNT, sale.customer_id)
            return None, first([Reason.CUSTOMER_NOT_FOUND, reason])
        account = books.open_points(sale.customer_id, UNCLAIMED)
    tick = tick_of(at_us)
    sale.account = (account.type, account.key)
    sale.earned_date = utc_date(tick)
    sale.available_tick, sale.expires_tick = version.lot_ticks(tick)
    if earned:
        owed = account.deficit
        books.credit(account, earned, EARNED, sale.available_tick, sale.expires_tick)
        if owed:
            sale.basis = sale.basis or Basis()
            sale.basis.repaid = owed - account.deficit
        note_earned(books, sale.customer_id, sale.earned_date, earned)
        if account.standing is UNCLAIMED:
            books.timers.append(Timer("forfeit", sale.id, books.now_us + version.policy.park_deadline_days * DAY_US))
    return account, reason


def _loads(
    document: SaleCompleted, sale: Sale, books: Books, version: PolicyVersion, tick: int
) -> dict[str, Reason | None]:
    """Load the cards that the sale sells. Return the reason for each card, if any, by id."""
    cards: dict[str, Reason | None] = {}
    selling = [line for line in document.lines if line.gift_card is not None]
    flagged = selling and not version.policy.gift_card.bought_with_gift_card and _bought_with_card(document)
    flag = Reason.GIFT_CARD_BUYS_GIFT_CARD if flagged else None
    for line in selling:
        card_id, reason = _load(document, line, sale, books, version, tick, flag)
        cards[card_id] = first([cards.get(card_id), reason])
    return cards


def _load(
    document: SaleCompleted,
    line: SoldLine,
    sale: Sale,
    books: Books,
    version: PolicyVersion,
    tick: int,
    flag: Reason | None,
) -> tuple[str, Reason | None]:
    """Load the card that a line sells, and note the reason, if any. An unknown number becomes a new card.

    `flag`: the reason for each card of the sale.
    """
    ref = line.gift_card
    assert ref is not None  # noqa: S101  the caller's filter
    load_minor = line.net_minor if ref.load_minor is None else ref.load_minor
    card = books.loadable(ref)
    there = card is not None and not (card.touched_by == books.place and card.version == 1)  # before this sale
    if card is None:
        if ref.number is None:
            return "", Reason.CARD_NOT_ACCEPTED
        card_id = derived_id(books.orgcode, "scm.sale.completed", document.sale_id, str(line.line_id))
        details = CardDetails(ref.number.last4, card_expiry(version, tick))
        card = books.open_card(card_id, ref.number, document.currency, details)
        card_timer(books, card)
    if card.currency != document.currency:
        return card.key, Reason.CURRENCY_MISMATCH
    sale.cards[line.line_id] = card.key, load_minor
    flags = [
        card_refused(card, tick),
        Reason.CARD_EXISTS if there and not version.policy.gift_card.reload else None,
        flag,
    ]
    books.credit(card, load_minor, Contra.SOLD)
    return card.key, first(flags)


def _bought_with_card(document: SaleCompleted) -> bool:
    """Return whether gift cards paid more than the lines that are not gift cards: then some of them bought one."""
    paid = sum(tender.amount_minor for tender in document.tenders if tender.kind == "gift_card")
    return paid > sum(line.net_minor for line in document.lines if line.item_type != "gift_card")


def card_expiry(version: PolicyVersion, tick: int) -> int:
    days = version.policy.gift_card.expire_days
    return NEVER if days is None else version.end_after(tick, days)


def card_timer(books: Books, card: Account) -> None:
    if card.card is not None and card.card.expires_tick != NEVER:
        books.timers.append(Timer("card", card.key, (card.card.expires_tick + 1) * TICK_US))


def void(document: SaleVoided, books: Books) -> Outcome:
    """Undo a whole sale, including its returns. A sale that has not come yet finds a tombstone."""
    sale = books.sale(document.sale_id)
    sale.voided = sale.dirty = True
    tick = tick_of(document.occurred_at)
    trace = Trace()
    books.moves = trace.moves
    lines, trace.set_off = _take_back(sale, books, tick)
    touched: dict[str, None] = {}
    lines_left = sale.lines.values() if sale.cards else ()
    sold = [(line.card_id, line.kept(line.load_minor), Contra.SOLD) for line in lines_left if line.card_id]
    for card_id, load_minor, contra in [*sold, *((*load, Contra.REFUNDED) for load in sale.loads)]:
        touched[take_back_load(books, card_id, load_minor, contra, tick).key] = None
    parts = payments.void_all(sale, books, document.occurred_at)
    books.wake(sale)
    return Outcome(
        "applied",
        customer_id=sale.customer_id or None,
        sale_id=document.sale_id,
        points=points_of_sale(books, sale, tick),
        gift_cards=card_parts(books, touched),
        tenders=payments.for_payers(books, parts, tick),
        lines=in_a_row(lines),
        policy_version=sale.policy_version if sale.decided else None,
        trace=trace,
    )


def points_of_sale(books: Books, sale: Sale, tick: int) -> PointsPart | None:
    """Return the account of the sale's customer, as its void or a return leaves it."""
    account = books.at(sale.account)
    unknown = account is None and sale.account is not None
    return points_shown(books, account, tick, Reason.CUSTOMER_NOT_FOUND if unknown else None)


def _take_back(sale: Sale, books: Books, tick: int) -> tuple[dict[int, int], int]:
    """Take back what returns left of the points. Return the points by line, signed, and what was set off."""
    account = books.at(sale.account)
    if account is None:
        return {}, 0
    kept = {} if sale.forfeited else sale.kept_by_line()
    set_off, _ = take_back(sale, books, account, sum(kept.values()), tick)
    return {line_id: -points for line_id, points in kept.items()}, set_off


def take_back(sale: Sale, books: Books, account: Account, points: int, tick: int) -> tuple[int, int]:
    """Reverse points of a sale. Return how many were taken by hand before, which are set off first (contract PTS16),
    and how many were let go.
    """
    if sale.forfeited:
        return 0, 0
    set_off = min(sale.by_hand, points)
    sale.by_hand -= set_off
    sale.set_off += set_off
    return set_off, reverse_sale(sale, books, account, points - set_off, tick)


def reverse_sale(sale: Sale, books: Books, account: Account, points: int, tick: int) -> int:
    """Take points of a sale back by its own policy, and from the tier's sum on the day of the sale. Return how many
    were let go.
    """
    policy = books.policies.numbered(sale.policy_version).policy
    own = (sale.available_tick, sale.expires_tick)
    note_earned(books, sale.customer_id, sale.earned_date or utc_date(tick), -points)
    return reverse_points(books, account, points, own, tick, policy.negative_balance)


def reverse_points(
    books: Books, account: Account, points: int, own: tuple[int, int], tick: int, negative_balance: str
) -> int:
    """Take earned points back; under `within_balance` never below zero. Return how many were let go."""
    within = negative_balance == "within_balance"
    return books.reverse(account, points, EARNED, own, tick, within_balance=within)
