"""Decisions about deadlines: holds expire, lots expire or become available, waiting points are forfeited, cards expire.

Deadlines are documents and go through the same pipeline. Each has the type of its notice (contract §3.1). A decision of
None means that nothing is left to do.
"""

from worker.domain.decisions.sales import card_timer
from worker.domain.rules import holds
from worker.domain.rules.earning import note_earned
from worker.domain.rules.parts import card_part, points_part
from worker.domain.state.accounts import NEVER, Account, AccountType, Contra, Standing
from worker.domain.state.books import Books
from worker.domain.state.days import begin_of, end_of, utc_date
from worker.domain.state.movements import Timer, tick_of
from worker.domain.state.outcome import Notice, Outcome
from worker.domain.state.tender import State

NOTICES = {
    "hold": "crm.hold.expired",
    "release": "crm.points.released",
    "expire": "crm.points.expired",
    "forfeit": "crm.points.forfeited",
    "card": "crm.giftcard.expired",
    "frozen": "crm.giftcard.frozen",
}
_ONCE = ("hold", "forfeit")  # kinds of deadlines that come once for each key


def notice_subject(timer: Timer, now_us: int) -> str:
    """Return the subject of a deadline's notice. A deadline of lots or cards can come again, so its subject has the
    time.
    """
    return timer.key if timer.kind in _ONCE else f"{timer.key}\n{now_us}"


def timer_key(kind: str, subject: str) -> str:
    """Return the key of the deadline whose notice has this subject."""
    return subject if kind in _ONCE else subject.rpartition("\n")[0]


def due(timer: Timer, books: Books) -> Outcome | None:
    """Decide one timer that is due."""
    match timer.kind:
        case "hold":
            return _hold(timer, books)
        case "forfeit":
            return _forfeit(timer, books)
        case "card":
            return _card(timer, books)
        case "frozen":
            return _frozen(timer, books)
        case _:
            return _lots(timer, books)


def _hold(timer: Timer, books: Books) -> Outcome | None:
    tender = books.tenders.get(timer.key)
    if tender is None or tender.state is not State.AUTHORIZED:
        return None
    tick = tick_of(timer.due_us)
    holds.expire(books, tender, tick)
    account = books.at(tender.account)
    outcome = _notice("hold", tender.customer_id or None)
    outcome.tender_id = tender.id
    outcome.sale_id = tender.sale_id or None
    outcome.tender = tender.part()
    if account is not None and account.type is AccountType.CARD:
        outcome.gift_cards = [card_part(books, account)]
    elif account is not None:
        outcome.points = points_part(books, account, tick)
    return outcome


def _notice(kind: str, customer_id: str | None) -> Outcome:
    return Outcome("applied", customer_id=customer_id, notice=NOTICES[kind])


def _forfeit(timer: Timer, books: Books) -> Outcome | None:
    sale = books.sales.get(timer.key)
    account = None if sale is None else books.at(sale.account)
    if sale is None or account is None or sale.voided or account.standing is not Standing.UNCLAIMED:
        return None
    tick = tick_of(timer.due_us)
    points = min(sale.kept_points() - sale.by_hand, account.balance)  # also less returns without a receipt
    sale.forfeited = sale.dirty = True
    if points <= 0:
        return None
    books.reverse(
        account, points, Contra.FORFEITED, (sale.available_tick, sale.expires_tick), tick, within_balance=False
    )
    note_earned(books, sale.customer_id, sale.earned_date or utc_date(tick), -points)
    outcome = _notice("forfeit", sale.customer_id)
    outcome.sale_id = sale.id
    outcome.points = points_part(books, account, tick)
    return outcome


def _lots(timer: Timer, books: Books) -> Outcome | None:
    type_, key, bound_text = timer.key.split("\n")
    account = books.accounts.get((AccountType(int(type_)), key))  # None: its lots went elsewhere; no notice
    if account is None:
        return None
    expires = timer.kind == "expire"
    last_tick = end_of(int(bound_text)) if expires else 0
    tick = last_tick + 1 if expires else begin_of(int(bound_text))
    if account.lots and tick > account.booked_tick:
        account.booked_tick = tick
        books.changed[account] = None
    moved = _expire(books, account, last_tick) if expires else _become_available(books, account, tick)
    if not moved:
        return None
    recipients = books.recipients_of(account)
    outcome = _notice(timer.kind, recipients[0] if recipients else None)
    outcome.points = points_part(books, account, tick)
    outcome.notices = [Notice(outcome.notice, customer_id, outcome.points) for customer_id in recipients[1:]]
    return outcome


def _expire(books: Books, account: Account, tick: int) -> int:
    moved = 0
    for lot in account.lots:
        if lot.expires_tick == tick and lot.free:
            part = lot.free
            books.touch(account)
            lot.amount -= part
            lot.expired += part
            moved += part
    books.book(account, Contra.EXPIRED, moved)
    account.forget_expired()
    return moved


def _become_available(books: Books, account: Account, tick: int) -> int:
    moved = sum(lot.amount for lot in account.lots if lot.available_tick == tick)
    if moved:
        books.touch(account)
    return moved


def _frozen(timer: Timer, books: Books) -> Outcome | None:
    """Report that wrong PINs froze a card."""
    card = books.accounts.get((AccountType.CARD, timer.key.partition("\n")[0]))
    if card is None or card.card is None:
        return None
    outcome = _notice("frozen", card.card.customer_id or None)
    outcome.gift_cards = [card_part(books, card)]
    return outcome


def _card(timer: Timer, books: Books) -> Outcome | None:
    """End a card whose last day is over: its balance becomes breakage. The lots keep it, in case the card is
    extended.
    """
    card = books.accounts.get((AccountType.CARD, timer.key))
    if card is None or card.card is None or card.card.expires_tick == NEVER:
        return None
    tick = tick_of(timer.due_us)
    if card.card.expires_tick >= tick:  # the card was extended after this deadline was set
        card_timer(books, card)
        return None
    books.touch(card)
    for available_tick, expires_tick, part in books.debit(card, card.available(tick), Contra.EXPIRED, tick):
        card.lot(available_tick, expires_tick).expired += part
    outcome = _notice("card", card.card.customer_id or None)
    outcome.gift_cards = [card_part(books, card)]
    return outcome
