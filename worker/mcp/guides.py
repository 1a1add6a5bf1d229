"""What the table of operations does not say and a model has to know: when to use each, and how it changes things."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Guide:
    """`when` to use the operation; `adds` if it takes nothing from anybody; what a dangerous one does (`warning`)."""

    when: str
    adds: bool = False
    warning: str | None = None


GUIDES: Final[Mapping[str, Guide]] = MappingProxyType(
    {
        "customer.create": Guide(
            "Use it for a person who joins. `customer_id` must not be personal data; without one it is derived. Points "
            "of sales that came before are claimed and shown. Look with customer_list first: is the person known?",
            adds=True,
        ),
        "customer.update": Guide("Use it for a changed profile; `status` blocked stops all earning and spending."),
        "customer.get": Guide("Use it first whenever a customer asks about points, cards or consents."),
        "customer.list": Guide("Use it to find a customer's id. Go on with `next_cursor` as `cursor`."),
        "customer.erase": Guide(
            "Use it only when the person asked to be forgotten.",
            warning="Name, e-mail, phone and external ids are removed for good, and every later command for this "
            "customer is refused. It can't be undone.",
        ),
        "customer.merge": Guide(
            "Use it for one person with two records: `into_customer_id` is the one that stays.",
            warning="All points and cards of `from_customer_id` move to `into_customer_id`. It can't be undone.",
        ),
        "customer.consent.set": Guide("Use it when the customer says yes or no to a purpose. Never assume a yes."),
        "loyalty.earn": Guide(
            "Use it for points outside a sale (a survey, goodwill); sales earn by themselves. Give either `points`, or "
            "`amount_minor` and `currency` to be rated by the policy.",
            adds=True,
        ),
        "loyalty.redeem": Guide(
            "Use it for a reward outside a sale; at a till points are paid with tender_authorize, kind points."
        ),
        "loyalty.adjust": Guide(
            "Use it only to correct a mistake that nothing else undoes: loyalty_reverse and loyalty_restore first. "
            "`actor` is the person who decided it.",
            warning="Points are made or taken by hand, against no sale and no earning.",
        ),
        "loyalty.restore": Guide(
            "Use it to give back redeemed points: `of` names the redemption (crm.loyalty.redeem, or "
            "scm.tender.requested). Without `points` the rest of it.",
            adds=True,
        ),
        "loyalty.reverse": Guide(
            "Use it to take back earned points: `of` names the earning (crm.loyalty.earn or scm.sale.completed). "
            "Without `points` the rest of it. A sale that is returned or voided does this by itself."
        ),
        "loyalty.history": Guide(
            "Use it to find out what changed a points balance. Go on with `next_cursor` as `cursor`."
        ),
        "loyalty.policy.get": Guide("Use it to say how points are earned and spent, and which limits cards have."),
        "loyalty.policy.put": Guide(
            "Use it to change the rules. The whole policy is given: what is left out takes its default, so begin with "
            "the answer of loyalty_policy_get. `effective_from` must be later than that of every version.",
            warning="From `effective_from` on the rules change for every customer and card of the tenant.",
        ),
        "giftcard.issue": Guide(
            "Use it to make a card outside a sale. Without `gift_card.number` one is generated and is in this answer "
            "only: hand it over at once, and to nobody else.",
            adds=True,
        ),
        "giftcard.redeem": Guide(
            "Use it to take money off a card outside a sale; at a till use tender_authorize. With `allow_partial` it "
            "takes what is there, status partial."
        ),
        "giftcard.reload": Guide("Use it to put money on a card outside a sale.", adds=True),
        "giftcard.reverse": Guide(
            "Use it to undo a command on a card: `of` names it (type and id). Without `amount_minor` the rest of it."
        ),
        "giftcard.freeze": Guide("Use it when a card was lost or looks abused: it can't pay until it is unfrozen."),
        "giftcard.unfreeze": Guide("Use it when the reason for the freeze is gone and somebody answers for it."),
        "giftcard.link": Guide("Use it when a customer registers a card, so that it is in customer_get."),
        "giftcard.transfer": Guide(
            "Use it to move a balance, as from a lost card to a new one. Without `amount_minor` all that is available."
        ),
        "giftcard.get": Guide("Use it for a card's balance. Name the card by `number` or by `card_id`, not by both."),
        "giftcard.history": Guide("Use it to find out what changed a card. Go on with `next_cursor` as `cursor`."),
        "tender.authorize": Guide(
            "Use it to pay a sale with a card (kind gift_card, `gift_card`) or with points (kind points, "
            "`customer_id`). Then tender_capture, or tender_void. With `capture` it is taken at once. `partial` "
            "approves less: the rest is paid some other way. After a decline take a new `tender_id`."
        ),
        "tender.capture": Guide("Use it when the sale is done: takes what was authorized, or `amount_minor` of it."),
        "tender.void": Guide(
            "Use it when the sale does not happen, or when it is not known what became of a tender (reason "
            "unknown_outcome): it is safe before, after and instead of the request."
        ),
        "event.explain": Guide(
            "Use it to say why something got what it got. `type` is the whole type, as crm.loyalty.earn; `id` the "
            "sale's, return's, tender's or command's."
        ),
        "event.simulate": Guide("Use it before doing something that is not certain; nothing is changed or stored."),
    }
)
