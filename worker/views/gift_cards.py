"""One gift card as it is now, and its history."""

import time

from schemas.views import GiftCardGet, GiftCardHistory, GiftCardView, HistoryPage
from worker.domain.movements import day_of
from worker.views import cards, transfers
from worker.views.context import Context
from worker.views.tenant import reading


async def get(context: Context, orgcode: str, request: GiftCardGet) -> GiftCardView:
    await cards.try_pin(context, orgcode, request.gift_card)
    async with reading(context, orgcode) as tenant:
        card, facts = await cards.accepted(tenant, request.gift_card, trusted=context.trusted)
        path = await tenant.path(facts.customer_id) if facts.customer_id else []
        policies = await tenant.policies()
    now_us = time.time_ns() // 1000
    days = policies.at(now_us).calendar
    return cards.view(card, facts, cards.owner(path), day_of(now_us), days, trusted=context.trusted)


async def history(context: Context, orgcode: str, request: GiftCardHistory) -> HistoryPage:
    await cards.try_pin(context, orgcode, request.gift_card)
    async with reading(context, orgcode) as tenant:
        card, _ = await cards.accepted(tenant, request.gift_card, trusted=context.trusted)
        question = ("giftcard.history", card.key)
        return await transfers.page(tenant, [card], question, request.cursor, request.limit)
