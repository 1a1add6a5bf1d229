"""The documents that a till waits for: can this card, or these points, pay? Then captures and voids (contract §2.2
Tenders).
"""

from schemas.documents import TenderCaptured, TenderRequested, TenderVoided
from schemas.reasons import Reason, first
from worker.domain.decisions.kinds import KINDS
from worker.domain.rules import holds
from worker.domain.rules.parts import card_part, points_part
from worker.domain.state.accounts import Account, AccountType
from worker.domain.state.books import Books
from worker.domain.state.movements import Timer, tick_of
from worker.domain.state.outcome import Outcome, Parked, PointsPart
from worker.domain.state.policy import PolicyVersion
from worker.domain.state.sale import Sale
from worker.domain.state.tender import ALL, State, Tender

SECOND_US = 1_000_000


def request(document: TenderRequested, books: Books, record_us: int, max_age_days: int, *, trusted: bool) -> Outcome:
    """Hold, take or decline, at once and for good. `record_us` is when the record was written to its topic."""
    kind = KINDS[document.kind]
    tender, sale = _requested(document, books)
    version = books.policies.at(document.occurred_at)
    reasons = [] if sale is None or not sale.voided else [Reason.ALREADY_VOIDED]
    if tender.state is State.VOIDED:
        reasons.append(Reason.ALREADY_VOIDED)
    if kind.is_late(document, record_us, max_age_days) or (
        document.decide_by is not None and books.now_us > document.decide_by
    ):
        reasons.append(Reason.TOO_LATE)
    if reasons:
        return _answer(document, books, tender, None, version, 0, first(reasons))
    account, refused = kind.account(document, books, trusted=trusted)
    if refused is not None or account is None:
        return _answer(document, books, tender, account, version, 0, refused)
    refused = kind.refused(tender, version)
    if refused is not None:
        return _answer(document, books, tender, account, version, 0, refused)
    approved, reason = _approve(document, books, tender, account, sale, version)
    return _answer(document, books, tender, account, version, approved, reason)


def _requested(document: TenderRequested, books: Books) -> tuple[Tender, Sale | None]:
    """Note the requested amount on the tender, and the request on its sale."""
    tender = books.tender(document.tender_id)
    tender.kind = document.kind
    tender.sale_id = document.sale_id or ""
    tender.customer_id = document.customer_id or ""
    tender.currency = document.currency
    tender.requested_minor = document.amount_minor
    tender.dirty = True
    if document.sale_id is None:
        return tender, None
    sale = books.sale(document.sale_id)
    if not sale.crowded:
        sale.requests.append(document.tender_id)
        sale.dirty = True
    return tender, sale


def _approve(
    document: TenderRequested, books: Books, tender: Tender, account: Account, sale: Sale | None, version: PolicyVersion
) -> tuple[int, Reason | None]:
    """Return how much of the amount can be paid, and the first reason if that is not all of it."""
    kind = KINDS[document.kind]
    available = tender.money(account.available(tick_of(document.occurred_at)))
    limits = [(available, Reason.INSUFFICIENT_BALANCE), *kind.limits(document, books, tender, sale, version)]
    approved = min([document.amount_minor, *(limit for limit, _ in limits)])
    reason = first([why for limit, why in limits if limit < document.amount_minor])
    if reason is not None and not document.allow_partial:
        return 0, reason
    if approved and tender.units(approved) < kind.least(version):
        return 0, reason
    return approved, reason


def _answer(
    document: TenderRequested,
    books: Books,
    tender: Tender,
    account: Account | None,
    version: PolicyVersion,
    approved: int,
    reason: Reason | None,
) -> Outcome:
    tick = tick_of(document.occurred_at)
    if approved and account is not None:
        _hold(document, books, tender, account, approved, document.hold_s or version.policy.gift_card.hold_s)
        status = "approved" if reason is None else "partial"
    else:
        _decline(books, tender, reason)
        status = "declined"
    card = account if account is not None and account.type is AccountType.CARD else None
    points: PointsPart | None = None
    if account is not None and card is None:
        points = points_part(books, account, tick)
    return Outcome(
        status,
        reason,
        customer_id=document.customer_id,
        sale_id=document.sale_id,
        tender_id=tender.id,
        points=points,
        gift_cards=[card_part(books, card)] if card is not None else [],
        tender=tender.part(reason),
        policy_version=version.version,
    )


def _hold(
    document: TenderRequested, books: Books, tender: Tender, account: Account, approved: int, hold_s: int
) -> None:
    """Hold the approved amount. Take it at once if the request or an earlier document says so."""
    tick = tick_of(document.occurred_at)
    holds.authorize(books, tender, account, approved, tick)
    if document.capture and tender.state is State.AUTHORIZED:
        holds.capture_held(books, tender, approved, tick)
    if tender.state is State.AUTHORIZED:
        tender.expires_us = books.now_us + hold_s * SECOND_US
        books.timers.append(Timer("hold", tender.id, tender.expires_us))


def _decline(books: Books, tender: Tender, reason: Reason | None) -> None:
    if reason is Reason.ALREADY_VOIDED:
        tender.state, tender.parked_minor = State.VOIDED, None
    else:
        tender.state = State.DECLINED
    books.wake(tender)


def captured(document: TenderCaptured, books: Books, *, resumed: bool, overdue: bool) -> Outcome | Parked:
    """Take the amount held, or less. A capture before its request waits. If it waits too long, it counts as never
    named.
    """
    tender = books.tender(document.tender_id)
    tick = tick_of(document.occurred_at)
    reason: Reason | None
    match tender.state:
        case State.NONE | State.AWAITING if overdue:
            tender.give_up()
            return Outcome("rejected", Reason.PARKED_TOO_LONG, tender_id=tender.id)
        case State.NONE | State.AWAITING:
            tender.wait(ALL if document.amount_minor is None else document.amount_minor)
            return Parked("tender", tender.id, Reason.TENDER_NOT_FOUND, tender.part())
        case _ if resumed:
            return _followed(document, books, tender, tick)
        case State.DECLINED:
            reason = Reason.INVALID_STATE
        case State.VOIDED:
            reason = Reason.ALREADY_VOIDED
        case _:
            reason = holds.capture(books, tender, document.amount_minor, document.occurred_at)
            some = tender.state is State.CAPTURED
            return _shown(
                books, tender, "applied" if reason is None else "partial" if some else "rejected", tick, reason
            )
    return _shown(books, tender, "rejected", tick, reason)


def _followed(document: TenderCaptured, books: Books, tender: Tender, tick: int) -> Outcome:
    """Return the outcome of a capture that waited. It follows the request (contract TEND18), whatever came right after
    the request, because it was counted when the request was decided.
    """
    if tender.parked_minor is None:  # a void came before the request
        return _shown(books, tender, "rejected", tick, Reason.ALREADY_VOIDED)
    if tender.approved_minor == 0:
        return _shown(books, tender, "rejected", tick, Reason.INVALID_STATE)
    over = document.amount_minor is not None and document.amount_minor > tender.approved_minor
    return _shown(
        books, tender, "partial" if over else "applied", tick, Reason.AMOUNT_OVER_AUTHORIZED if over else None
    )


def voided(document: TenderVoided, books: Books) -> Outcome:
    """Release a hold, give a captured amount back, or leave a tombstone."""
    tender = books.tender(document.tender_id)
    holds.void(books, tender, document.occurred_at)
    return _shown(books, tender, "applied", tick_of(document.occurred_at), None)


def _shown(books: Books, tender: Tender, status: str, tick: int, reason: Reason | None) -> Outcome:
    account = books.at(tender.account)
    card = account if account is not None and account.type is AccountType.CARD else None
    return Outcome(
        status,
        reason,
        customer_id=tender.customer_id or None,
        sale_id=tender.sale_id or None,
        tender_id=tender.id,
        points=points_part(books, account, tick) if account is not None and card is None else None,
        gift_cards=[card_part(books, card)] if card is not None else [],
        tender=tender.part(reason),
    )
