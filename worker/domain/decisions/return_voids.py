"""The void of a return undoes everything that the return took and gave (contract RVOID1–6).

Lines and tenders keep the sums of the amounts that returns ask. The void subtracts the part of its return and books the
difference. So the result is the same whether the void comes before or after other returns.
"""

from schemas.documents import ReturnVoided
from schemas.reasons import Reason
from worker.domain.decisions.sales import points_of_sale
from worker.domain.rules import holds
from worker.domain.rules.card_loads import put_back_load, take_back_load
from worker.domain.rules.earning import note_earned
from worker.domain.rules.parts import card_parts, points_shown
from worker.domain.rules.payments import for_payers
from worker.domain.state.accounts import Account, Contra
from worker.domain.state.books import Books
from worker.domain.state.days import utc_date
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import Outcome, TenderPart, in_a_row
from worker.domain.state.sale import Return, Sale
from worker.domain.state.trace import Trace


def void(document: ReturnVoided, books: Books) -> Outcome:
    """Undo a return. A return that has not been decided yet finds a tombstone."""
    returned = books.returned(document.return_id)
    sale = books.sale(returned.sale_id) if returned.sale_id else None
    outcome = Outcome("applied", sale_id=returned.sale_id or None, return_id=document.return_id)
    outcome.customer_id = (returned.customer_id if sale is None else sale.customer_id) or None
    if not returned.decided:
        returned.voided = returned.dirty = True
        books.wake(returned)
    elif not returned.stored:
        outcome.status, outcome.reason = "rejected", Reason.INVALID_STATE
    elif sale is None or not sale.voided:  # the void of its sale has undone it
        _undo(document, books, returned, sale, outcome)
    return outcome


def _undo(document: ReturnVoided, books: Books, returned: Return, sale: Sale | None, outcome: Outcome) -> None:
    tick = tick_of(document.occurred_at)
    outcome.trace = Trace()
    books.moves = outcome.trace.moves
    cards: dict[str, Reason | None] = {}
    if sale is not None:
        outcome.lines = in_a_row(_keep_again(books, returned, sale, cards, tick))
        outcome.policy_version = sale.policy_version
    account = books.at(returned.account)
    if account is not None:
        own = (returned.available_tick, returned.expires_tick)
        _recredit(books, account, returned.points, own, returned.let_go, tick)
        note_earned(books, returned.customer_id, returned.earned_date, returned.points)
    for card_id, load_minor in returned.loads:
        cards[take_back_load(books, card_id, load_minor, Contra.REFUNDED, tick).key] = None
        if sale is not None:
            sale.load(card_id, -load_minor)
    parts = _take_refunds(books, returned, sale, document.occurred_at)
    outcome.tenders = for_payers(books, parts, tick)
    outcome.gift_cards = card_parts(books, cards)
    outcome.points = points_shown(books, account, tick) if sale is None else points_of_sale(books, sale, tick)


def _keep_again(
    books: Books, returned: Return, sale: Sale, cards: dict[str, Reason | None], tick: int
) -> dict[int, int]:
    """Give the sale's lines back the points and loads that the return took, as far as other returns leave them. Return
    the points.
    """
    sale.dirty = True
    lines: dict[int, int] = {}
    for line_id, sale_line_id, asked_minor in returned.lines:
        sold = sale.lines[sale_line_id]
        after = sold.unasked(asked_minor)
        sale.returned[sale_line_id] = after.returned_minor
        lines[line_id] = after.kept(sold.points) - sold.kept(sold.points)
        if sold.card_id:
            load_minor = after.kept(sold.load_minor) - sold.kept(sold.load_minor)
            card = put_back_load(books, sold.card_id, load_minor, Contra.SOLD, tick)
            cards[card.key] = None
    account = books.at(sale.account)
    if account is None or sale.forfeited:
        return {}
    kept = sum(lines.values())
    by_hand = min(sale.set_off, kept)  # points taken by hand before are no longer set off
    sale.set_off -= by_hand
    sale.by_hand += by_hand
    own = (sale.available_tick, sale.expires_tick)
    _recredit(books, account, kept - by_hand, own, returned.let_go, tick)
    note_earned(books, sale.customer_id, sale.earned_date or utc_date(tick), kept - by_hand)
    return lines


def _recredit(books: Books, account: Account, points: int, own: tuple[int, int], let_go: int, tick: int) -> None:
    """Credit the points again, except those that the return let go and that no redemption has given back since."""
    points -= books.cancel_shortfall(account, min(let_go, points))
    books.recredit(account, points, Contra.EARNED, own, lapsed=own[1] < tick)


def _take_refunds(books: Books, returned: Return, sale: Sale | None, at_us: int) -> list[TenderPart]:
    """Take back the amounts that the return gave to tenders, as far as other refunds leave them."""
    moved: dict[str, bool] = {}
    for tender_id, amount_minor in returned.refunds:
        moved[tender_id] = holds.unrefund(books, books.tender(tender_id), amount_minor, at_us) or moved.get(
            tender_id, False
        )
        if sale is not None:
            sale.refund(tender_id, -amount_minor)
    return [books.tender(tender_id).part(moved=was_moved) for tender_id, was_moved in moved.items()]
