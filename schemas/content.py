"""What makes two documents of one identity the same: their content, of which the ledger stores a keyed digest.

Contract §1: all of `data` without `occurred_at`, `business_date`, `decide_by`, `hold_s`, `pin`, `reason` and `actor`;
of a void only the id. The version is stored beside each digest and chooses how a document that comes again is digested,
so what was decided under an older version stays a duplicate. A version that was released never changes. A release that
adds members to a document or changes what is content adds a version: a subclass of the latest, and its entry in
`VERSIONS`.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Final

from schemas.commands import NewCard, Of
from schemas.documents import CardRef, Refund, ReturnCompleted, ReturnLine, SaleCompleted, SaleLine, TenderRequested
from schemas.policy import Policy
from schemas.scalars import CardToken

Content = tuple[object, ...]

_SALE = attrgetter("sale_id", "store_id", "terminal_id", "currency", "customer_id", "training")
_SALE_LINE = attrgetter("line_id", "sku", "category", "item_type", "quantity", "net_minor", "loyalty_excluded")
_SALE_TENDER = attrgetter("tender_id", "kind", "amount_minor")
_RETURN = attrgetter("return_id", "sale_id", "store_id", "currency", "customer_id", "training")
_RETURN_LINE = attrgetter("line_id", "sale_line_id", "sku", "quantity", "net_minor")
_RETURN_LINE_2 = attrgetter(
    "line_id", "sale_line_id", "sku", "quantity", "net_minor", "category", "item_type", "loyalty_excluded"
)
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


class _Version1:
    """Content as 0.1 digested it: the order of lines, tenders and refunds counts, a card number as it was written."""

    # Of commands, and of documents without parts: the members that are content.
    members: ClassVar[dict[str, tuple[str, ...]]] = {
        "scm.sale.voided": ("sale_id",),
        "scm.tender.captured": ("tender_id", "amount_minor", "training"),
        "scm.tender.voided": ("tender_id",),
        "crm.customer.create": ("command_id", "customer_id", "name", "email", "phone", "external_ids"),
        "crm.customer.update": ("command_id", "customer_id", "name", "email", "phone", "external_ids", "status"),
        "crm.customer.erase": ("command_id", "customer_id"),
        "crm.customer.merge": ("command_id", "from_customer_id", "into_customer_id"),
        "crm.consent.set": ("command_id", "customer_id", "purpose", "channel", "granted", "source"),
        "crm.policy.put": ("command_id", "policy", "effective_from"),
        "crm.loyalty.earn": ("command_id", "customer_id", "points", "amount_minor", "currency"),
        "crm.loyalty.redeem": ("command_id", "customer_id", "points"),
        "crm.loyalty.adjust": ("command_id", "customer_id", "points"),
        "crm.loyalty.restore": ("command_id", "of", "points"),
        "crm.loyalty.reverse": ("command_id", "of", "points"),
        "crm.giftcard.issue": ("command_id", "gift_card", "amount_minor", "currency", "customer_id", "expires_on"),
        "crm.giftcard.redeem": ("command_id", "gift_card", "amount_minor", "currency", "allow_partial"),
        "crm.giftcard.reload": ("command_id", "gift_card", "amount_minor", "currency", "allow_partial"),
        "crm.giftcard.reverse": ("command_id", "of", "amount_minor"),
        "crm.giftcard.freeze": ("command_id", "gift_card", "customer_id"),
        "crm.giftcard.unfreeze": ("command_id", "gift_card", "customer_id"),
        "crm.giftcard.link": ("command_id", "gift_card", "customer_id"),
        "crm.giftcard.transfer": ("command_id", "from_card", "to_card", "amount_minor"),
        "crm.pool.join": ("command_id", "customer_id", "pool_id"),
        "crm.pool.leave": ("command_id", "customer_id", "pool_id"),
    }
    policy: ClassVar[Mapping[str, Any]] = _POLICY

    def contents(self) -> Mapping[str, Callable[[Any, int], Content]]:
        """By type: of a validated model, and of the key whose HMACs stand for card numbers (0: the current one; 1…: the
        old ones, where the stored digest was made with one), nested tuples of str, int, bool and None.
        """
        return {
            "scm.sale.completed": self._sale,
            "scm.return.completed": self._return,
            "scm.tender.requested": self._request,
            **{type_: self._of_members(names) for type_, names in self.members.items()},
        }

    def _number(self, number: CardToken, key_index: int) -> str:
        return (number.spelled or number.tokens)[key_index].hex()

    def _parts(self, parts: Iterable[Content]) -> Content:
        """The parts of a document; each begins with its id, which no other part has."""
        return tuple(parts)

    def _sale(self, sale: SaleCompleted, key_index: int = 0) -> Content:
        return (
            _SALE(sale),
            self._parts(map(_SALE_LINE, sale.lines)),
            self._parts(map(_SALE_TENDER, sale.tenders)),
            self._parts([self._sold_card(line, key_index) for line in sale.lines if line.gift_card is not None]),
        )

    def _sold_card(self, line: SaleLine, key_index: int) -> Content:
        card = line.gift_card
        assert card is not None  # noqa: S101  the caller's filter
        return (line.line_id, *self._card(card.number, card.card_id, key_index), line.load_minor)

    def _return(self, returned: ReturnCompleted, key_index: int = 0) -> Content:
        return (
            _RETURN(returned),
            self._parts(map(self._return_line, returned.lines)),
            self._parts([self._refund(refund, key_index) for refund in returned.refunds]),
        )

    def _return_line(self, line: ReturnLine) -> Content:
        return _RETURN_LINE(line)

    def _refund(self, refund: Refund, key_index: int) -> Content:
        return (_REFUND(refund), self._plain(refund.gift_card, key_index))

    def _request(self, request: TenderRequested, key_index: int = 0) -> Content:
        return (_REQUEST(request), self._plain(request.gift_card, key_index))

    def _of_members(self, names: tuple[str, ...]) -> Callable[[Any, int], Content]:
        def content(document: object, key_index: int = 0) -> Content:
            return tuple([self._plain(getattr(document, name), key_index) for name in names])

        return content

    def _plain(self, value: object, key_index: int) -> object:
        """A member as plain tuples, strings and numbers."""
        match value:
            case CardRef():
                return self._card(value.number, value.card_id, key_index)
            case NewCard():
                return self._card(value.number, None, key_index)
            case Of():
                return (value.type, value.id)
            case Policy():
                return _picked(value.wire_form(), self.policy)
            case dict():
                return tuple(sorted(value.items()))
            case _:
                return value

    def _card(self, number: CardToken | None, card_id: str | None, key_index: int) -> Content:
        """A card as it was named: the HMAC of its number under one of the keys, or its id."""
        return (None if number is None else self._number(number, key_index), card_id)


class _Version2(_Version1):
    """Content as 0.2 digests it: parts in the order of their ids, card numbers in canonical form, and the members that
    0.1 did not have.
    """

    policy: ClassVar[Mapping[str, Any]] = {
        **_POLICY,
        "earn": {**_POLICY["earn"], "on_other_tender": None},
        "cash_rounding_minor": None,
        "time_zone": None,
    }

    def _return_line(self, line: ReturnLine) -> Content:
        return _RETURN_LINE_2(line)

    members: ClassVar[dict[str, tuple[str, ...]]] = _Version1.members | {
        "scm.return.voided": ("return_id",),
        "crm.customer.create": (*_Version1.members["crm.customer.create"], "birth_date"),
        "crm.customer.update": (*_Version1.members["crm.customer.update"], "birth_date"),
        "crm.pool.leave": (*_Version1.members["crm.pool.leave"], "points"),
        "crm.loyalty.transfer": ("command_id", "from_customer_id", "to_customer_id", "points"),
        "crm.giftcard.extend": ("command_id", "gift_card", "expires_on"),
        "crm.giftcard.replace": ("command_id", "from_card", "to_card"),
        "crm.loyalty.claim": ("command_id", "sale_id", "customer_id"),
    }

    def _number(self, number: CardToken, key_index: int) -> str:
        return number.tokens[key_index].hex()

    def _parts(self, parts: Iterable[Content]) -> Content:
        return tuple(sorted(parts))


def _picked(value: Any, shape: Any) -> object:  # noqa: ANN401  # JSON of the shape beside it
    if isinstance(shape, Mapping):
        return tuple(_picked(value[name], inner) for name, inner in shape.items())
    if isinstance(shape, list):
        return tuple(_picked(item, shape[0]) for item in value)
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


VERSIONS: Final[Mapping[int, Mapping[str, Callable[[Any, int], Content]]]] = MappingProxyType(
    {1: _Version1().contents(), 2: _Version2().contents()}
)
