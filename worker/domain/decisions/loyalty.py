"""Loyalty commands: earn, redeem, adjust, transfer, restore, reverse (contract §2.3)."""

from schemas.commands import (
    LoyaltyAdjust,
    LoyaltyEarn,
    LoyaltyRedeem,
    LoyaltyRestore,
    LoyaltyReverse,
    LoyaltyTransfer,
    Of,
)
from schemas.reasons import Reason, first
from worker.domain.decisions.customers import customer_refused
from worker.domain.decisions.sales import reverse_points, reverse_sale
from worker.domain.rules import holds
from worker.domain.rules.earning import common_factor, note_earned, points_of
from worker.domain.rules.parts import points_part
from worker.domain.state.accounts import Account, Contra, Standing
from worker.domain.state.books import Books
from worker.domain.state.days import utc_date
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import Outcome
from worker.domain.state.policy import PointValue
from worker.domain.state.sale import Entry, Sale
from worker.domain.state.tender import POINTS, State

TENDER = "scm.tender.requested"
SALE = "scm.sale.completed"


def earn(document: LoyaltyEarn, books: Books) -> Outcome:
    """Credit points, or the points for an amount by the policy of its date."""
    refused = customer_refused(books, document.customer_id, document.occurred_at)
    account = _account(books, document.customer_id)
    version = books.policies.at(document.occurred_at)
    points = document.points
    reasons = [refused] if refused else []
    if points is None:
        factor = common_factor(books, version, document.customer_id, document.occurred_at).factor
        rated = points_of(version, document.currency or "", factor, [(1, document.amount_minor or 0, None)])
        points = 0 if rated is None else rated[1]
        if rated is None:
            reasons.append(Reason.CURRENCY_NOT_IN_POLICY)
    if account is None or reasons:
        return Outcome("rejected", first(reasons), customer_id=document.customer_id)
    tick = tick_of(document.occurred_at)
    entry = Entry("crm.loyalty.earn", document.command_id, (account.type, account.key), points, document.customer_id)
    entry.earned_date = utc_date(tick)
    entry.available_tick, entry.expires_tick = version.lot_ticks(tick)
    books.credit(account, points, Contra.EARNED, entry.available_tick, entry.expires_tick)
    note_earned(books, document.customer_id, entry.earned_date, points)
    books.enter(entry)
    return _applied(books, account, document.customer_id, tick, version.version)


def _account(books: Books, customer_id: str) -> Account | None:
    holder = books.holder(customer_id)
    return None if holder is None else books.follow(holder)


def _applied(books: Books, account: Account, customer_id: str | None, tick: int, version: int | None = None) -> Outcome:
    return Outcome("applied", customer_id=customer_id, points=points_part(books, account, tick), policy_version=version)


def _rejected(books: Books, account: Account | None, customer_id: str | None, tick: int, reason: Reason) -> Outcome:
    part = None if account is None else points_part(books, account, tick)
    return Outcome("rejected", reason, customer_id=customer_id, points=part)


def redeem(document: LoyaltyRedeem, books: Books) -> Outcome:
    """Spend points. The lots are remembered, so that a restore returns to them."""
    tick = tick_of(document.occurred_at)
    account = _account(books, document.customer_id)
    refused = customer_refused(books, document.customer_id, document.occurred_at)
    if account is None or refused is not None:
        shown = account if refused is not Reason.CUSTOMER_NOT_FOUND else None
        return _rejected(books, shown, document.customer_id, tick, refused or Reason.CUSTOMER_NOT_FOUND)
    version = books.policies.at(document.occurred_at)
    rules = version.policy.redeem
    if document.points < rules.min_points or document.points % rules.step_points:
        return _rejected(books, account, document.customer_id, tick, Reason.BELOW_MINIMUM)
    if document.points > account.available(tick):
        return _rejected(books, account, document.customer_id, tick, Reason.INSUFFICIENT_BALANCE)
    entry = Entry(
        "crm.loyalty.redeem", document.command_id, (account.type, account.key), document.points, document.customer_id
    )
    entry.picks = books.debit(account, document.points, Contra.REDEEMED, tick)
    books.enter(entry)
    return _applied(books, account, document.customer_id, tick, version.version)


def adjust(document: LoyaltyAdjust, books: Books) -> Outcome:
    """Correct a balance by hand, even of a blocked customer. It never makes a balance negative."""
    tick = tick_of(document.occurred_at)
    holder = books.holder(document.customer_id)
    if holder is None or holder.standing is Standing.UNCLAIMED:
        return Outcome("rejected", Reason.CUSTOMER_NOT_FOUND, customer_id=document.customer_id)
    account = books.follow(holder)
    if books.standing(holder, document.occurred_at) is Standing.CLOSED:
        return _rejected(books, account, document.customer_id, tick, Reason.CUSTOMER_ERASED)
    version = books.policies.at(document.occurred_at)
    if document.points > 0:
        _, expires_tick = version.lot_ticks(tick)
        books.credit(account, document.points, Contra.ADJUSTED, 0, expires_tick)
    elif -document.points > account.available(tick):
        return _rejected(books, account, document.customer_id, tick, Reason.INSUFFICIENT_BALANCE)
    else:
        books.debit(account, -document.points, Contra.ADJUSTED, tick)
    return _applied(books, account, document.customer_id, tick, version.version)


def transfer(document: LoyaltyTransfer, books: Books) -> Outcome:
    """Move points to another customer, soonest to expire first. A deficit of the receiver is filled first."""
    tick = tick_of(document.occurred_at)
    sender_id, receiver_id = document.from_customer_id, document.to_customer_id
    refused = first([customer_refused(books, id_, document.occurred_at) for id_ in (sender_id, receiver_id)])
    sender, receiver = _account(books, sender_id), _account(books, receiver_id)
    if sender is None or receiver is None or refused is not None:
        return Outcome("rejected", refused or Reason.CUSTOMER_NOT_FOUND, customer_id=sender_id)
    if sender is receiver:
        return _rejected(books, sender, sender_id, tick, Reason.INVALID_STATE)
    if document.points > sender.available(tick):
        return _rejected(books, sender, sender_id, tick, Reason.INSUFFICIENT_BALANCE)
    books.move(sender, receiver, document.points, tick)
    outcome = _applied(books, sender, sender_id, tick)
    outcome.counterparty = (receiver_id, points_part(books, receiver, tick))
    return outcome


def not_found(of: Of) -> Reason:
    """Return the `_not_found` of the type that a command refers to (contract CMD3)."""
    if of.type.startswith("scm.tender."):
        return Reason.TENDER_NOT_FOUND
    return Reason.SALE_NOT_FOUND if of.type.startswith("scm.sale.") else Reason.COMMAND_NOT_FOUND


def _refused(books: Books, customer_id: str, at_us: int) -> Reason | None:
    """Return why a command about this customer's earlier document is rejected, or None; a missing
    record is no reason.
    """
    reason = customer_refused(books, customer_id, at_us)
    return None if reason is Reason.CUSTOMER_NOT_FOUND else reason


def restore(document: LoyaltyRestore, books: Books) -> Outcome:
    """Give redeemed points back to the lots that they came from."""
    tick = tick_of(document.occurred_at)
    if document.of.type == TENDER:
        return _restore_tender(document, books, tick)
    entry = books.entries.get((document.of.type, document.of.id))
    if entry is None or entry.type != "crm.loyalty.redeem":
        return Outcome("rejected", not_found(document.of))
    account = books.at(entry.account)
    refused = _refused(books, entry.customer_id, document.occurred_at)
    if refused is not None:
        return Outcome("rejected", refused, customer_id=entry.customer_id)
    left = entry.amount - entry.undone
    points = left if document.points is None else document.points
    if account is None or points > left or left == 0:
        return Outcome("rejected", Reason.AMOUNT_OVER_CAPTURED, customer_id=entry.customer_id)
    version = books.policies.at(document.occurred_at)
    books.give_back(account, entry.picks, points, Contra.REDEEMED, tick, version.grace_end(tick))
    entry.undone += points
    entry.dirty = True
    return _applied(books, account, entry.customer_id, tick, version.version)


def _restore_tender(document: LoyaltyRestore, books: Books, tick: int) -> Outcome:
    """Restore a points tender: it counts as a refund to it (contract CMD5)."""
    tender = books.tenders.get(document.of.id)
    if tender is None or not tender.requested_minor or tender.kind != POINTS:
        return Outcome("rejected", Reason.TENDER_NOT_FOUND)
    refused = _refused(books, tender.customer_id, document.occurred_at)
    if refused is not None or tender.state is not State.CAPTURED or tender.value is None:
        return Outcome("rejected", refused or Reason.INVALID_STATE, tender_id=tender.id)
    outstanding = tender.captured_minor - tender.refunded_minor
    left = tender.units(outstanding)
    points = left if document.points is None else document.points
    if points > left or left == 0:
        return Outcome("rejected", Reason.AMOUNT_OVER_CAPTURED, tender_id=tender.id)
    back_minor = outstanding - min(_stays(tender.value, left - points), outstanding)
    if back_minor == 0:  # fewer points than a step: none would come back
        return Outcome("rejected", Reason.BELOW_MINIMUM, tender_id=tender.id)
    holds.refund(books, tender, back_minor, document.occurred_at)
    account = books.at(tender.account)
    part = None if account is None else points_part(books, account, tick)
    return Outcome("applied", customer_id=tender.customer_id, tender_id=tender.id, points=part, tenders=[tender.part()])


def _stays(value: PointValue, points: int) -> int:
    """Return the money that stays captured if at least `points` stay taken. No more points come back than the command
    asks, as many as possible, and as little money as possible is given back for them.
    """
    steps = -(-points // value.step)
    least = (steps - 1) * value.step * value.numerator // value.denominator + 1 if steps else 0
    return value.money(value.points(least))


def reverse(document: LoyaltyReverse, books: Books) -> Outcome:
    """Take earned points back by hand. A later return or void of the sale sets them off."""
    if document.of.type == SALE:
        sale = books.sales.get(document.of.id)
        if sale is None or not sale.decided:
            return Outcome("rejected", Reason.SALE_NOT_FOUND)
        return _reverse_sale(document, books, sale)
    entry = books.entries.get((document.of.type, document.of.id))
    if entry is None or entry.type != "crm.loyalty.earn":
        return Outcome("rejected", not_found(document.of))
    points = _what_is_left(document.points, entry.amount - entry.undone)
    account = books.at(entry.account)
    erased = _refused(books, entry.customer_id, document.occurred_at) is Reason.CUSTOMER_ERASED
    if account is None or points is None or erased:
        reason = Reason.CUSTOMER_ERASED if erased else Reason.OVER_RETURNED
        return Outcome("rejected", reason, customer_id=entry.customer_id)
    entry.undone += points
    entry.dirty = True
    tick = tick_of(document.occurred_at)
    version = books.policies.at(document.occurred_at)
    rule = version.policy.negative_balance
    note_earned(books, entry.customer_id, entry.earned_date or utc_date(tick), -points)
    reverse_points(books, account, points, (entry.available_tick, entry.expires_tick), tick, rule)
    return _applied(books, account, entry.customer_id, tick, version.version)


def _reverse_sale(document: LoyaltyReverse, books: Books, sale: Sale) -> Outcome:
    customer_id = sale.customer_id or None
    points = _what_is_left(document.points, 0 if sale.voided else sale.kept_points() - sale.by_hand)
    account = books.at(sale.account)
    erased = _refused(books, sale.customer_id, document.occurred_at) is Reason.CUSTOMER_ERASED
    if account is None or points is None or erased:
        return Outcome("rejected", Reason.CUSTOMER_ERASED if erased else Reason.OVER_RETURNED, customer_id=customer_id)
    sale.by_hand += points
    sale.dirty = True
    tick = tick_of(document.occurred_at)
    reverse_sale(sale, books, account, points, tick)
    return _applied(books, account, customer_id, tick, sale.policy_version)


def _what_is_left(asked: int | None, left: int) -> int | None:
    """Return the amount that the command asks for, by default all that is left. None if that is nothing, or more than
    is left.
    """
    points = left if asked is None else asked
    return points if 0 < points <= left else None
