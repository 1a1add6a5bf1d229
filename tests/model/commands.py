"""The function that decides each command of contract §2.3."""

from __future__ import annotations

from collections.abc import Callable

from tests.model import card_commands as card
from tests.model import loyalty_commands as loyalty
from tests.model.world import Doc, World

COMMANDS: dict[str, Callable[[World, Doc], None]] = {
    "crm.customer.create": loyalty.customer_create,
    "crm.customer.update": loyalty.customer_update,
    "crm.customer.erase": loyalty.customer_erase,
    "crm.customer.merge": loyalty.customer_merge,
    "crm.consent.set": loyalty.consent_set,
    "crm.policy.put": loyalty.policy_put,
    "crm.loyalty.earn": loyalty.loyalty_earn,
    "crm.loyalty.redeem": loyalty.loyalty_redeem,
    "crm.loyalty.adjust": loyalty.loyalty_adjust,
    "crm.loyalty.transfer": loyalty.loyalty_transfer,
    "crm.loyalty.claim": loyalty.loyalty_claim,
    "crm.loyalty.restore": loyalty.loyalty_restore,
    "crm.loyalty.reverse": loyalty.loyalty_reverse,
    "crm.giftcard.issue": card.giftcard_issue,
    "crm.giftcard.redeem": card.giftcard_redeem,
    "crm.giftcard.reload": card.giftcard_reload,
    "crm.giftcard.reverse": card.giftcard_reverse,
    "crm.giftcard.freeze": card.giftcard_state,
    "crm.giftcard.unfreeze": card.giftcard_state,
    "crm.giftcard.link": card.giftcard_state,
    "crm.giftcard.transfer": card.giftcard_transfer,
    "crm.giftcard.extend": card.giftcard_extend,
    "crm.giftcard.replace": card.giftcard_replace,
    "crm.pool.join": loyalty.pool,
    "crm.pool.leave": loyalty.pool,
}
