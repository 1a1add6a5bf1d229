"""The rows that a decision needs in the books. The ledger loads and locks them before the first decision."""

from dataclasses import dataclass, field

from schemas.card_commands import (
    GiftCardExtend,
    GiftCardFreeze,
    GiftCardIssue,
    GiftCardLink,
    GiftCardRedeem,
    GiftCardReload,
    GiftCardReplace,
    GiftCardReverse,
    GiftCardTransfer,
    GiftCardUnfreeze,
)
from schemas.commands import (
    ConsentSet,
    CustomerCreate,
    CustomerErase,
    CustomerMerge,
    CustomerUpdate,
    LoyaltyAdjust,
    LoyaltyClaim,
    LoyaltyEarn,
    LoyaltyRedeem,
    LoyaltyRestore,
    LoyaltyReverse,
    LoyaltyTransfer,
    PolicyPut,
    PoolJoin,
    PoolLeave,
)
from schemas.documents import (
    ReturnCompleted,
    ReturnVoided,
    SaleCompleted,
    SaleVoided,
    TenderCaptured,
    TenderRequested,
    TenderVoided,
)  # fmt: skip
from schemas.scalars import CardToken
from worker.domain.state.accounts import POINTS_ACCOUNT, AccountType
from worker.domain.state.books import CardNamed
from worker.domain.state.identity import derived_id
from worker.domain.state.movements import Timer
from worker.domain.state.policy import purposes
from worker.domain.state.sale import Sale
from worker.domain.state.tender import POINTS, STORED_VALUE


@dataclass(slots=True)
class Needs:
    """Keys of one tenant. Dicts keep the order and drop repetitions."""

    orgcode: str = ""
    accounts: dict[tuple[AccountType, str], None] = field(default_factory=dict)
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
    consents: set[str] = field(default_factory=set)  # purposes in the policy that this batch puts
    rated_us: int | None = None  # the earliest instant as of which points are rated, and so consents count

    def customer(self, customer_id: str | None) -> None:
        if customer_id is not None:
            self.accounts[POINTS_ACCOUNT, customer_id] = None

    def card(self, ref: CardNamed | None) -> None:
        if ref is None:
            return
        if ref.card_id is not None:
            self.accounts[AccountType.CARD, ref.card_id] = None
        else:
            self.number(ref.number)

    def rated(self, at_us: int) -> None:
        self.rated_us = at_us if self.rated_us is None else min(self.rated_us, at_us)

    def number(self, number: CardToken | None) -> None:
        for token in number.known_as if number is not None else ():
            self.tokens[token] = None

    def tenders_with(self, sale: Sale) -> list[str]:
        """Return the tenders that are needed because this sale is."""
        if sale.id in self.tenders_of:
            return [*sale.tenders, *sale.requests, *(tender_id for tender_id, _ in sale.refunds)]
        return [*sale.tenders, *sale.requests] if sale.id in self.shares_of and not sale.crowded else []


# --- the needs of each document type; `worker.domain.decide` has the table


def sale(document: SaleCompleted, needs: Needs) -> None:
    needs.rated(document.occurred_at)
    needs.sales[document.sale_id] = None
    needs.shares_of[document.sale_id] = None  # a tender that the sale does not name is an orphan
    needs.customer(document.customer_id)
    for tender in document.tenders:
        if tender.kind in STORED_VALUE:
            needs.tenders[tender.tender_id] = None
    for line in document.lines:
        if line.gift_card is not None:
            needs.card(line.gift_card)


def sale_void(document: SaleVoided, needs: Needs) -> None:
    needs.sales[document.sale_id] = None
    needs.tenders_of[document.sale_id] = None


def completed_return(document: ReturnCompleted, needs: Needs) -> None:
    needs.returns[document.return_id] = None
    if document.sale_id is not None:
        needs.sales[document.sale_id] = None
    needs.customer(document.customer_id)
    for refund in document.refunds:
        if refund.kind in STORED_VALUE and refund.tender_id is not None:
            needs.tenders[refund.tender_id] = None
        needs.card(refund.gift_card)


def return_void(document: ReturnVoided, needs: Needs) -> None:
    needs.returns[document.return_id] = None
    needs.undone[document.return_id] = None


def tender_request(document: TenderRequested, needs: Needs) -> None:
    needs.tenders[document.tender_id] = None
    if document.sale_id is not None:
        needs.sales[document.sale_id] = None
        if document.kind == POINTS:  # the policy may cap their share of the sale
            needs.shares_of[document.sale_id] = None
    needs.customer(document.customer_id)
    needs.card(document.gift_card)


def tender(document: TenderCaptured | TenderVoided, needs: Needs) -> None:
    needs.tenders[document.tender_id] = None


def new_customer(document: CustomerCreate, needs: Needs) -> None:
    needs.customer(document.customer_id or derived_id(needs.orgcode, "crm.customer.create", document.command_id))


def customer(document: CustomerUpdate | ConsentSet | LoyaltyRedeem | LoyaltyAdjust, needs: Needs) -> None:
    needs.customer(document.customer_id)


def points(document: LoyaltyEarn, needs: Needs) -> None:
    needs.rated(document.occurred_at)
    needs.customer(document.customer_id)


def erasure(document: CustomerErase, needs: Needs) -> None:
    needs.customer(document.customer_id)
    needs.ids_of[document.customer_id] = None


def merge(document: CustomerMerge, needs: Needs) -> None:
    needs.customer(document.from_customer_id)
    needs.customer(document.into_customer_id)
    needs.ids_of[document.from_customer_id] = None


def policy(document: PolicyPut, needs: Needs) -> None:
    needs.consents |= purposes(document.policy)


def pool(document: PoolJoin | PoolLeave, needs: Needs) -> None:
    needs.customer(document.customer_id)
    needs.accounts[AccountType.POOL, document.pool_id] = None
    needs.members_of[document.pool_id] = None


def points_transfer(document: LoyaltyTransfer, needs: Needs) -> None:
    needs.customer(document.from_customer_id)
    needs.customer(document.to_customer_id)


def claim(document: LoyaltyClaim, needs: Needs) -> None:
    needs.sales[document.sale_id] = None
    needs.customer(document.customer_id)


def undone(document: LoyaltyRestore | LoyaltyReverse | GiftCardReverse, needs: Needs) -> None:
    if document.of.type == "scm.sale.completed":
        needs.sales[document.of.id] = None
    elif document.of.type == "scm.tender.requested":
        needs.tenders[document.of.id] = None
    elif document.of.type.startswith("crm."):
        needs.entries[document.of.type, document.of.id] = None


def new_card(document: GiftCardIssue, needs: Needs) -> None:
    needs.customer(document.customer_id)
    needs.accounts[AccountType.CARD, derived_id(needs.orgcode, "crm.giftcard.issue", document.command_id)] = None
    needs.number(document.gift_card.number)


def card(document: GiftCardRedeem | GiftCardReload | GiftCardExtend, needs: Needs) -> None:
    needs.card(document.gift_card)


def card_and_customer(document: GiftCardFreeze | GiftCardUnfreeze | GiftCardLink, needs: Needs) -> None:
    needs.customer(document.customer_id)
    needs.card(document.gift_card)


def card_transfer(document: GiftCardTransfer, needs: Needs) -> None:
    needs.card(document.from_card)
    needs.card(document.to_card)


def replacement(document: GiftCardReplace, needs: Needs) -> None:
    needs.card(document.from_card)
    needs.replaced_by.append(document.from_card)
    needs.number(document.to_card.number)
    needs.accounts[AccountType.CARD, derived_id(needs.orgcode, "crm.giftcard.replace", document.command_id)] = None


def deadline(timer: Timer, needs: Needs) -> None:
    """Add the rows that a deadline needs."""
    match timer.kind:
        case "hold":
            needs.tenders[timer.key] = None
        case "forfeit":
            needs.sales[timer.key] = None
        case "card" | "frozen":
            needs.accounts[AccountType.CARD, timer.key.partition("\n")[0]] = None
        case _:
            type_, key, _ = timer.key.split("\n")
            needs.accounts[AccountType(int(type_)), key] = None
            if AccountType(int(type_)) is AccountType.POOL:
                needs.members_of[key] = None
