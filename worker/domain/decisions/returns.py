"""A return: points come back line by line, money goes back to cards and points (contract §2.2 Returns)."""

from dataclasses import dataclass, field

from schemas.documents import ReturnCompleted, ReturnLine
from schemas.reasons import Reason, first
from worker.domain.decisions.refunds import WAITED_FOR, Refunds
from worker.domain.decisions.sales import points_of_sale, reverse_points, take_back
from worker.domain.rules.card_loads import take_back_load
from worker.domain.rules.earning import earner, note_earned, unlinked_points
from worker.domain.rules.parts import card_parts, points_shown
from worker.domain.rules.payments import for_payers
from worker.domain.state.accounts import Account, Contra, Standing
from worker.domain.state.basis import Basis
from worker.domain.state.books import Books
from worker.domain.state.days import utc_date
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import Outcome, Parked, in_a_row
from worker.domain.state.sale import Return, Sale, SaleLine
from worker.domain.state.tender import STORED_VALUE, Tender
from worker.domain.state.trace import ReturnedLine, Trace


@dataclass(slots=True)
class _Tally:
    """The effect of a return's lines so far."""

    counted: bool = False
    net_minor: int = 0  # of the lines that counted
    reasons: list[Reason] = field(default_factory=list)


def complete(document: ReturnCompleted, books: Books, *, overdue: bool) -> Outcome | Parked:
    """Reverse the points of the lines and give the refunds back, or wait for the sale or the tenders.

    `overdue`: it has waited too long. If its sale is missing, no line can be decided. If a tender that it refunds is
    missing, only that refund is short (contract WAIT11).
    """
    returned = books.returned(document.return_id)
    returned.sale_id = document.sale_id or ""
    result = _complete(document, returned, books, overdue=overdue)
    returned.waiting = isinstance(result, Parked) and not overdue
    if not returned.waiting and not returned.voided:
        returned.decided = returned.dirty = True
    if isinstance(result, Outcome):
        returned.trace = result.trace
    return result


def _complete(document: ReturnCompleted, returned: Return, books: Books, *, overdue: bool) -> Outcome | Parked:
    if returned.voided:
        return _rejected(document, None, Reason.ALREADY_VOIDED)
    sale = None
    if document.sale_id is not None:
        sale = books.sale(document.sale_id)
        if sale.voided:
            return _rejected(document, sale, Reason.ALREADY_VOIDED)
        if not sale.decided:
            return _park(sale, "sale", Reason.SALE_NOT_FOUND)
        if sale.currency != document.currency:
            return _rejected(document, sale, Reason.CURRENCY_MISMATCH)
    for refund in document.refunds:
        if refund.kind in STORED_VALUE and refund.tender_id is not None:
            tender = books.tender(refund.tender_id)
            if tender.state in WAITED_FOR and not overdue:
                if sale is not None:  # the sale's void ends the wait too
                    sale.waiting = sale.dirty = True
                return _park(tender, "tender", Reason.TENDER_NOT_FOUND)
    return _linked(document, returned, sale, books) if sale is not None else _unlinked(document, returned, books)


def _park(awaited: Sale | Tender, kind: str, reason: Reason) -> Parked:
    awaited.waiting = awaited.dirty = True
    return Parked(kind, awaited.id, reason)


def _rejected(document: ReturnCompleted, sale: Sale | None, reason: Reason) -> Outcome:
    customer_id = document.customer_id if sale is None else sale.customer_id or document.customer_id
    return Outcome("rejected", reason, customer_id=customer_id, sale_id=document.sale_id, return_id=document.return_id)


def _linked(document: ReturnCompleted, returned: Return, sale: Sale, books: Books) -> Outcome:
    tick = tick_of(document.occurred_at)
    tally = _Tally()
    lines: dict[int, int] = {}
    taken = 0
    cards: dict[str, Reason | None] = {}
    trace = Trace()
    books.moves = trace.moves
    for line in document.lines:
        sold = sale.line(line.sale_line_id or 0)
        before = 0 if sold is None else sold.returned_minor
        trace.lines.append(ReturnedLine(line.line_id, line.sale_line_id or 0, before, line.net_minor))
        back = _come_back(line, sold, sale, returned, tally)
        if back is None:
            continue
        points, card_id, load_minor = back
        taken += points
        lines[line.line_id] = 0 if sale.forfeited else -points
        if card_id:
            cards[take_back_load(books, card_id, load_minor, Contra.SOLD, tick).key] = None
    account = books.at(sale.account)
    if account is not None:
        trace.set_off, returned.let_go = take_back(sale, books, account, taken, tick)
    sale.dirty = True
    outcome = _finish(document, returned, sale, books, tally, cards)
    outcome.trace = trace
    outcome.customer_id = sale.customer_id or document.customer_id
    outcome.lines = in_a_row(lines)
    outcome.policy_version = sale.policy_version
    outcome.points = points_of_sale(books, sale, tick)
    return outcome


def _come_back(
    line: ReturnLine, sold: SaleLine | None, sale: Sale, returned: Return, tally: _Tally
) -> tuple[int, str, int] | None:
    """Count the returned part of a sold line. Return its points, and the gift card that the line sold with the load to
    take back; None if nothing comes back.
    """
    if sold is None:
        tally.reasons.append(Reason.SALE_LINE_NOT_FOUND)
        return None
    sale_line_id = line.sale_line_id or 0
    returned.lines.append((line.line_id, sale_line_id, line.net_minor))
    result, after = sold.returning(line.net_minor), sold.asked(line.net_minor)
    sale.returned[sale_line_id] = after.returned_minor
    if result.over:
        tally.reasons.append(Reason.OVER_RETURNED)
    if result.nothing:
        return None
    tally.counted = True
    tally.net_minor += result.counted_minor
    points, load_minor = sold.kept(sold.points), sold.kept(sold.load_minor)
    return points - after.kept(sold.points), sold.card_id, load_minor - after.kept(sold.load_minor)


def _unlinked(document: ReturnCompleted, returned: Return, books: Books) -> Outcome:
    tick = tick_of(document.occurred_at)
    version = books.policies.at(document.occurred_at)
    account: Account | None = None
    reason: Reason | None = None
    points: dict[int, int] | None = {}
    trace = Trace()
    books.moves = trace.moves
    if document.customer_id is not None:
        trace.lines = [ReturnedLine(line.line_id, 0, 0, line.net_minor) for line in document.lines]
        points, bases = unlinked_points(document, version)
        trace.rated, trace.currency = Basis(lines=bases), document.currency
        account, reason = _take_unlinked(document, returned, books, points, tick)
    net_minor = sum(line.net_minor for line in document.lines)
    outcome = _finish(document, returned, None, books, _Tally(counted=True, net_minor=net_minor), {})
    outcome.trace = trace
    outcome.customer_id = document.customer_id
    outcome.lines = in_a_row({line_id: -value for line_id, value in (points or {}).items()})
    outcome.policy_version = version.version
    outcome.points = points_shown(books, account, tick, reason)
    return outcome


def _take_unlinked(
    document: ReturnCompleted, returned: Return, books: Books, points: dict[int, int] | None, tick: int
) -> tuple[Account | None, Reason | None]:
    """Take the points from the customer's account; for a customer without a record, from the points that wait."""
    version = books.policies.at(document.occurred_at)
    taken = sum(points.values()) if points else 0
    reason = Reason.CURRENCY_NOT_IN_POLICY if points is None else None
    holder, _ = earner(books, document.customer_id, document.occurred_at)
    if holder is None:
        if taken == 0:
            return None, first([Reason.CUSTOMER_NOT_FOUND, reason])
        holder = books.open_points(document.customer_id or "", Standing.UNCLAIMED)
    account = books.follow(holder)
    returned.customer_id, returned.account, returned.points = (
        document.customer_id or "",
        (account.type, account.key),
        taken,
    )
    returned.available_tick, returned.expires_tick = version.lot_ticks(tick)
    returned.earned_date = utc_date(tick)
    note_earned(books, returned.customer_id, returned.earned_date, -taken)
    own = (returned.available_tick, returned.expires_tick)
    returned.let_go = reverse_points(books, account, taken, own, tick, version.policy.negative_balance)
    return account, reason


def _finish(
    document: ReturnCompleted,
    returned: Return,
    sale: Sale | None,
    books: Books,
    lines: _Tally,
    cards: dict[str, Reason | None],
) -> Outcome:
    """Give the refunds back, and return the outcome: partial if the lines or the refunds fell short, rejected if
    neither took effect (contract RET8).

    Refunds above what the lines counted are given and flagged, because the money has left the till (contract RET9).
    """
    refunds = Refunds(document, returned, sale, books, cards)
    refunds.give()
    short = lines.reasons + refunds.reasons
    status = "applied"
    if short:
        status = "partial" if lines.counted or refunds.counted else "rejected"
    mismatch = sum(refund.amount_minor for refund in document.refunds) > lines.net_minor
    return Outcome(
        status,
        first([*short, Reason.REFUNDS_MISMATCH if mismatch else None]),
        sale_id=document.sale_id,
        return_id=document.return_id,
        gift_cards=card_parts(books, cards),
        tenders=for_payers(books, refunds.parts, tick_of(document.occurred_at)),
        mismatch=Reason.REFUNDS_MISMATCH if mismatch else None,
    )
