"""One tender as it is now."""

from schemas.reasons import Reason
from schemas.requests import TenderGet
from schemas.scalars import format_instant
from schemas.views import TenderView
from worker.domain.state.accounts import AccountType
from worker.domain.state.tender import State, Tender
from worker.ledger.queries import SQL
from worker.stored.tender import tender_of
from worker.views.context import Context, Refused
from worker.views.tenant import Tenant, reading


async def get(context: Context, orgcode: str, request: TenderGet) -> TenderView:
    """Return the tender. Raises Refused if no document of it has come, or only a capture that gave up waiting."""
    async with reading(context, orgcode) as tenant:
        rows = await tenant.connection.fetch(SQL["read_tenders"], [tenant.org], [request.tender_id])
        tender = tender_of(rows[0]) if rows else None
        card = await _card(tenant, tender)
    if tender is None or tender.state is State.NONE:
        raise Refused(Reason.TENDER_NOT_FOUND)
    now = tender.part()
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
            "card_id": card,
        }
    )


async def _card(tenant: Tenant, tender: Tender | None) -> str | None:
    """Return the card that pays: the card that the request named, or the card that replaced it."""
    if tender is None or tender.account is None or tender.account[0] is not AccountType.CARD:
        return None
    account = (await tenant.accounts([tender.account]))[tender.account]
    return account.key if account.target is None else account.target[1]
