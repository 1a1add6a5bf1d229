"""Guides to the tools for models: when to use each tool, and what it can break."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Guide:
    """`when`: when to use the tool. `adds`: it takes nothing away. `warning`: the effect of a dangerous tool."""

    when: str = ""
    adds: bool = False
    warning: str | None = None
    has_example: bool = False  # where the schema alone does not show how


GUIDES: Final[Mapping[str, Guide]] = MappingProxyType(
    {
        "customer.create": Guide(
            "Check with customer_list first whether the person is known. Without `customer_id` one is generated.",
            adds=True,
        ),
        "customer.update": Guide("With status `blocked` the customer can neither earn nor spend."),
        "customer.get": Guide("Start here if a customer asks about points, cards or consents."),
        "customer.list": Guide(
            "Each word of `name` matches the beginning of a word of the customer's name. For the next page pass "
            "`next_cursor` as `cursor`."
        ),
        "customer.erase": Guide(
            "Use it only if the person asked to be forgotten.",
            warning="Removes all personal data for good. Later commands for this customer are refused.",
        ),
        "customer.merge": Guide(
            "Use it if one person has two records.",
            warning="Moves all points and cards to `into_customer_id`. This can't be undone.",
        ),
        "customer.consent.set": Guide("Use it only if the customer has said yes or no to this purpose."),
        "loyalty.earn": Guide(
            "For points outside a sale; sales earn by themselves. Pass `points`, or `amount_minor` and `currency`.",
            adds=True,
        ),
        "loyalty.redeem": Guide("To pay a sale with points use tender_authorize instead."),
        "loyalty.adjust": Guide(
            "Try loyalty_reverse and loyalty_restore first. `actor` is the person who decided it.",
            warning="Creates or removes points by hand.",
        ),
        "loyalty.restore": Guide(
            "`of` is the redemption: a crm.loyalty.redeem or scm.tender.requested. Without `points`: all that is left.",
            adds=True,
        ),
        "loyalty.reverse": Guide(
            "`of` is the earning: a crm.loyalty.earn or scm.sale.completed. Without `points`: all that is left. "
            "Returns and voids of a sale do this by themselves."
        ),
        "loyalty.transfer": Guide("The points keep their expiry dates."),
        "pool.join": Guide("Use it for a household that collects together. The customer must not have open holds."),
        "pool.leave": Guide("Pass `points` if the customer takes a share along. By default it stays in the pool."),
        "pool.get": Guide("customer_get says which pool a customer is in."),
        "loyalty.claim": Guide(
            "Use it if a customer shows the receipt of a sale that was booked without a customer.", adds=True
        ),
        "loyalty.history": Guide("Latest first. For the next page pass `next_cursor` as `cursor`."),
        "loyalty.policy.get": Guide("It says how points are earned and spent, and which limits gift cards have."),
        "loyalty.policy.put": Guide(
            "Start from the answer of loyalty_policy_get: members that you leave out get the default values.",
            warning="Changes the rules for every customer and card of the tenant from `effective_from` on.",
        ),
        "giftcard.issue": Guide(
            "For a card outside a sale. Give a generated number to the holder and to nobody else.", adds=True
        ),
        "giftcard.redeem": Guide("To pay a sale use tender_authorize instead."),
        "giftcard.reload": Guide("For a load outside a sale.", adds=True),
        "giftcard.reverse": Guide("`of` is the command to undo. Without `amount_minor`: all that is left of it."),
        "giftcard.freeze": Guide("Use it if a card is lost or looks abused."),
        "giftcard.unfreeze": Guide("Use it if the reason for the freeze is gone and a person answers for it."),
        "giftcard.link": Guide("Then customer_get shows the card."),
        "giftcard.transfer": Guide("Without `amount_minor`: all that is available."),
        "giftcard.extend": Guide("Without `expires_on` the card never expires. An earlier day is refused.", adds=True),
        "giftcard.replace": Guide(
            "Use it if a card is lost, stolen or broken. `pin` is the new card's. The old card's PIN is not needed.",
            warning="Moves everything on the card to `to_card`. The old number never pays again. This can't be undone.",
        ),
        "giftcard.get": Guide("Name the card by `number` or by `card_id`."),
        "giftcard.list": Guide("For the next page pass `next_cursor` as `cursor`."),
        "giftcard.history": Guide("Latest first. For the next page pass `next_cursor` as `cursor`."),
        "sale.complete": Guide(
            "`sale_id` is unique for ever. Repeat it unchanged if an answer is lost.", has_example=True
        ),
        "sale.void": Guide("Use it if the whole sale is undone; for a part of it use return_complete."),
        "return.complete": Guide(
            "`sale_line_id` names the line of the sale. Status `parked`: the sale has not come yet."
        ),
        "return.void": Guide("Use it if the return was a mistake. Cards that have spent its money go below zero."),
        "tender.authorize": Guide(
            "Pays a sale. Kind gift_card needs `gift_card`, kind points needs `customer_id`. Then call tender_capture "
            "or tender_void. Status `partial` approves less: pay the rest some other way. After a decline use a new "
            "`tender_id`."
        ),
        "tender.capture": Guide("Use it when the sale is done. Without `amount_minor`: all that was approved."),
        "tender.void": Guide(
            "Use it if the sale does not happen, or if you don't know whether a tender was decided. It is safe before, "
            "after and instead of the request."
        ),
        "tender.get": Guide("Use it if you don't know whether a tender was decided, or how."),
        "event.explain": Guide("`type` is the full type, like crm.loyalty.earn; `id` is the business id."),
        "event.simulate": Guide("Use it before a change if you are not certain.", has_example=True),
    }
)
