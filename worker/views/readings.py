"""The reading operations of the doors, by name (contract §5). Each answer is one moment of the ledger."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from worker.views import customers, events, gift_cards, histories, policies
from worker.views.desk import Reading

READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {
        "customer.get": customers.get,
        "customer.list": customers.page,
        "loyalty.history": histories.of_customer,
        "loyalty.policy.get": policies.get,
        "giftcard.get": gift_cards.get,
        "giftcard.history": histories.of_card,
        "event.explain": events.explain,
        "event.simulate": events.simulate,
    }
)
