"""The effects of a tender on its account: hold, capture, give back, release.

Every document books the change of −C + B, so their order does not matter (contract TEND1–4).
"""

from schemas.reasons import Reason
from worker.domain.state.accounts import TICK_US, Account, AccountType, Standing
from worker.domain.state.books import Books
from worker.domain.state.sale import MOST_ASKED
from worker.domain.state.tender import State, Tender


def authorize(books: Books, tender: Tender, account: Account, approved_minor: int, tick: int) -> None:
    """Hold `approved_minor` on the account, and capture at once the amount that earlier documents named."""
    tender.account = (account.type, account.key)
    tender.approved_minor = approved_minor
    tender.picks = books.hold(account, tender.units(approved_minor), tick)
    named = [minor for minor in (tender.named.get(tender.currency), tender.parked_minor) if minor is not None]
    tender.state = State.AUTHORIZED
    tender.dirty = True
    if named:
        capture_held(books, tender, min(*named, approved_minor), tick)


def capture_held(books: Books, tender: Tender, captured_minor: int, tick: int) -> None:
    """Capture `captured_minor` of what is held, and release the rest."""
    account = books.at(tender.account)
    assert account is not None  # noqa: S101  an authorized tender has an account: the ledger loads it
    tender.picks = books.capture(account, tender.picks, tender.units(captured_minor), tender.contra, tick)
    tender.captured_minor = captured_minor
    tender.state = State.CAPTURED
    tender.expires_us = None
    tender.dirty = True
    books.wake(tender)


def capture(books: Books, tender: Tender, amount_minor: int | None, at_us: int) -> Reason | None:
    """Capture, for a capture or for the sale that acts as one. Return the reason why less was taken than named, or
    None.

    `amount_minor` None names all that was approved. The caller handles NONE, AWAITING, DECLINED and VOIDED.
    """
    if tender.state is State.EXPIRED:
        return _capture_expired(books, tender, amount_minor, at_us // TICK_US)
    approved = tender.approved_minor
    if tender.state is State.AUTHORIZED:
        wanted = approved if amount_minor is None else amount_minor
        capture_held(books, tender, min(wanted, approved), at_us // TICK_US)
        return Reason.AMOUNT_OVER_AUTHORIZED if wanted > approved else None
    if amount_minor is not None and amount_minor < tender.captured_minor:
        lower(books, tender, amount_minor, min(tender.asked_minor, amount_minor), at_us)
    return Reason.AMOUNT_OVER_AUTHORIZED if amount_minor is not None and amount_minor > approved else None


def _capture_expired(books: Books, tender: Tender, amount_minor: int | None, tick: int) -> Reason | None:
    account = books.at(tender.account)
    wanted = tender.approved_minor if amount_minor is None else amount_minor
    can = 0
    if account is not None and spendable(account, tick):
        can = min(tender.approved_minor, wanted, tender.money(account.available(tick)))
    if account is None or can == 0 < wanted:
        return Reason.HOLD_EXPIRED
    tender.picks = books.hold(account, tender.units(can), tick)
    capture_held(books, tender, can, tick)
    return Reason.HOLD_EXPIRED if can < wanted else None


def lower(books: Books, tender: Tender, captured_minor: int, refunded_minor: int, at_us: int) -> None:
    """Set C and B, and give back the difference: P(before) − P(after)."""
    before = tender.units(tender.captured_minor - tender.refunded_minor)
    after = tender.units(captured_minor - refunded_minor)
    account = books.at(tender.account)
    assert account is not None  # noqa: S101  a captured tender has an account: the ledger loads it
    if before > after:
        tick = at_us // TICK_US
        grace = books.policies.at(at_us).grace_end(tick)
        books.give_back(account, tender.picks, before - after, tender.contra, tick, grace)
    tender.captured_minor = captured_minor
    tender.refunded_minor = refunded_minor
    tender.dirty = True


def refund(books: Books, tender: Tender, amount_minor: int, at_us: int) -> Reason | None:
    """Give back up to `amount_minor` to a captured tender, as far as it has that much left. Return the reason why it
    was less, or None.
    """
    given = min(amount_minor, tender.captured_minor - tender.refunded_minor)
    tender.asked_minor = min(tender.asked_minor + amount_minor, MOST_ASKED)
    tender.dirty = True
    if given:
        lower(books, tender, tender.captured_minor, tender.refunded_minor + given, at_us)
    return Reason.AMOUNT_OVER_CAPTURED if given < amount_minor else None


def unrefund(books: Books, tender: Tender, amount_minor: int, at_us: int) -> bool:
    """Cancel a refund of `amount_minor`: take the amount again, as far as the other refunds leave it. Return whether
    anything moved.
    """
    tender.asked_minor = max(tender.asked_minor - amount_minor, 0)
    tender.dirty = True
    refunded = min(tender.captured_minor, tender.asked_minor)
    if tender.state is not State.CAPTURED or refunded >= tender.refunded_minor:
        return False
    taken = tender.units(tender.captured_minor - tender.refunded_minor)
    more = tender.units(tender.captured_minor - refunded) - taken
    tender.refunded_minor = refunded
    account = books.at(tender.account)
    assert account is not None  # noqa: S101  a captured tender has an account: the ledger loads it
    rule = books.policies.at(at_us).policy.negative_balance
    within = account.type is not AccountType.CARD and rule == "within_balance"
    tender.picks += books.retake(account, more, tender.contra, at_us // TICK_US, within_balance=within)
    return True


def release(books: Books, tender: Tender, tick: int) -> None:
    """Release a hold."""
    account = books.at(tender.account)
    if account is not None:
        books.capture(account, tender.picks, 0, tender.contra, tick)
    tender.picks = []
    tender.expires_us = None


def expire(books: Books, tender: Tender, tick: int) -> None:
    """Release a hold whose time is over, or whose sale completed without it. Refunds do not wait for it any longer."""
    release(books, tender, tick)
    tender.state = State.EXPIRED
    tender.dirty = True
    books.wake(tender)


def void(books: Books, tender: Tender, at_us: int) -> bool:
    """Release a hold, or give a captured amount back. Return whether anything changed. Later documents find a
    tombstone.
    """
    if tender.state is State.VOIDED:
        return False
    if tender.state is State.AUTHORIZED:
        release(books, tender, at_us // TICK_US)
    elif tender.state is State.CAPTURED:
        lower(books, tender, tender.captured_minor, tender.captured_minor, at_us)
    elif tender.state is State.AWAITING:
        tender.parked_minor = None  # nothing will come of it any more
    tender.state = State.VOIDED
    tender.dirty = True
    books.wake(tender)
    return True


def spendable(account: Account, tick: int) -> bool:
    """Return whether new value can be taken from the account in `tick`."""
    return account.standing is Standing.ACTIVE and (account.card is None or account.card.expires_tick >= tick)
