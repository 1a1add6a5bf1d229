"""Gift card commands (contract §2.3)."""

from schemas.card_commands import (
    GiftCardExtend,
    GiftCardFreeze,
    GiftCardIssue,
    GiftCardLink,
    GiftCardRedeem,
    GiftCardReload,
    GiftCardReplace,
    GiftCardReverse,
    GiftCardTransfer,
    GiftCardUnfreeze,
)
from schemas.reasons import Reason, first
from worker.domain.decisions.customers import customer_refused
from worker.domain.decisions.loyalty import TENDER, not_found
from worker.domain.decisions.sales import card_expiry, card_timer
from worker.domain.rules import holds
from worker.domain.rules.card_access import accepted_card, frozen_by_pins
from worker.domain.rules.card_loads import card_refused, take_back_load
from worker.domain.rules.parts import card_part
from worker.domain.state.accounts import NEVER, Account, AccountType, CardDetails, Contra, Standing
from worker.domain.state.books import Books
from worker.domain.state.identity import derived_id, pin_digest
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import Outcome
from worker.domain.state.sale import Entry
from worker.domain.state.tender import GIFT_CARD, State


def _outcome(
    books: Books,
    cards: list[Account],
    reason: Reason | None = None,
    status: str | None = None,
    customer_id: str | None = None,
) -> Outcome:
    """Return the outcome of the command. Its customer is the named one, else the card's."""
    theirs = next((card.card.customer_id for card in cards if card.card and card.card.customer_id), None)
    return Outcome(
        status or ("applied" if reason is None else "rejected"),
        reason,
        customer_id=customer_id or theirs,
        gift_cards=[card_part(books, card) for card in cards],
    )


def _not_accepted(customer_id: str | None = None) -> Outcome:
    return Outcome("rejected", Reason.CARD_NOT_ACCEPTED, customer_id=customer_id)


def _load_refused(books: Books, amount_minor: int, balance_minor: int, at_us: int) -> Reason | None:
    rules = books.policies.at(at_us).policy.gift_card
    if amount_minor < rules.min_load_minor:
        return Reason.BELOW_MINIMUM
    if amount_minor > rules.max_load_minor or balance_minor + amount_minor > rules.max_balance_minor:
        return Reason.OVER_MAXIMUM
    return None


def issue(document: GiftCardIssue, books: Books) -> Outcome:
    """Create a card with a first load."""
    reasons: list[Reason | None] = []
    number = document.gift_card.number
    if document.customer_id is not None:
        reasons.append(customer_refused(books, document.customer_id, document.occurred_at))
    card_id = derived_id(books.orgcode, "crm.giftcard.issue", document.command_id)
    if (number is not None and books.numbered(number) is not None) or (AccountType.CARD, card_id) in books.accounts:
        reasons.append(Reason.CARD_EXISTS)
    reasons.append(_load_refused(books, document.amount_minor, 0, document.occurred_at))
    tick = tick_of(document.occurred_at)
    version = books.policies.at(document.occurred_at)
    last_tick = card_expiry(version, tick) if document.expires_on is None else version.calendar.end(document.expires_on)
    if last_tick < tick:
        reasons.append(Reason.CARD_EXPIRED)
    reason = first(reasons)
    if reason is not None:
        return Outcome("rejected", reason, customer_id=document.customer_id)
    details = CardDetails(
        "" if number is None else number.last4,
        last_tick,
        b"" if document.pin is None else pin_digest(document.pin.tokens[0], card_id),
        document.customer_id or "",
    )
    card = books.open_card(card_id, number, document.currency, details)
    card_timer(books, card)
    _load(books, card, "crm.giftcard.issue", document.command_id, document.amount_minor)
    return _outcome(books, [card])


def _load(books: Books, card: Account, type_: str, command_id: str, amount_minor: int) -> None:
    books.credit(card, amount_minor, Contra.ISSUED)
    books.enter(Entry(type_, command_id, (card.type, card.key), amount_minor))


def reload(document: GiftCardReload, books: Books) -> Outcome:
    """Load a card within the policy's limits; with `allow_partial`, as much as they leave room for."""
    card = books.loadable(document.gift_card)
    if card is None:
        return _not_accepted()
    rules = books.policies.at(document.occurred_at).policy.gift_card
    refused = first(
        [
            Reason.CURRENCY_MISMATCH if card.currency != document.currency else None,
            None if rules.reload else Reason.INVALID_STATE,
            card_refused(card, tick_of(document.occurred_at)),
        ]
    )
    amount = document.amount_minor
    over = _load_refused(books, amount, card.balance, document.occurred_at)
    if over is Reason.OVER_MAXIMUM and document.allow_partial:
        amount = min(rules.max_load_minor, rules.max_balance_minor - card.balance)
        over = None if amount >= max(rules.min_load_minor, 1) else over
    reason = first([refused, over])
    if reason is not None:
        return _outcome(books, [card], reason)
    _load(books, card, "crm.giftcard.reload", document.command_id, amount)
    partial = amount < document.amount_minor
    return _outcome(books, [card], Reason.OVER_MAXIMUM if partial else None, "partial" if partial else "applied")


def redeem(document: GiftCardRedeem, books: Books, *, trusted: bool) -> Outcome:
    """Take money from a card at once, without a sale."""
    card = accepted_card(document.gift_card, books, trusted=trusted)
    if card is None:
        return _not_accepted()
    tick = tick_of(document.occurred_at)
    available = card.available(tick)
    reason = first([Reason.CURRENCY_MISMATCH if card.currency != document.currency else None, card_refused(card, tick)])
    if reason is not None:
        return _outcome(books, [card], reason)
    amount = min(document.amount_minor, available)
    short = amount < document.amount_minor
    if short and (not document.allow_partial or amount == 0):
        return _outcome(books, [card], Reason.INSUFFICIENT_BALANCE)
    entry = Entry("crm.giftcard.redeem", document.command_id, (card.type, card.key), amount)
    entry.picks = books.debit(card, amount, Contra.SPENT, tick)
    books.enter(entry)
    return _outcome(books, [card], Reason.INSUFFICIENT_BALANCE if short else None, "partial" if short else "applied")


def reverse(document: GiftCardReverse, books: Books) -> Outcome:
    """Undo a redemption, a load, or a captured tender of a card, as a whole or in part."""
    if document.of.type == TENDER:
        return _reverse_tender(document, books)
    entry = books.entries.get((document.of.type, document.of.id))
    if entry is None or entry.account[0] is not AccountType.CARD:
        return Outcome("rejected", not_found(document.of))
    card = books.follow(books.accounts[entry.account])
    left = entry.amount - entry.undone
    amount = left if document.amount_minor is None else document.amount_minor
    if amount > left or left == 0:
        return _outcome(books, [card], Reason.AMOUNT_OVER_CAPTURED)
    entry.undone += amount
    entry.dirty = True
    if entry.type == "crm.giftcard.redeem":
        books.credit(card, amount, Contra.SPENT)
    else:
        take_back_load(books, entry.account[1], amount, Contra.ISSUED, tick_of(document.occurred_at))
    return _outcome(books, [card])


def _reverse_tender(document: GiftCardReverse, books: Books) -> Outcome:
    tender = books.tenders.get(document.of.id)
    if tender is None or tender.kind != GIFT_CARD:
        return Outcome("rejected", Reason.TENDER_NOT_FOUND)
    card = books.at(tender.account)
    if card is None or tender.state is not State.CAPTURED:
        return Outcome("rejected", Reason.INVALID_STATE, tender_id=tender.id)
    left = tender.captured_minor - tender.refunded_minor
    amount = left if document.amount_minor is None else document.amount_minor
    if amount > left or left == 0:
        return Outcome("rejected", Reason.AMOUNT_OVER_CAPTURED, tender_id=tender.id)
    holds.refund(books, tender, amount, document.occurred_at)
    outcome = _outcome(books, [card])
    outcome.tender_id = tender.id
    outcome.tenders = [tender.part()]
    return outcome


def freeze(document: GiftCardFreeze, books: Books) -> Outcome:
    """Freeze a card. Freezing a frozen card is `applied`, too."""
    card = books.card(document.gift_card)
    if card is None:
        return _not_accepted(document.customer_id)
    if card.standing is Standing.ACTIVE:
        books.touch(card)
        card.standing = Standing.FROZEN
    return _outcome(books, [card], customer_id=document.customer_id)


def unfreeze(document: GiftCardUnfreeze, books: Books, *, trusted: bool) -> Outcome:
    """Unfreeze a card that is not below zero. Lifting a freeze by wrong PINs keeps their count: until the right PIN
    comes, the next wrong one freezes the card again. Through an interface, it takes the scope card:trusted (contract
    SAFE3, SAFE4).
    """
    card = books.card(document.gift_card)
    if card is None:
        return _not_accepted(document.customer_id)
    if frozen_by_pins(card) and not trusted:
        return Outcome("rejected", Reason.CARD_FROZEN, customer_id=document.customer_id)
    if card.balance < 0 or card.standing is Standing.REPLACED:
        return _outcome(books, [card], Reason.INVALID_STATE, customer_id=document.customer_id)
    if card.standing is Standing.FROZEN:
        books.touch(card)
        card.standing = Standing.ACTIVE
    return _outcome(books, [card], customer_id=document.customer_id)


def link(document: GiftCardLink, books: Books) -> Outcome:
    """Link a card to a customer. A blocked customer gets no more cards; their present cards are not affected."""
    card = books.card(document.gift_card)
    if card is None or card.card is None:
        return _not_accepted(document.customer_id)
    replaced = Reason.INVALID_STATE if card.standing is Standing.REPLACED else None
    reason = first([customer_refused(books, document.customer_id or "", document.occurred_at), replaced])
    if reason is None:
        card.card.customer_id = document.customer_id or ""
        books.changed[card] = None
    return _outcome(books, [card], reason, customer_id=document.customer_id)


def extend(document: GiftCardExtend, books: Books) -> Outcome:
    """Give a card a later last day, or none. If that makes it valid at `occurred_at`, its breakage comes back."""
    card = books.card(document.gift_card)
    if card is None or card.card is None:
        return _not_accepted()
    calendar = books.policies.at(document.occurred_at).calendar
    last_tick = NEVER if document.expires_on is None else calendar.end(document.expires_on)
    if last_tick < card.card.expires_tick or card.standing is Standing.REPLACED:
        return _outcome(books, [card], Reason.INVALID_STATE)
    if last_tick > card.card.expires_tick:
        books.touch(card)
        card.card.expires_tick = last_tick
        card_timer(books, card)
        if last_tick >= tick_of(document.occurred_at):
            books.revive(card)
    return _outcome(books, [card])


def replace(document: GiftCardReplace, books: Books) -> Outcome:
    """Let a new card take over everything from a lost or broken one. Later documents that name the old card follow to
    the new one, except requests: for them the old card is frozen (contract CMD21–24).
    """
    source = books.card(document.from_card)
    if source is None or source.card is None:
        return _not_accepted()
    number = document.to_card.number
    card_id = derived_id(books.orgcode, "crm.giftcard.replace", document.command_id)
    exists = books.numbered(number) is not None or (AccountType.CARD, card_id) in books.accounts
    reason = first(
        [
            Reason.INVALID_STATE if source.standing is Standing.REPLACED else None,
            Reason.CARD_EXISTS if exists else None,
        ]
    )
    if reason is not None:
        return _outcome(books, [source], reason)
    pin = b"" if document.pin is None else pin_digest(document.pin.tokens[0], card_id)
    details = CardDetails(number.last4, source.card.expires_tick, pin, source.card.customer_id)
    target = books.open_card(card_id, number, source.currency, details)
    card_timer(books, target)
    books.move_all(source, target, tick_of(document.occurred_at))
    books.lead(source, target)
    source.standing = Standing.REPLACED
    source.card.expires_tick, source.card.customer_id = NEVER, ""  # they belong to the new card now
    return _outcome(books, [source, target])


def transfer(document: GiftCardTransfer, books: Books, *, trusted: bool) -> Outcome:
    """Move a balance, or a part of it, to another card."""
    source, target = accepted_card(document.from_card, books, trusted=trusted), books.loadable(document.to_card)
    if source is None or target is None:
        return _not_accepted()
    tick = tick_of(document.occurred_at)
    available = source.available(tick)
    amount = available if document.amount_minor is None else document.amount_minor
    rules = books.policies.at(document.occurred_at).policy.gift_card
    reasons = [
        Reason.CURRENCY_MISMATCH if source.currency != target.currency else None,
        Reason.INVALID_STATE if source is target else None,
        card_refused(source, tick),
        card_refused(target, tick),
        Reason.OVER_MAXIMUM if target.balance + amount > rules.max_balance_minor else None,
        Reason.INSUFFICIENT_BALANCE if amount > available or amount == 0 else None,
    ]
    reason = first(reasons)
    if reason is not None:
        return _outcome(books, [source], reason)
    books.move(source, target, amount, tick)
    return _outcome(books, [source, target])
