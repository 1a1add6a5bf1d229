"""One card as it is now."""

from schemas.views import GiftCardGet, GiftCardView
from worker.views.desk import Desk


async def get(desk: Desk, orgcode: str, request: GiftCardGet) -> GiftCardView:
    raise NotImplementedError
