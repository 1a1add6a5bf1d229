"""What makes two documents of one identity the same: their content, of which the ledger stores a keyed digest.

Contract §1: all of `data` without `occurred_at`, `business_date`, `decide_by`, `hold_s`, `pin`, `reason` and `actor`;
of a void only the id. The lists of fields here are frozen: they belong to `DIGEST_VERSION`. Fields that the models gain
later come in a new version beside this one, so that a replay of what was digested before stays a duplicate.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from schemas.commands import NewCard, Of
from schemas.documents import CardRef, Refund, ReturnCompleted, SaleCompleted, SaleLine, TenderRequested
from schemas.policy import Policy
from schemas.scalars import CardToken

DIGEST_VERSION: Final = 1

Content = tuple[object, ...]

_SALE = attrgetter("sale_id", "store_id", "terminal_id", "currency", "customer_id", "training")
_SALE_LINE = attrgetter("line_id", "sku", "category", "item_type", "quantity", "net_minor", "loyalty_excluded")
_SALE_TENDER = attrgetter("tender_id", "kind", "amount_minor")
_RETURN = attrgetter("return_id", "sale_id", "store_id", "currency", "customer_id", "training")
_RETURN_LINE = attrgetter("line_id", "sale_line_id", "sku", "quantity", "net_minor")
_REFUND = attrgetter("refund_id", "kind", "amount_minor", "tender_id")
_REQUEST = attrgetter(
    "tender_id",
    "sale_id",
    "store_id",
    "terminal_id",
    "currency",
    "amount_minor",
    "kind",
    "customer_id",
    "sale_total_minor",
    "eligible_minor",
    "capture",
    "allow_partial",
    "training",
)


def _number(number: CardToken | None, key_index: int) -> str | None:
    """The HMAC of a card number as it was written: digests of version 1 are made of the spelling."""
    return None if number is None else (number.spelled or number.tokens)[key_index].hex()


def _card(card: CardRef | NewCard | None, key_index: int) -> Content | None:
    """A card as it was named: the HMAC of its number under one of the keys, or its id."""
    if card is None:
        return None
    return (_number(card.number, key_index), card.card_id if isinstance(card, CardRef) else None)


def _sold_card(line: SaleLine, key_index: int) -> Content:
    card = line.gift_card
    if card is None:
        return (line.line_id,)
    return (line.line_id, _number(card.number, key_index), card.card_id, line.load_minor)


def _sale(sale: SaleCompleted, key_index: int = 0) -> Content:
    return (
        _SALE(sale),
        tuple(map(_SALE_LINE, sale.lines)),
        tuple(map(_SALE_TENDER, sale.tenders)),
        tuple([_sold_card(line, key_index) for line in sale.lines if line.gift_card is not None]),
    )


def _refund(refund: Refund, key_index: int) -> Content:
    return (_REFUND(refund), _card(refund.gift_card, key_index))


def _return(returned: ReturnCompleted, key_index: int = 0) -> Content:
    return (
        _RETURN(returned),
        tuple(map(_RETURN_LINE, returned.lines)),
        tuple([_refund(refund, key_index) for refund in returned.refunds]),
    )


def _request(request: TenderRequested, key_index: int = 0) -> Content:
    return (_REQUEST(request), _card(request.gift_card, key_index))


# The members of a policy, all the way down: a dict's in this order, a list's items each, None: the value itself.
_POLICY: Final[Mapping[str, Any]] = {
    "earn": {
        "points_per_unit": None,
        "unit_minor": None,
        "exclude_categories": None,
        "multipliers": [{"category": None, "factor": None}],
        "campaigns": [{"id": None, "from": None, "to": None, "factor": None, "needs_consent": None}],
        "tiers": [{"name": None, "from_points_12m": None, "factor": None}],
        "on_points_tender": None,
        "on_gift_card_tender": None,
        "pending_days": None,
        "expire_days": None,
    },
    "redeem": {"point_value_minor": None, "min_points": None, "step_points": None, "max_share_of_sale": None},
    "negative_balance": None,
    "restore_grace_days": None,
    "unlinked_return": None,
    "park_deadline_days": None,
    "gift_card": {
        "min_load_minor": None,
        "max_load_minor": None,
        "max_balance_minor": None,
        "expire_days": None,
        "hold_s": None,
        "reload": None,
        "bought_with_gift_card": None,
    },
}


def _picked(value: Any, shape: Any) -> object:  # noqa: ANN401  # JSON of the shape beside it
    if isinstance(shape, Mapping):
        return tuple(_picked(value[name], inner) for name, inner in shape.items())
    if isinstance(shape, list):
        return tuple(_picked(item, shape[0]) for item in value)
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


def _plain(value: object, key_index: int) -> object:
    """A member of a command as plain tuples, strings and numbers."""
    match value:
        case CardRef() | NewCard():
            return _card(value, key_index)
        case Of():
            return (value.type, value.id)
        case Policy():
            return _picked(value.wire_form(), _POLICY)
        case dict():
            return tuple(sorted(value.items()))
        case _:
            return value


def _members(*names: str) -> Callable[[Any, int], Content]:
    def content(document: object, key_index: int = 0) -> Content:
        return tuple([_plain(getattr(document, name), key_index) for name in names])

    return content


_CARD_COMMAND = _members("command_id", "gift_card", "customer_id")
_POOL = _members("command_id", "customer_id", "pool_id")
_AMOUNT_ON_CARD = _members("command_id", "gift_card", "amount_minor", "currency", "allow_partial")

# Of a validated model, and of the key whose HMACs stand for card numbers (0: the current one; 1…: the old ones, where
# the stored digest was made with one): nested tuples of str, int, bool and None.
CONTENT: Final[Mapping[str, Callable[[Any, int], Content]]] = MappingProxyType(
    {
        "scm.sale.completed": _sale,
        "scm.sale.voided": _members("sale_id"),
        "scm.return.completed": _return,
        "scm.tender.requested": _request,
        "scm.tender.captured": _members("tender_id", "amount_minor", "training"),
        "scm.tender.voided": _members("tender_id"),
        "crm.customer.create": _members("command_id", "customer_id", "name", "email", "phone", "external_ids"),
        "crm.customer.update": _members(
            "command_id", "customer_id", "name", "email", "phone", "external_ids", "status"
        ),
        "crm.customer.erase": _members("command_id", "customer_id"),
        "crm.customer.merge": _members("command_id", "from_customer_id", "into_customer_id"),
        "crm.consent.set": _members("command_id", "customer_id", "purpose", "channel", "granted", "source"),
        "crm.policy.put": _members("command_id", "policy", "effective_from"),
        "crm.loyalty.earn": _members("command_id", "customer_id", "points", "amount_minor", "currency"),
        "crm.loyalty.redeem": _members("command_id", "customer_id", "points"),
        "crm.loyalty.adjust": _members("command_id", "customer_id", "points"),
        "crm.loyalty.restore": _members("command_id", "of", "points"),
        "crm.loyalty.reverse": _members("command_id", "of", "points"),
        "crm.giftcard.issue": _members(
            "command_id", "gift_card", "amount_minor", "currency", "customer_id", "expires_on"
        ),
        "crm.giftcard.redeem": _AMOUNT_ON_CARD,
        "crm.giftcard.reload": _AMOUNT_ON_CARD,
        "crm.giftcard.reverse": _members("command_id", "of", "amount_minor"),
        "crm.giftcard.freeze": _CARD_COMMAND,
        "crm.giftcard.unfreeze": _CARD_COMMAND,
        "crm.giftcard.link": _CARD_COMMAND,
        "crm.giftcard.transfer": _members("command_id", "from_card", "to_card", "amount_minor"),
        "crm.pool.join": _POOL,
        "crm.pool.leave": _POOL,
    }
)
