"""What a document's decision must find in the books. The ledger loads and locks it before the first decision."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.documents import ReturnCompleted, SaleCompleted, TenderRequested
from schemas.scalars import CardToken
from worker.domain.rules.payments import STORED_VALUE
from worker.domain.state.accounts import Kind
from worker.domain.state.books import CardNamed
from worker.domain.state.identity import derived_id
from worker.domain.state.movements import Timer
from worker.domain.state.sale import Sale


@dataclass(slots=True)
class Needs:
    """Keys of one tenant. Dicts keep the order and drop repetitions."""

    accounts: dict[tuple[Kind, str], None] = field(default_factory=dict)
    sales: dict[str, None] = field(default_factory=dict)
    tenders: dict[str, None] = field(default_factory=dict)
    returns: dict[str, None] = field(default_factory=dict)
    undone: dict[str, None] = field(default_factory=dict)  # returns: everything that they moved is needed
    tenders_of: dict[str, None] = field(default_factory=dict)  # sales: every tender is needed
    shares_of: dict[str, None] = field(default_factory=dict)  # sales: the same, unless their id is a placeholder
    tokens: dict[bytes, None] = field(default_factory=dict)
    entries: dict[tuple[str, str], None] = field(default_factory=dict)
    ids_of: dict[str, None] = field(default_factory=dict)  # customers: every id is needed
    replaced_by: list[CardNamed] = field(default_factory=list)  # cards: all that they replaced are needed
    members_of: dict[str, None] = field(default_factory=dict)  # pools: every member is needed
    consents: bool = False  # a policy that asks for them is put, and what is decided after it may need them

    def customer(self, customer_id: str | None) -> None:
        if customer_id is not None:
            self.accounts[Kind.POINTS, customer_id] = None

    def card(self, ref: CardNamed | None) -> None:
        if ref is None:
            return
        if ref.card_id is not None:
            self.accounts[Kind.CARD, ref.card_id] = None
        else:
            self.number(ref.number)

    def number(self, number: CardToken | None) -> None:
        for token in number.known_as if number is not None else ():
            self.tokens[token] = None

    def tenders_with(self, sale: Sale) -> list[str]:
        """Return the tenders that are needed because this sale is."""
        if sale.id in self.tenders_of:
            return [*sale.tenders, *sale.requests, *(tender_id for tender_id, _ in sale.refunds)]
        return [*sale.tenders, *sale.requests] if sale.id in self.shares_of and not sale.crowded else []


def add(type_: str, doc: Any, orgcode: str, needs: Needs) -> None:  # noqa: ANN401  one model a type
    """Add what this document needs."""
    if type_ == "crm.giftcard.replace":
        _replace(doc, orgcode, needs)
        return
    special = NEEDS.get(type_)
    if special is not None:
        special(doc, needs)
        return
    needs.customer(getattr(doc, "customer_id", None))
    if type_ == "crm.giftcard.issue":
        needs.accounts[Kind.CARD, derived_id(orgcode, type_, doc.command_id)] = None
        needs.number(doc.gift_card.number)
    else:
        needs.card(getattr(doc, "gift_card", None))
    of = getattr(doc, "of", None)
    if of is not None:
        _of(of.type, of.id, needs)
    if type_ == "crm.customer.create" and doc.customer_id is None:
        needs.customer(derived_id(orgcode, type_, doc.command_id))
    if type_ in ("crm.pool.join", "crm.pool.leave"):
        needs.accounts[Kind.POOL, doc.pool_id] = None
        needs.members_of[doc.pool_id] = None
    if type_ == "crm.policy.put":
        needs.consents |= any(campaign.needs_consent for campaign in doc.policy.earn.campaigns)


def _of(type_: str, id_: str, needs: Needs) -> None:
    if type_ == "scm.sale.completed":
        needs.sales[id_] = None
    elif type_ == "scm.tender.requested":
        needs.tenders[id_] = None
    elif type_.startswith("crm."):
        needs.entries[type_, id_] = None


def _sale(doc: SaleCompleted, needs: Needs) -> None:
    needs.sales[doc.sale_id] = None
    needs.shares_of[doc.sale_id] = None  # a tender that it does not name is an orphan
    needs.customer(doc.customer_id)
    for tender in doc.tenders:
        if tender.kind in STORED_VALUE:
            needs.tenders[tender.tender_id] = None
    for line in doc.lines:
        if line.gift_card is not None:
            needs.card(line.gift_card)


def _return(doc: ReturnCompleted, needs: Needs) -> None:
    needs.returns[doc.return_id] = None
    if doc.sale_id is not None:
        needs.sales[doc.sale_id] = None
    needs.customer(doc.customer_id)
    for refund in doc.refunds:
        if refund.kind in STORED_VALUE and refund.tender_id is not None:
            needs.tenders[refund.tender_id] = None
        needs.card(refund.gift_card)


def _request(doc: TenderRequested, needs: Needs) -> None:
    needs.tenders[doc.tender_id] = None
    if doc.sale_id is not None:
        needs.sales[doc.sale_id] = None
        if doc.kind == "points":  # the policy may cap their share of the sale
            needs.shares_of[doc.sale_id] = None
    needs.customer(doc.customer_id)
    needs.card(doc.gift_card)


def _void(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.sales[doc.sale_id] = None
    needs.tenders_of[doc.sale_id] = None


def _void_return(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.returns[doc.return_id] = None
    needs.undone[doc.return_id] = None


def _tender(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.tenders[doc.tender_id] = None


def _merge(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.customer(doc.from_customer_id)
    needs.customer(doc.into_customer_id)
    needs.ids_of[doc.from_customer_id] = None


def _erase(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.customer(doc.customer_id)
    needs.ids_of[doc.customer_id] = None


def _points_transfer(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.customer(doc.from_customer_id)
    needs.customer(doc.to_customer_id)


def _replace(doc: Any, orgcode: str, needs: Needs) -> None:  # noqa: ANN401
    needs.card(doc.from_card)
    needs.replaced_by.append(doc.from_card)
    needs.number(doc.to_card.number)
    needs.accounts[Kind.CARD, derived_id(orgcode, "crm.giftcard.replace", doc.command_id)] = None


def _claim(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.sales[doc.sale_id] = None
    needs.customer(doc.customer_id)


def _transfer(doc: Any, needs: Needs) -> None:  # noqa: ANN401
    needs.card(doc.from_card)
    needs.card(doc.to_card)


NEEDS: dict[str, Callable[[Any, Needs], None]] = {
    "scm.sale.completed": _sale,
    "scm.sale.voided": _void,
    "scm.return.completed": _return,
    "scm.return.voided": _void_return,
    "scm.tender.requested": _request,
    "scm.tender.captured": _tender,
    "scm.tender.voided": _tender,
    "crm.customer.merge": _merge,
    "crm.customer.erase": _erase,
    "crm.loyalty.transfer": _points_transfer,
    "crm.loyalty.claim": _claim,
    "crm.giftcard.transfer": _transfer,
}


def add_timer(timer: Timer, needs: Needs) -> None:
    """Add what a deadline needs."""
    match timer.kind:
        case "hold":
            needs.tenders[timer.key] = None
        case "forfeit":
            needs.sales[timer.key] = None
        case "card" | "frozen":
            needs.accounts[Kind.CARD, timer.key.partition("\n")[0]] = None
        case _:
            kind, key, _ = timer.key.split("\n")
            needs.accounts[Kind(int(kind)), key] = None
            if Kind(int(kind)) is Kind.POOL:
                needs.members_of[key] = None
