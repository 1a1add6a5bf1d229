"""One tender as it is now."""

from schemas.reasons import Reason
from schemas.scalars import format_instant
from schemas.views import TenderGet, TenderView
from worker.domain.lots import Kind
from worker.domain.tender import State
from worker.ledger.pack import tender_of
from worker.ledger.queries import SQL
from worker.views.desk import Desk, Refused
from worker.views.tenant import reading


async def get(desk: Desk, orgcode: str, request: TenderGet) -> TenderView:
    """Raises Refused for a tender of which no document has come, or only one that gave up waiting."""
    async with reading(desk, orgcode) as tenant:
        rows = await tenant.connection.fetch(SQL["read_tenders"], [tenant.org], [request.tender_id])
    tender = tender_of(rows[0]) if rows else None
    if tender is None or tender.state is State.NONE:
        raise Refused(Reason.TENDER_NOT_FOUND)
    now = tender.part()
    pays = tender.account is not None and tender.account[0] is Kind.CARD
    return TenderView.model_validate(
        {
            "tender_id": tender.id,
            "state": now.state,
            "kind": tender.kind or None,
            "currency": tender.currency or None,
            "requested_minor": now.requested_minor,
            "approved_minor": now.approved_minor,
            "captured_minor": now.captured_minor,
            "refunded_minor": now.refunded_minor,
            "points": now.points,
            "expires_at": None if now.expires_us is None else format_instant(now.expires_us),
            "sale_id": tender.sale_id or None,
            "customer_id": tender.customer_id or None,
            "card_id": tender.account[1] if pays and tender.account is not None else None,
        }
    )
