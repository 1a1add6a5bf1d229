"""The reading operations by name (contract §5). Each answer is one moment of the ledger."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from worker.views import customers, events, gift_cards, loyalty, pools, tenders
from worker.views.context import Reading

READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {
        "customer.get": customers.get,
        "customer.list": customers.page,
        "pool.get": pools.get,
        "loyalty.history": loyalty.history,
        "loyalty.policy.get": loyalty.policy,
        "giftcard.get": gift_cards.get,
        "giftcard.list": gift_cards.page,
        "giftcard.history": gift_cards.history,
        "tender.get": tenders.get,
        "event.explain": events.explain,
        "event.simulate": events.simulate,
    }
)
