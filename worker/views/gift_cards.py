"""One gift card as it is now, its history, and the list of cards."""

import time
from collections.abc import Sequence

from schemas.reasons import Reason
from schemas.requests import GiftCardGet, GiftCardHistory, GiftCardList
from schemas.views import GiftCardPage, GiftCardView, HistoryPage
from worker.domain.state.accounts import Account, AccountType
from worker.domain.state.movements import tick_of
from worker.ledger.queries import SQL
from worker.stored.account import account_of
from worker.views import cards, cursors, transfers
from worker.views.context import Context, Refused
from worker.views.tenant import Tenant, reading


async def get(context: Context, orgcode: str, request: GiftCardGet) -> GiftCardView:
    await cards.try_pin(context, orgcode, request.gift_card)
    async with reading(context, orgcode) as tenant:
        card, details = await cards.accepted(tenant, request.gift_card, trusted=context.trusted)
        path = await tenant.path(details.customer_id) if details.customer_id else []
        policies = await tenant.policies()
    now_us = time.time_ns() // 1000
    calendar = policies.at(now_us).calendar
    return cards.view(card, details, cards.owner(path), tick_of(now_us), calendar, trusted=context.trusted)


async def history(context: Context, orgcode: str, request: GiftCardHistory) -> HistoryPage:
    await cards.try_pin(context, orgcode, request.gift_card)
    async with reading(context, orgcode) as tenant:
        card, _ = await cards.accepted(tenant, request.gift_card, trusted=context.trusted)
        question = ("giftcard.history", card.key)
        return await transfers.page(tenant, [transfers.Chain(card)], question, request.cursor, request.limit)


async def page(context: Context, orgcode: str, request: GiftCardList) -> GiftCardPage:
    """Return a page of cards by card_id. Only keys with `card:trusted` may ask: they need no PIN, and may know any
    card_id.
    """
    last4 = None if request.last4 is None else request.last4.upper()
    question = ["giftcard.list", request.customer_id, *([] if last4 is None else [last4])]
    async with reading(context, orgcode) as tenant:
        after = "" if request.cursor is None else cursors.read(tenant.keyring, question, request.cursor)
        found = await _found(tenant, request.customer_id, last4, after, request.limit + 1)
        shown = [(card, card.card) for card in found[: request.limit] if card.card is not None]
        owners = await tenant.present({details.customer_id for _, details in shown if details.customer_id})
        policies = await tenant.policies()
        more = len(found) > request.limit
        now_us = time.time_ns() // 1000
        tick, calendar = tick_of(now_us), policies.at(now_us).calendar
        return GiftCardPage(
            items=tuple(
                cards.view(
                    card, details, owners.get(details.customer_id or ""), tick, calendar, trusted=context.trusted
                )
                for card, details in shown
            ),
            next_cursor=cursors.write(tenant.keyring, question, found[request.limit - 1].key) if more else None,
        )


async def _found(
    tenant: Tenant, customer_id: str | None, last4: str | None, after: str, limit: int
) -> Sequence[Account]:
    if customer_id is None:
        statement, *filters = ("list_cards",) if last4 is None else ("find_cards_by_last4", last4)
        rows = await tenant.connection.fetch(SQL[statement], tenant.org, after, limit, *filters)
        return [account_of(row) for row in rows]
    path = await tenant.path(customer_id)
    if not path:
        raise Refused(Reason.CUSTOMER_NOT_FOUND)
    person = next(account for account in reversed(path) if account.type is AccountType.POINTS)
    linked = sorted(await cards.linked(tenant, person), key=lambda card: card.key)
    return [card for card in linked if card.key > after and last4 in (None, _last4(card))][:limit]


def _last4(card: Account) -> str | None:
    """Return it in upper case, because version 0.1.0 kept it as it was written."""
    return None if card.card is None else card.card.last4.upper()
