"""A sale that was booked without a customer becomes a customer's (contract CMD12–14)."""

from schemas.commands import LoyaltyClaim
from schemas.reasons import Reason, first
from worker.domain.decisions.customers import customer_refused
from worker.domain.decisions.sales import earn
from worker.domain.rules.parts import points_shown
from worker.domain.rules.reckoning import eligible
from worker.domain.state.basis import Basis
from worker.domain.state.books import Books
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import Outcome, in_a_row
from worker.domain.state.sale import Sale


def claim(document: LoyaltyClaim, books: Books) -> Outcome:
    """Rate the sale as of its own `occurred_at` for this customer, and credit what returns have left of it."""
    sale = books.sales.get(document.sale_id)
    reason = first([_not_claimable(sale), customer_refused(books, document.customer_id, document.occurred_at)])
    if sale is None or sale.at_us is None or reason is not None:
        return Outcome("rejected", reason, customer_id=document.customer_id, sale_id=document.sale_id)
    at_us, sale.at_us = sale.at_us, None
    sale.customer_id = document.customer_id
    sale.dirty = True
    basis = sale.basis or Basis()
    account, unearned = earn(sale, books, at_us, eligible(sale.nets, basis), basis.lines)
    return Outcome(
        "applied",
        customer_id=document.customer_id,
        sale_id=document.sale_id,
        points=points_shown(books, account, tick_of(document.occurred_at), unearned),
        lines=in_a_row(sale.kept_by_line()),
        policy_version=sale.policy_version,
    )


def _not_claimable(sale: Sale | None) -> Reason | None:
    """Return why nobody can claim the sale, or None. A sale that an older version decided, which did not store how it
    earns, has no instant.
    """
    if sale is not None and sale.voided:
        return Reason.ALREADY_VOIDED
    if sale is None or not sale.decided:
        return Reason.SALE_NOT_FOUND
    return Reason.INVALID_STATE if sale.at_us is None else None
