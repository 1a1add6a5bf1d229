"""The transfers of an account, latest first."""

from schemas.views import GiftCardHistory, HistoryPage, LoyaltyHistory
from worker.views.desk import Desk


async def of_customer(desk: Desk, orgcode: str, request: LoyaltyHistory) -> HistoryPage:
    raise NotImplementedError


async def of_card(desk: Desk, orgcode: str, request: GiftCardHistory) -> HistoryPage:
    raise NotImplementedError
