"""Decide one document with the books: return its outcome, or the reason why it waits.

`DECISIONS` has one entry for each type: what the ledger must load for it, and the decision.
"""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from schemas import card_commands, commands, documents
from schemas.reasons import Reason
from schemas.scalars import Wire
from worker.domain.decisions import (
    claims,
    customers,
    gift_cards,
    loyalty,
    needs,
    return_voids,
    returns,
    sales,
    tenders,
)  # fmt: skip
from worker.domain.decisions.needs import Needs
from worker.domain.state.books import Books
from worker.domain.state.outcome import Outcome, Parked

D = TypeVar("D", bound=Wire)


class Circumstances:
    """The input of a decision besides the document and the books.

    All of it is stored, so that a document that waited decides the same. The exceptions are `trusted` and `on_topic`:
    no document that asks for them ever waits.
    """

    __slots__ = ("max_age_days", "on_topic", "overdue", "record_us", "resumed", "trusted")

    def __init__(
        self,
        record_us: int,  # when the record was written to its topic
        *,
        max_age_days: int = 7,  # older gift card requests are too late
        resumed: bool = False,  # it was parked, and the document that it waited for has come
        overdue: bool = False,  # it was parked, and its deadline has passed
        trusted: bool = False,  # its sender has the scope card:trusted: a card_id replaces the PIN (contract SAFE5)
        on_topic: bool = True,  # it came on a topic, not through an interface: no scope bounds what it may do
    ) -> None:
        self.record_us = record_us
        self.max_age_days = max_age_days
        self.resumed = resumed
        self.overdue = overdue
        self.trusted = trusted
        self.on_topic = on_topic


class Decision(Generic[D]):
    """The rows that a document of this type needs in the books, and its decision."""

    __slots__ = ("decide", "has_training", "model", "needs")

    def __init__(
        self,
        model: type[D],
        needs: Callable[[D, Needs], None],
        decide: Callable[[D, Books, Circumstances], Outcome | Parked],
    ) -> None:
        self.model: Final = model
        self.has_training: Final = "training" in model.model_fields  # asking a model for a member it lacks is slow
        self.needs: Final = needs
        self.decide: Final = decide


def _alone(model: type[D], needs: Callable[[D, Needs], None], decide: Callable[[D, Books], Outcome]) -> Decision[D]:
    """Return the decision of a type that depends on the document and the books alone."""
    return Decision(model, needs, lambda document, books, _: decide(document, books))


def _by_sender(model: type[D], needs: Callable[[D, Needs], None], decide: Callable[..., Outcome]) -> Decision[D]:
    """Return a decision that asks whether its sender is trusted: it demands the PIN of a card (contract SAFE8)."""
    return Decision(model, needs, lambda document, books, at: decide(document, books, trusted=at.trusted))


DECISIONS: Final[dict[str, Decision[Any]]] = {
    "scm.sale.completed": _alone(documents.SaleCompleted, needs.sale, sales.complete),
    "scm.sale.voided": _alone(documents.SaleVoided, needs.sale_void, sales.void),
    "scm.return.completed": Decision(
        documents.ReturnCompleted,
        needs.completed_return,
        lambda document, books, at: returns.complete(document, books, overdue=at.overdue),
    ),
    "scm.return.voided": _alone(documents.ReturnVoided, needs.return_void, return_voids.void),
    "scm.tender.requested": Decision(
        documents.TenderRequested,
        needs.tender_request,
        lambda document, books, at: tenders.request(document, books, at.record_us, at.max_age_days, trusted=at.trusted),
    ),
    "scm.tender.captured": Decision(
        documents.TenderCaptured,
        needs.tender,
        lambda document, books, at: tenders.captured(document, books, resumed=at.resumed, overdue=at.overdue),
    ),
    "scm.tender.voided": _alone(documents.TenderVoided, needs.tender, tenders.voided),
    "crm.customer.create": _alone(commands.CustomerCreate, needs.new_customer, customers.create),
    "crm.customer.update": _alone(commands.CustomerUpdate, needs.customer, customers.update),
    "crm.customer.erase": _alone(commands.CustomerErase, needs.erasure, customers.erase),
    "crm.customer.merge": _alone(commands.CustomerMerge, needs.merge, customers.merge),
    "crm.consent.set": _alone(commands.ConsentSet, needs.customer, customers.consent),
    "crm.policy.put": _alone(commands.PolicyPut, needs.policy, customers.put_policy),
    "crm.pool.join": _alone(commands.PoolJoin, needs.pool, customers.join),
    "crm.pool.leave": _alone(commands.PoolLeave, needs.pool, customers.leave),
    "crm.loyalty.earn": _alone(commands.LoyaltyEarn, needs.points, loyalty.earn),
    "crm.loyalty.redeem": _alone(commands.LoyaltyRedeem, needs.customer, loyalty.redeem),
    "crm.loyalty.adjust": _alone(commands.LoyaltyAdjust, needs.customer, loyalty.adjust),
    "crm.loyalty.transfer": _alone(commands.LoyaltyTransfer, needs.points_transfer, loyalty.transfer),
    "crm.loyalty.claim": _alone(commands.LoyaltyClaim, needs.claim, claims.claim),
    "crm.loyalty.restore": _alone(commands.LoyaltyRestore, needs.undone, loyalty.restore),
    "crm.loyalty.reverse": _alone(commands.LoyaltyReverse, needs.undone, loyalty.reverse),
    "crm.giftcard.issue": _alone(card_commands.GiftCardIssue, needs.new_card, gift_cards.issue),
    "crm.giftcard.redeem": _by_sender(card_commands.GiftCardRedeem, needs.card, gift_cards.redeem),
    "crm.giftcard.reload": _alone(card_commands.GiftCardReload, needs.card, gift_cards.reload),
    "crm.giftcard.reverse": _alone(card_commands.GiftCardReverse, needs.undone, gift_cards.reverse),
    "crm.giftcard.freeze": _alone(card_commands.GiftCardFreeze, needs.card_and_customer, gift_cards.freeze),
    "crm.giftcard.unfreeze": Decision(
        card_commands.GiftCardUnfreeze,
        needs.card_and_customer,
        lambda document, books, at: gift_cards.unfreeze(document, books, trusted=at.trusted or at.on_topic),
    ),
    "crm.giftcard.link": _alone(card_commands.GiftCardLink, needs.card_and_customer, gift_cards.link),
    "crm.giftcard.transfer": _by_sender(card_commands.GiftCardTransfer, needs.card_transfer, gift_cards.transfer),
    "crm.giftcard.extend": _alone(card_commands.GiftCardExtend, needs.card, gift_cards.extend),
    "crm.giftcard.replace": _alone(card_commands.GiftCardReplace, needs.replacement, gift_cards.replace),
}


def decide(type_: str, document: Any, books: Books, at: Circumstances) -> Outcome | Parked:  # noqa: ANN401  one model a type
    """Decide one document, after `books.begin`. Only `books` changes."""
    decision = DECISIONS[type_]
    if decision.has_training and document.training:
        return Outcome("ignored", Reason.TRAINING, **_ids(document))
    result = decision.decide(document, books, at)
    books.freeze_overdrawn()
    if isinstance(result, Outcome):
        result.missing = books.missing
    elif at.overdue:
        return Outcome("rejected", Reason.PARKED_TOO_LONG, **_ids(document))
    return result


def parked(result: Parked, document: Any) -> Outcome:  # noqa: ANN401  as above
    """Return the first outcome of a document that waits."""
    return Outcome("parked", result.reason, tender=result.tender, **_ids(document))


def refused(document: Any) -> Outcome:  # noqa: ANN401  as above
    """Return the final outcome of a document that waited and moves more than the ledger's integers hold.

    It was accepted, so it can't become a dead letter any more (contract OUT1). `over_maximum` is the reason for what
    exceeds a limit.
    """
    return Outcome("rejected", Reason.OVER_MAXIMUM, **_ids(document))


def _ids(document: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    return {name: getattr(document, name, None) for name in ("customer_id", "sale_id", "return_id", "tender_id")}
