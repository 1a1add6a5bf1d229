"""A return: points come back line by line, money goes back to cards and points (contract §2.2 Returns)."""

from dataclasses import dataclass, field

from schemas.documents import Refund, ReturnCompleted, ReturnLine
from schemas.reasons import Reason, first
from worker.domain.decisions.sales import card_expiry, card_timer, points_of_sale, reverse_points, take_back
from worker.domain.rules import holds
from worker.domain.rules.card_loads import card_refused, take_back_load
from worker.domain.rules.earning import earner, note_earned, unlinked_points
from worker.domain.rules.parts import card_parts, points_shown
from worker.domain.rules.payments import for_payers
from worker.domain.state.accounts import Account, CardDetails, Contra, Standing
from worker.domain.state.basis import Basis
from worker.domain.state.books import Books
from worker.domain.state.days import utc_date
from worker.domain.state.identity import derived_id
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import Outcome, Parked, TenderPart
from worker.domain.state.sale import Return, Sale, SaleLine
from worker.domain.state.tender import STORED_VALUE, State, Tender
from worker.domain.state.trace import ReturnedLine, Trace

WAITED_FOR = (State.NONE, State.AWAITING, State.AUTHORIZED)


@dataclass(slots=True)
class _Tally:
    """How far one side of a return, its lines or its refunds, took effect."""

    counted: bool = False
    net_minor: int = 0  # of the lines that counted
    reasons: list[Reason] = field(default_factory=list)


def complete(doc: ReturnCompleted, books: Books, *, overdue: bool) -> Outcome | Parked:
    """Reverse what the lines earned and give the refunds back, or wait for what they refer to.

    `overdue`: it has waited too long. Without its sale nothing can be said of its lines; without a tender that it
    refunds, only that refund is short (contract WAIT11).
    """
    returned = books.returned(doc.return_id)
    returned.sale_id = doc.sale_id or ""
    result = _complete(doc, returned, books, overdue=overdue)
    returned.waiting = isinstance(result, Parked) and not overdue
    if not returned.waiting and not returned.voided:
        returned.decided = returned.dirty = True
    if isinstance(result, Outcome):
        returned.trace = result.trace
    return result


def _complete(doc: ReturnCompleted, returned: Return, books: Books, *, overdue: bool) -> Outcome | Parked:
    if returned.voided:
        return _rejected(doc, None, Reason.ALREADY_VOIDED)
    sale = None
    if doc.sale_id is not None:
        sale = books.sale(doc.sale_id)
        if sale.voided:
            return _rejected(doc, sale, Reason.ALREADY_VOIDED)
        if not sale.decided:
            return _park(sale, "sale", Reason.SALE_NOT_FOUND)
        if sale.currency != doc.currency:
            return _rejected(doc, sale, Reason.CURRENCY_MISMATCH)
    for refund in doc.refunds:
        if refund.kind in STORED_VALUE and refund.tender_id is not None:
            tender = books.tender(refund.tender_id)
            if tender.state in WAITED_FOR and not overdue:
                if sale is not None:  # whose void ends the wait too
                    sale.waiting = sale.dirty = True
                return _park(tender, "tender", Reason.TENDER_NOT_FOUND)
    return _linked(doc, returned, sale, books) if sale is not None else _unlinked(doc, returned, books)


def _park(what: Sale | Tender, kind: str, reason: Reason) -> Parked:
    what.waiting = what.dirty = True
    return Parked(kind, what.id, reason)


def _rejected(doc: ReturnCompleted, sale: Sale | None, reason: Reason) -> Outcome:
    customer_id = doc.customer_id if sale is None else sale.customer_id or doc.customer_id
    return Outcome("rejected", reason, customer_id=customer_id, sale_id=doc.sale_id, return_id=doc.return_id)


def _linked(doc: ReturnCompleted, returned: Return, sale: Sale, books: Books) -> Outcome:
    tick = tick_of(doc.occurred_at)
    tally = _Tally()
    lines: list[tuple[int, int]] = []
    taken = 0
    cards: dict[str, Reason | None] = {}
    trace = Trace()
    books.moves = trace.moves
    for line in doc.lines:
        sold = sale.lines.get(line.sale_line_id or 0)
        before = 0 if sold is None else sold.returned_minor
        trace.lines.append(ReturnedLine(line.line_id, line.sale_line_id or 0, before, line.net_minor))
        back = _come_back(line, sold, returned, tally)
        if back is None:
            continue
        points, card_id, load_minor = back
        taken += points
        lines.append((line.line_id, 0 if sale.forfeited else -points))
        if card_id:
            cards[take_back_load(books, card_id, load_minor, Contra.SOLD, tick).key] = None
    account = books.at(sale.account)
    if account is not None:
        trace.set_off, returned.let_go = take_back(sale, books, account, taken, tick)
    sale.dirty = True
    outcome = _finish(doc, returned, sale, books, tally, cards)
    outcome.trace = trace
    outcome.customer_id = sale.customer_id or doc.customer_id
    outcome.lines = [line for line in lines if line[1]]
    outcome.policy_version = sale.policy_version
    outcome.points = points_of_sale(books, sale, tick)
    return outcome


def _come_back(line: ReturnLine, sold: SaleLine | None, returned: Return, tally: _Tally) -> tuple[int, str, int] | None:
    """Count what comes back of a sold line. Return the points that go with it, and the gift card that it sold with the
    load to take back; None if nothing comes back.
    """
    if sold is None:
        tally.reasons.append(Reason.SALE_LINE_NOT_FOUND)
        return None
    points, load_minor = sold.kept(sold.points), sold.kept(sold.load_minor)
    returned.lines.append((line.line_id, line.sale_line_id or 0, line.net_minor))
    asked = sold.ask(line.net_minor)
    if asked.over:
        tally.reasons.append(Reason.OVER_RETURNED)
    if asked.nothing:
        return None
    tally.counted = True
    tally.net_minor += asked.counted_minor
    return points - sold.kept(sold.points), sold.card_id, load_minor - sold.kept(sold.load_minor)


def _unlinked(doc: ReturnCompleted, returned: Return, books: Books) -> Outcome:
    tick = tick_of(doc.occurred_at)
    version = books.policies.at(doc.occurred_at)
    account: Account | None = None
    reason: Reason | None = None
    points: dict[int, int] | None = {}
    trace = Trace()
    books.moves = trace.moves
    if doc.customer_id is not None:
        trace.lines = [ReturnedLine(line.line_id, 0, 0, line.net_minor) for line in doc.lines]
        points, bases = unlinked_points(doc, version)
        trace.rated, trace.currency = Basis(lines=bases), doc.currency
        account, reason = _take_unlinked(doc, returned, books, points, tick)
    net_minor = sum(line.net_minor for line in doc.lines)
    outcome = _finish(doc, returned, None, books, _Tally(counted=True, net_minor=net_minor), {})
    outcome.trace = trace
    outcome.customer_id = doc.customer_id
    outcome.lines = [(line_id, -value) for line_id, value in (points or {}).items() if value]
    outcome.policy_version = version.version
    outcome.points = points_shown(books, account, tick, reason)
    return outcome


def _take_unlinked(
    doc: ReturnCompleted, returned: Return, books: Books, points: dict[int, int] | None, tick: int
) -> tuple[Account | None, Reason | None]:
    """Take the points from the customer's account; for a customer without a record, from the points that wait."""
    version = books.policies.at(doc.occurred_at)
    taken = sum(points.values()) if points else 0
    reason = Reason.CURRENCY_NOT_IN_POLICY if points is None else None
    holder, _ = earner(books, doc.customer_id, doc.occurred_at)
    if holder is None:
        if taken == 0:
            return None, first([Reason.CUSTOMER_NOT_FOUND, reason])
        holder = books.open_points(doc.customer_id or "", Standing.UNCLAIMED)
    account = books.follow(holder)
    returned.customer_id, returned.account, returned.points = doc.customer_id or "", (account.kind, account.key), taken
    returned.available_tick, returned.expires_tick = version.lot_ticks(tick)
    returned.earned_date = utc_date(tick)
    note_earned(books, returned.customer_id, returned.earned_date, -taken)
    own = (returned.available_tick, returned.expires_tick)
    returned.let_go = reverse_points(books, account, taken, own, tick, version.policy.negative_balance)
    return account, reason


def _finish(
    doc: ReturnCompleted,
    returned: Return,
    sale: Sale | None,
    books: Books,
    lines: _Tally,
    cards: dict[str, Reason | None],
) -> Outcome:
    """Give the refunds back, and return how it all went: one side short is partial, both off is rejected (contract
    RET8).

    Refunds above what the lines counted are given and flagged, because the money has left the till (contract RET9).
    """
    refunds = _Tally()
    parts: list[TenderPart] = []
    for refund in doc.refunds:
        _refund(doc, refund, returned, sale, books, refunds, parts, cards)
    short = lines.reasons + refunds.reasons
    status = "applied"
    if short:
        status = "partial" if lines.counted or refunds.counted else "rejected"
    mismatch = sum(refund.amount_minor for refund in doc.refunds) > lines.net_minor
    return Outcome(
        status,
        first([*short, Reason.REFUNDS_MISMATCH if mismatch else None]),
        sale_id=doc.sale_id,
        return_id=doc.return_id,
        gift_cards=card_parts(books, cards),
        tenders=for_payers(books, parts, tick_of(doc.occurred_at)),
        mismatch=Reason.REFUNDS_MISMATCH if mismatch else None,
    )


def _refund(
    doc: ReturnCompleted,
    refund: Refund,
    returned: Return,
    sale: Sale | None,
    books: Books,
    tally: _Tally,
    parts: list[TenderPart],
    cards: dict[str, Reason | None],
) -> None:
    reason: Reason | None = None
    if refund.kind not in STORED_VALUE:
        tally.counted = True
        return
    if refund.tender_id is not None:
        tender = books.tender(refund.tender_id)
        before = tender.refunded_minor
        reason = _not_refundable(tender, sale, doc.currency)
        if reason is None:
            reason = holds.refund(books, tender, refund.amount_minor, doc.occurred_at)
            returned.refunds.append((tender.id, refund.amount_minor))
            if sale is not None:
                sale.refund(tender.id, refund.amount_minor)
        moved = tender.refunded_minor != before
        tally.counted |= moved
        if moved:  # one notice a tender: it tells where the return left it
            parts[:] = [part._replace(moved=part.moved and part.tender_id != tender.id) for part in parts]
        parts.append(tender.part(reason, moved=moved))
    else:
        card_id, reason, said = _load(doc, refund, returned, sale, books)
        cards[card_id] = first([cards.get(card_id), reason, said])
        tally.counted |= reason is None
    if reason is not None:
        tally.reasons.append(reason)


def _not_refundable(tender: Tender, sale: Sale | None, currency: str) -> Reason | None:
    """Why nothing goes back to a tender: one that has taken nothing, or that the return has waited for too long."""
    if tender.state is State.VOIDED:
        return Reason.ALREADY_VOIDED
    if tender.state in WAITED_FOR:
        return Reason.PARKED_TOO_LONG
    if sale is not None and not _of_sale(tender, sale):
        return Reason.TENDER_NOT_FOUND
    if tender.state is State.EXPIRED:
        return Reason.HOLD_EXPIRED
    if tender.state is not State.CAPTURED:
        return Reason.INVALID_STATE
    return Reason.CURRENCY_MISMATCH if tender.currency != currency else None


def _of_sale(tender: Tender, sale: Sale) -> bool:
    """A return gives back to a tender of its sale (contract §2.1): one that the sale names, or whose request names it.

    Those are the tenders that the sale's void hits, so that what is given back is the same whichever comes first; and
    the return has waited for the sale and for the request, so that the answer is, too (contract §2.2 What waits).
    """
    return tender.id in sale.tenders or tender.sale_id == sale.id


def _load(
    doc: ReturnCompleted, refund: Refund, returned: Return, sale: Sale | None, books: Books
) -> tuple[str, Reason | None, Reason | None]:
    """Load some card: its id, why not, and what there is to say of a card that was loaded all the same. A number that
    is not known yet becomes a card, as in a sale.
    """
    ref = refund.gift_card
    assert ref is not None  # noqa: S101  the schema's rule: a refund to a card names a tender or a card
    card = books.loadable(ref)
    if card is None:
        if ref.number is None:
            return "", Reason.CARD_NOT_ACCEPTED, None
        card_id = derived_id(books.orgcode, "scm.return.completed", doc.return_id, refund.refund_id)
        version = books.policies.at(doc.occurred_at)
        details = CardDetails(ref.number.last4, card_expiry(version, tick_of(doc.occurred_at)))
        card = books.open_card(card_id, ref.number, doc.currency, details)
        card_timer(books, card)
    if card.currency != doc.currency:
        return card.key, Reason.CURRENCY_MISMATCH, None
    said = card_refused(card, tick_of(doc.occurred_at))
    books.credit(card, refund.amount_minor, Contra.REFUNDED)
    if sale is not None:
        sale.load(card.key, refund.amount_minor)
    returned.loads.append((card.key, refund.amount_minor))
    return card.key, None, said
