"""The content of documents: two documents with one identity and the same content are duplicates. The ledger stores a
keyed digest of it.

Contract §1: all of `data` without `occurred_at`, `business_date`, `decide_by`, `hold_s`, `pin`, `reason` and `actor`;
of a void only the id. The version is stored beside each digest. It chooses how a repeated document is digested, so a
document that was decided under an older version stays a duplicate. A released version never changes. A release that
adds members to a document, or changes its content, adds a version: a subclass of the latest in `VERSIONS`, and the
members in the entries of the catalogue.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import MappingProxyType, MethodType
from typing import Any, ClassVar, Final

from schemas.cards import CardRef, NewCard
from schemas.commands import Of
from schemas.documents import Refund, ReturnCompleted, ReturnLine, SaleCompleted, SaleLine, TenderRequested
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


class ContentV1:
    """Content as 0.1 digested it: the order of lines, tenders and refunds counts, and card numbers are as written.

    Each method makes the content of a validated model: nested tuples of str, int, bool and None. `key_index` is of the
    key whose HMACs stand for card numbers: 0 for the current one, 1… for the old ones.
    """

    policy: ClassVar[Mapping[str, Any]] = _POLICY

    def _number(self, number: CardToken, key_index: int) -> str:
        return (number.spelled or number.tokens)[key_index].hex()

    def _parts(self, parts: Iterable[Content]) -> Content:
        """Return the parts of a document. Each begins with its id, which no other part has."""
        return tuple(parts)

    def sale(self, sale: SaleCompleted, key_index: int = 0) -> Content:
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

    def returned(self, returned: ReturnCompleted, key_index: int = 0) -> Content:
        return (
            _RETURN(returned),
            self._parts(map(self._return_line, returned.lines)),
            self._parts([self._refund(refund, key_index) for refund in returned.refunds]),
        )

    def _return_line(self, line: ReturnLine) -> Content:
        return _RETURN_LINE(line)

    def _refund(self, refund: Refund, key_index: int) -> Content:
        return (_REFUND(refund), self._plain(refund.gift_card, key_index))

    def request(self, request: TenderRequested, key_index: int = 0) -> Content:
        return (_REQUEST(request), self._plain(request.gift_card, key_index))

    def of_members(self, names: tuple[str, ...]) -> Callable[[Any, int], Content]:
        def content(document: object, key_index: int = 0) -> Content:
            return tuple([self._plain(getattr(document, name), key_index) for name in names])

        return content

    def _plain(self, value: object, key_index: int) -> object:
        """Return a member as plain tuples, strings and numbers."""
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
        """Return a card as it was named: the HMAC of its number under one of the keys, or its id."""
        return (None if number is None else self._number(number, key_index), card_id)


class ContentV2(ContentV1):
    """Content as 0.2 digests it: parts in the order of their ids, card numbers in canonical form, and the members of
    parts and policies that 0.1 did not have.
    """

    policy: ClassVar[Mapping[str, Any]] = {
        **_POLICY,
        "earn": {**_POLICY["earn"], "on_other_tender": None},
        "cash_rounding_minor": None,
        "time_zone": None,
    }

    def _return_line(self, line: ReturnLine) -> Content:
        return _RETURN_LINE_2(line)

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


VERSIONS: Final[Mapping[int, ContentV1]] = MappingProxyType({1: ContentV1(), 2: ContentV2()})

Members = tuple[str, ...]
Digested = Mapping[int, Members | Callable[[ContentV1, Any, int], Content]]
"""The content of a type, by version: the members that the version adds, or a method for a document with parts.
It holds until a later version says otherwise. A version that is older than the type is not in it.
"""


def contents(digested: Digested) -> dict[int, Callable[[Any, int], Content]]:
    """Return, by version, what makes the content of a model and the index of a key."""
    made: dict[int, Callable[[Any, int], Content]] = {}
    members: Members = ()
    method: Callable[[ContentV1, Any, int], Content] | None = None
    for version, rules in VERSIONS.items():
        latest = digested.get(version)
        if isinstance(latest, tuple):
            members += latest
        elif latest is not None:
            method = latest
        if method is not None:
            made[version] = MethodType(method, rules)
        elif members:
            made[version] = rules.of_members(members)
    return made
