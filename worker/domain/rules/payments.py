"""The tenders of a sale: the sale captures the tenders that it names, and its void gives them back (contract §2.2).

A tender belongs to the completed sale that names it first. Another sale takes nothing from it.
"""

from schemas.documents import SaleCompleted, SaleTender
from schemas.reasons import Reason, first
from worker.domain.rules import holds
from worker.domain.rules.parts import points_part
from worker.domain.state.books import Books
from worker.domain.state.outcome import TenderPart
from worker.domain.state.sale import Sale
from worker.domain.state.tender import POINTS, STORED_VALUE, State, Tender


def settle(document: SaleCompleted, sale: Sale, books: Books, tick: int) -> list[TenderPart]:
    """Capture the tenders that the sale names, and give back those that were requested for it and that it does not
    name.
    """
    parts = [_capture(document, tender, sale, books) for tender in document.tenders if tender.kind in STORED_VALUE]
    if sale.requests:
        parts += _orphans(sale, books, tick)
    return for_payers(books, parts, tick) if parts else parts


def _capture(document: SaleCompleted, named: SaleTender, sale: Sale, books: Books) -> TenderPart:
    """Capture the tender that the sale names, unless it belongs to another sale."""
    tender = books.tender(named.tender_id)
    sale.tenders.append(tender.id)
    if not tender.claim(sale.id):
        return tender.part(_of_another_sale(tender, document.currency))
    before = _position(tender)
    reason: Reason | None
    match tender.state:
        case State.NONE | State.AWAITING:
            tender.name(named.amount_minor, document.currency)
            reason = Reason.TENDER_NOT_FOUND
        case State.DECLINED:
            reason = Reason.INVALID_STATE
        case State.VOIDED:
            reason = Reason.ALREADY_VOIDED
        case _ if tender.currency != document.currency:
            reason = Reason.CURRENCY_MISMATCH
        case _:
            reason = holds.capture(books, tender, named.amount_minor, document.occurred_at)
            if named.kind != tender.kind:
                reason = first([reason, Reason.KIND_MISMATCH])
    return tender.part(reason, moved=_position(tender) != before and tender.state is not State.AWAITING)


def _of_another_sale(tender: Tender, currency: str) -> Reason | None:
    """Return why a sale takes nothing from a tender that belongs to another one."""
    return first(
        [
            Reason.INVALID_STATE,
            Reason.ALREADY_VOIDED if tender.state is State.VOIDED else None,
            Reason.CURRENCY_MISMATCH if tender.currency and tender.currency != currency else None,
        ]
    )


def _orphans(sale: Sale, books: Books, tick: int) -> list[TenderPart]:
    """Return the parts of tenders that were requested for this sale and that it does not name (contract SALE12,
    SALE14).

    Tills retry a payment under another id. A hold is released. A captured tender stays captured, and is listed.
    """
    if sale.crowded:  # the id is a placeholder, so its requests are not this sale's
        return []
    parts = []
    for tender in map(books.tender, sale.requests):
        if tender.owner:
            continue
        if tender.state is State.AUTHORIZED:
            holds.expire(books, tender, tick)
            parts.append(tender.part(Reason.NOT_IN_SALE, moved=True, listed=False))
        elif tender.state is State.CAPTURED:
            parts.append(tender.part(Reason.NOT_IN_SALE))
    return parts


def for_payers(books: Books, parts: list[TenderPart], tick: int) -> list[TenderPart]:
    """Return the parts. Each one that a notice follows has the tender's own customer and, if it took points, their
    account.
    """
    return [_for_payer(books, part, tick) if part.moved else part for part in parts]


def _for_payer(books: Books, part: TenderPart, tick: int) -> TenderPart:
    tender = books.tender(part.tender_id)
    account = books.at(tender.account) if tender.kind == POINTS else None
    shown = None if account is None else points_part(books, account, tick)
    return part._replace(customer_id=tender.customer_id or None, account=shown)


def _position(tender: Tender) -> tuple[State, int, int]:
    return tender.state, tender.captured_minor, tender.refunded_minor


def void_all(sale: Sale, books: Books, at_us: int) -> list[TenderPart]:
    """Void the tenders that belong to the sale, and those that belong to no sale and whose requests name it. Take back
    what the sale's returns refunded to other tenders (contract SVOID5–7).
    """
    ids = dict.fromkeys(sale.tenders + sale.requests)
    hit = [tender for tender in map(books.tender, ids) if tender.owner in ("", sale.id)]
    parts = [_void_part(books, tender, at_us) for tender in hit]
    for tender_id, amount_minor in sale.refunds:
        tender = books.tender(tender_id)
        if tender not in hit and holds.unrefund(books, tender, amount_minor, at_us):
            parts.append(tender.part(moved=True))
    return parts


def void_named(books: Books, named: SaleTender, sale: Sale, document: SaleCompleted) -> TenderPart:
    tender = books.tender(named.tender_id)
    if not tender.claim(sale.id):
        return tender.part(_of_another_sale(tender, document.currency))
    return _void_part(books, tender, document.occurred_at)


def _void_part(books: Books, tender: Tender, at_us: int) -> TenderPart:
    moved = holds.void(books, tender, at_us)
    return tender.part(moved=moved)
