"""The refunds of a return: money goes back to its tenders, or is loaded on gift cards (contract §2.2 Returns)."""

from schemas.documents import Refund, ReturnCompleted
from schemas.reasons import Reason, first
from worker.domain.decisions.sales import card_expiry, card_timer
from worker.domain.rules import holds
from worker.domain.rules.card_loads import card_refused
from worker.domain.state.accounts import CardDetails, Contra
from worker.domain.state.books import Books
from worker.domain.state.identity import derived_id
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import TenderPart
from worker.domain.state.sale import Return, Sale
from worker.domain.state.tender import STORED_VALUE, State, Tender

WAITED_FOR = (State.NONE, State.AWAITING, State.AUTHORIZED)


class Refunds:
    """Gives back the refunds of a return, and collects their results.

    `counted`: whether any refund took effect. `reasons`: why others did not. `parts`: each tender, as the return leaves
    it.
    """

    def __init__(
        self,
        document: ReturnCompleted,
        returned: Return,
        sale: Sale | None,
        books: Books,
        cards: dict[str, Reason | None],
    ) -> None:
        """`cards`: the gift cards that the return touches, with the reason for each, if any; refunds add to it."""
        self._document = document
        self._returned = returned
        self._sale = sale
        self._books = books
        self._cards = cards
        self.counted = False
        self.reasons: list[Reason] = []
        self.parts: list[TenderPart] = []

    def give(self) -> None:
        """Give all refunds back, in their order."""
        for refund in self._document.refunds:
            if refund.kind not in STORED_VALUE:  # the till has given it back
                self.counted = True
                continue
            reason = self._load(refund) if refund.tender_id is None else self._to_tender(refund.tender_id, refund)
            if reason is not None:
                self.reasons.append(reason)

    def _to_tender(self, tender_id: str, refund: Refund) -> Reason | None:
        """Return why less than the refund went back to the tender, or None."""
        tender = self._books.tender(tender_id)
        before = tender.refunded_minor
        reason = _not_refundable(tender, self._sale, self._document.currency)
        if reason is None:
            reason = holds.refund(self._books, tender, refund.amount_minor, self._document.occurred_at)
            self._returned.refunds.append((tender.id, refund.amount_minor))
            if self._sale is not None:
                self._sale.refund(tender.id, refund.amount_minor)
        moved = tender.refunded_minor != before
        if moved:  # one notice for each tender, with its state after the return
            self.counted = True
            self.parts = [part._replace(moved=part.moved and part.tender_id != tender.id) for part in self.parts]
        self.parts.append(tender.part(reason, moved=moved))
        return reason

    def _load(self, refund: Refund) -> Reason | None:
        """Load a gift card. An unknown number becomes a card, as in a sale. Return why it was not loaded."""
        document, books = self._document, self._books
        ref = refund.gift_card
        assert ref is not None  # noqa: S101  the schema's rule: a refund to a card names a tender or a card
        tick = tick_of(document.occurred_at)
        card = books.loadable(ref)
        if card is None:
            if ref.number is None:
                return self._note_card("", Reason.CARD_NOT_ACCEPTED)
            card_id = derived_id(books.orgcode, "scm.return.completed", document.return_id, refund.refund_id)
            details = CardDetails(ref.number.last4, card_expiry(books.policies.at(document.occurred_at), tick))
            card = books.open_card(card_id, ref.number, document.currency, details)
            card_timer(books, card)
        if card.currency != document.currency:
            return self._note_card(card.key, Reason.CURRENCY_MISMATCH)
        self._note_card(card.key, card_refused(card, tick))  # the card is loaded nevertheless
        books.credit(card, refund.amount_minor, Contra.REFUNDED)
        if self._sale is not None:
            self._sale.load(card.key, refund.amount_minor)
        self._returned.loads.append((card.key, refund.amount_minor))
        self.counted = True
        return None

    def _note_card(self, card_id: str, reason: Reason | None) -> Reason | None:
        self._cards[card_id] = first([self._cards.get(card_id), reason])
        return reason


def _not_refundable(tender: Tender, sale: Sale | None, currency: str) -> Reason | None:
    """Return why nothing goes back to a tender: it has taken nothing, or the return has waited for it too long."""
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
    """Return whether the tender is of the return's sale: the sale names it, or its request names the sale (contract
    §2.1).

    The sale's void gives back the same tenders, so the amounts given back don't depend on which of the two comes first.
    The return has waited for the sale and for the request, so its answer doesn't depend on the order, either (contract
    §2.2 What waits).
    """
    return tender.id in sale.tenders or tender.sale_id == sale.id
