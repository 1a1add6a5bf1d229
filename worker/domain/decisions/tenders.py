"""The documents that a till waits for: can this card, or these points, pay? Then captures and voids (contract §2.2
Tenders).
"""

from schemas.documents import CardRef, TenderCaptured, TenderRequested, TenderVoided
from schemas.reasons import Reason, first
from worker.domain.decisions.customers import customer_refused
from worker.domain.decisions.returns import Parked
from worker.domain.rules import holds
from worker.domain.rules.card_loads import card_refused
from worker.domain.rules.parts import card_part, points_part
from worker.domain.state.accounts import DAY_US, Account, Kind, Standing
from worker.domain.state.books import Books, Pins
from worker.domain.state.identity import pin_digest
from worker.domain.state.movements import Timer, day_of
from worker.domain.state.outcome import Outcome, PointsPart
from worker.domain.state.policy import PolicyVersion
from worker.domain.state.sale import Sale
from worker.domain.state.tender import ALL, State, Tender

PIN_ATTEMPTS = 5
SECOND_US = 1_000_000


def request(doc: TenderRequested, books: Books, record_us: int, max_age_days: int, *, trusted: bool) -> Outcome:
    """Hold, take or decline: decided at once, for good. `record_us` is when the record was written to its topic."""
    tender = books.tender(doc.tender_id)
    sale = books.sale(doc.sale_id) if doc.sale_id is not None else None
    if sale is not None and not sale.crowded:
        sale.requests.append(doc.tender_id)
        sale.dirty = True
    version = books.policies.at(doc.occurred_at)
    tender.kind = doc.kind
    tender.sale_id = doc.sale_id or ""
    tender.customer_id = doc.customer_id or ""
    tender.currency = doc.currency
    tender.requested_minor = doc.amount_minor
    tender.dirty = True
    reasons = [] if sale is None or not sale.voided else [Reason.ALREADY_VOIDED]
    if tender.state is State.VOIDED:
        reasons.append(Reason.ALREADY_VOIDED)
    if _late(doc, books, record_us, max_age_days):
        reasons.append(Reason.TOO_LATE)
    if reasons:
        return _answer(doc, books, tender, None, version, 0, first(reasons))
    account, refused = _card(doc, books, trusted=trusted) if doc.kind == "gift_card" else _points(doc, books)
    if refused is not None or account is None:
        return _answer(doc, books, tender, account, version, 0, refused)
    day = day_of(doc.occurred_at)
    if doc.kind == "points":
        tender.value = version.point_value(doc.currency)
        if tender.value is None:
            return _answer(doc, books, tender, account, version, 0, Reason.CURRENCY_NOT_IN_POLICY)
        if tender.value.points(doc.amount_minor) < version.policy.redeem.min_points:
            return _answer(doc, books, tender, account, version, 0, Reason.BELOW_MINIMUM)
    approved, reason = _approve(doc, books, tender, account, sale, version, day)
    return _answer(doc, books, tender, account, version, approved, reason)


def _late(doc: TenderRequested, books: Books, record_us: int, max_age_days: int) -> bool:
    if doc.decide_by is not None and books.now_us > doc.decide_by:
        return True
    return doc.kind == "gift_card" and doc.occurred_at < record_us - max_age_days * DAY_US


def _card(doc: TenderRequested, books: Books, *, trusted: bool) -> tuple[Account | None, Reason | None]:
    """Return the card, and why it can't pay; no card if it is not accepted, because nothing is told about it (contract
    SAFE1).
    """
    ref = doc.gift_card
    assert ref is not None  # noqa: S101  the schema's rule: a gift card request names a card
    card = accepted_card(ref, books, trusted=trusted)
    if card is None:
        return None, Reason.CARD_NOT_ACCEPTED
    refused = []
    if doc.customer_id is not None:
        refused.append(customer_refused(books, doc.customer_id, doc.occurred_at))
    if card.currency != doc.currency:
        refused.append(Reason.CURRENCY_MISMATCH)
    refused.append(card_refused(card, day_of(doc.occurred_at)))
    return card, first(refused)


def accepted_card(ref: CardRef, books: Books, *, trusted: bool) -> Account | None:
    """Return the card if it is known and its PIN is right. Five wrong PINs in a row freeze it. From then on no PIN is
    checked, so a frozen card doesn't tell which PIN is right (contract SAFE2).

    `trusted`: a card_id replaces an absent PIN (contract SAFE5). A PIN that is given must be right.
    """
    if books.pins is Pins.REFUSED:
        return None
    card = books.card(ref)
    if card is None or card.card is None:
        return None
    facts = card.card
    if not facts.pin or books.pins is Pins.WAIVED:
        return card
    if ref.pin is None:
        return card if trusted and ref.card_id is not None else None
    if frozen_by_pins(card):
        return None
    if any(pin_digest(token, card.key) == facts.pin for token in ref.pin.tokens):
        if facts.pin_failures:
            facts.pin_failures = 0
            books.changed[card] = None
        return card
    facts.pin_failures += 1
    books.changed[card] = None
    if facts.pin_failures >= PIN_ATTEMPTS and card.standing is Standing.ACTIVE:
        books.touch(card)
        card.standing = Standing.FROZEN
        books.timers.append(Timer("frozen", f"{card.key}\n{card.version}", books.now_us))
    return None


def frozen_by_pins(card: Account) -> bool:
    """Return whether wrong PINs froze the card. Lifting that freeze keeps their count: the next wrong PIN freezes the
    card again.
    """
    return card.standing is not Standing.ACTIVE and card.card is not None and card.card.pin_failures >= PIN_ATTEMPTS


def _points(doc: TenderRequested, books: Books) -> tuple[Account | None, Reason | None]:
    customer_id = doc.customer_id or ""
    refused = customer_refused(books, customer_id, doc.occurred_at)
    if refused is Reason.CUSTOMER_NOT_FOUND:
        return None, refused
    holder = books.holder(customer_id)
    return (None if holder is None else books.follow(holder)), refused


def _approve(
    doc: TenderRequested, books: Books, tender: Tender, account: Account, sale: Sale | None, version: PolicyVersion,
    day: int,
) -> tuple[int, Reason | None]:  # fmt: skip
    """Return how much of the amount can be paid, and the first reason why it is not all."""
    limits = [(tender.money(account.available(day)), Reason.INSUFFICIENT_BALANCE)]
    if doc.eligible_minor is not None:
        if doc.kind == "points":
            limits.append((doc.eligible_minor, Reason.OVER_MAXIMUM))
        elif not version.policy.gift_card.bought_with_gift_card:
            limits.append((doc.eligible_minor, Reason.GIFT_CARD_BUYS_GIFT_CARD))
    if doc.kind == "points" and version.policy.redeem.max_share_of_sale < 1:
        limits.append((_share_left(doc, books, tender, sale, version), Reason.OVER_MAXIMUM))
    approved = min([doc.amount_minor, *(limit for limit, _ in limits)])
    reason = first([why for limit, why in limits if limit < doc.amount_minor])
    if reason is not None and not doc.allow_partial:
        return 0, reason
    if approved and tender.value is not None and tender.units(approved) < version.policy.redeem.min_points:
        return 0, reason
    return approved, reason


def _share_left(doc: TenderRequested, books: Books, tender: Tender, sale: Sale | None, version: PolicyVersion) -> int:
    """Return how much of the sale points may still pay; nothing if the request does not name its sale (contract §2.1).

    The id of a crowded sale names none.
    """
    if sale is None or doc.sale_total_minor is None or doc.tender_id not in sale.requests:
        return 0
    share = version.policy.redeem.max_share_of_sale
    cap = doc.sale_total_minor * share.numerator // share.denominator
    for other_id in sale.requests:
        other = books.tenders.get(other_id)
        if other is None or other is tender or other.kind != "points":
            continue
        if other.state is State.AUTHORIZED:
            cap -= other.approved_minor
        elif other.state is State.CAPTURED:
            cap -= other.captured_minor - other.refunded_minor
    return max(cap, 0)


def _answer(
    doc: TenderRequested, books: Books, tender: Tender, account: Account | None, version: PolicyVersion, approved: int,
    reason: Reason | None,
) -> Outcome:  # fmt: skip
    day = day_of(doc.occurred_at)
    if approved and account is not None:
        hold_s = doc.hold_s or version.policy.gift_card.hold_s
        holds.authorize(books, tender, account, approved, day)
        if doc.capture and tender.state is State.AUTHORIZED:
            holds.take(books, tender, approved, day)
        if tender.state is State.AUTHORIZED:
            tender.expires_us = books.now_us + hold_s * SECOND_US
            books.timers.append(Timer("hold", tender.id, tender.expires_us))
        status = "approved" if reason is None else "partial"
    else:
        status = "declined"
        if reason is Reason.ALREADY_VOIDED:
            tender.state, tender.parked_minor = State.VOIDED, None
        else:
            tender.state = State.DECLINED
        books.wake(tender)
    card = account if account is not None and account.kind is Kind.CARD else None
    points: PointsPart | None = None
    if account is not None and card is None:
        points = points_part(books, account, day)
    return Outcome(
        status,
        reason,
        customer_id=doc.customer_id,
        sale_id=doc.sale_id,
        tender_id=tender.id,
        points=points,
        gift_cards=[card_part(books, card)] if card is not None else [],
        tender=tender.part(reason),
        policy_version=version.version,
    )


def captured(doc: TenderCaptured, books: Books, *, resumed: bool, overdue: bool) -> Outcome | Parked:
    """Take what was held, or less. A capture before its request waits; if it waits too long, it has named no amount."""
    tender = books.tender(doc.tender_id)
    day = day_of(doc.occurred_at)
    reason: Reason | None
    match tender.state:
        case State.NONE | State.AWAITING if overdue:
            tender.give_up()
            return Outcome("rejected", Reason.PARKED_TOO_LONG, tender_id=tender.id)
        case State.NONE | State.AWAITING:
            tender.wait(ALL if doc.amount_minor is None else doc.amount_minor)
            return Parked("tender", tender.id, Reason.TENDER_NOT_FOUND, tender.part())
        case _ if resumed:
            return _followed(doc, books, tender, day)
        case State.DECLINED:
            reason = Reason.INVALID_STATE
        case State.VOIDED:
            reason = Reason.ALREADY_VOIDED
        case _:
            reason = holds.capture(books, tender, doc.amount_minor, doc.occurred_at)
            some = tender.state is State.CAPTURED
            return _moved(
                books, tender, "applied" if reason is None else "partial" if some else "rejected", day, reason
            )
    return _moved(books, tender, "rejected", day, reason)


def _followed(doc: TenderCaptured, books: Books, tender: Tender, day: int) -> Outcome:
    """Return the outcome of a capture that waited. It follows the request (contract TEND18), whatever came right after
    the request, because it was counted when the request was decided.
    """
    if tender.parked_minor is None:  # a void came before the request
        return _moved(books, tender, "rejected", day, Reason.ALREADY_VOIDED)
    if tender.approved_minor == 0:
        return _moved(books, tender, "rejected", day, Reason.INVALID_STATE)
    over = doc.amount_minor is not None and doc.amount_minor > tender.approved_minor
    return _moved(books, tender, "partial" if over else "applied", day, Reason.AMOUNT_OVER_AUTHORIZED if over else None)


def voided(doc: TenderVoided, books: Books) -> Outcome:
    """Release a hold, give back what was taken, or leave a tombstone."""
    tender = books.tender(doc.tender_id)
    holds.void(books, tender, doc.occurred_at)
    return _moved(books, tender, "applied", day_of(doc.occurred_at), None)


def _moved(books: Books, tender: Tender, status: str, day: int, reason: Reason | None) -> Outcome:
    account = books.at(tender.account)
    card = account if account is not None and account.kind is Kind.CARD else None
    return Outcome(
        status,
        reason,
        customer_id=tender.customer_id or None,
        sale_id=tender.sale_id or None,
        tender_id=tender.id,
        points=points_part(books, account, day) if account is not None and card is None else None,
        gift_cards=[card_part(books, card)] if card is not None else [],
        tender=tender.part(reason),
    )
