"""One document and the books → its outcome, or the reason why it waits. Invalid cases come first,
then the type's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.reasons import Reason
from worker.domain.decisions import claims, customers, gift_cards, loyalty, return_voids, returns, sales, tenders
from worker.domain.decisions.returns import Parked
from worker.domain.state.books import Books
from worker.domain.state.outcome import Outcome

Decision = Callable[[Any, Books], Outcome | Parked]

DECISIONS: dict[str, Decision] = {
    "scm.sale.completed": sales.complete,
    "scm.sale.voided": sales.void,
    "scm.tender.voided": tenders.voided,
    "scm.return.voided": return_voids.void,
    "crm.customer.create": customers.create,
    "crm.customer.update": customers.update,
    "crm.customer.erase": customers.erase,
    "crm.customer.merge": customers.merge,
    "crm.consent.set": customers.consent,
    "crm.policy.put": customers.put_policy,
    "crm.pool.join": customers.join,
    "crm.pool.leave": customers.leave,
    "crm.loyalty.earn": loyalty.earn,
    "crm.loyalty.redeem": loyalty.redeem,
    "crm.loyalty.adjust": loyalty.adjust,
    "crm.loyalty.transfer": loyalty.transfer,
    "crm.loyalty.claim": claims.claim,
    "crm.loyalty.restore": loyalty.restore,
    "crm.loyalty.reverse": loyalty.reverse,
    "crm.giftcard.issue": gift_cards.issue,
    "crm.giftcard.reload": gift_cards.reload,
    "crm.giftcard.reverse": gift_cards.reverse,
    "crm.giftcard.freeze": gift_cards.freeze,
    "crm.giftcard.link": gift_cards.link,
    "crm.giftcard.extend": gift_cards.extend,
    "crm.giftcard.replace": gift_cards.replace,
}
# Decisions that depend on the sender: they demand the PIN of a card (contract SAFE8), or lift a freeze (SAFE3).
PAYMENTS: dict[str, Callable[..., Outcome]] = {
    "crm.giftcard.redeem": gift_cards.redeem,
    "crm.giftcard.transfer": gift_cards.transfer,
    "crm.giftcard.unfreeze": gift_cards.unfreeze,
}
REQUEST = "scm.tender.requested"
CAPTURE = "scm.tender.captured"
RETURN = "scm.return.completed"


@dataclass(slots=True)
class Circumstances:
    """What a decision depends on besides the document and the books.

    All of it is stored, so that a document that waited decides the same. The exception is `trusted`: no document that
    names a PIN ever waits.
    """

    record_us: int  # when the record was written to its topic
    max_age_days: int = 7  # older gift card requests are too late
    resumed: bool = False  # it was parked, and what it waited for is there
    overdue: bool = False  # it was parked, and its deadline has passed
    trusted: bool = False  # its sender has the scope card:trusted: a card_id replaces the PIN (contract SAFE5)


def decide(type_: str, doc: Any, books: Books, at: Circumstances) -> Outcome | Parked:  # noqa: ANN401  one model a type
    """Decide one document, after `books.begin`. Only `books` changes."""
    if getattr(doc, "training", False):
        return Outcome("ignored", Reason.TRAINING, **_ids(doc))
    if type_ == REQUEST:
        return tenders.request(doc, books, at.record_us, at.max_age_days, trusted=at.trusted)
    if type_ in PAYMENTS:
        return PAYMENTS[type_](doc, books, trusted=at.trusted)
    if type_ == CAPTURE:
        result: Outcome | Parked = tenders.captured(doc, books, resumed=at.resumed, overdue=at.overdue)
    elif type_ == RETURN:
        result = returns.complete(doc, books, overdue=at.overdue)
    else:
        result = DECISIONS[type_](doc, books)
    books.freeze_overdrawn()
    if isinstance(result, Outcome):
        result.missing = books.missing
    elif at.overdue:
        return Outcome("rejected", Reason.PARKED_TOO_LONG, **_ids(doc))
    return result


def parked(result: Parked, doc: Any) -> Outcome:  # noqa: ANN401  as above
    """Return the first outcome of a document that waits."""
    return Outcome("parked", result.reason, tender=result.tender, **_ids(doc))


def refused(doc: Any) -> Outcome:  # noqa: ANN401  as above
    """Return the final outcome of a document that waited and moves more than the ledger's integers hold.

    It was accepted, so it can't become a dead letter any more (contract OUT1). `over_maximum` is the reason for what
    exceeds a limit.
    """
    return Outcome("rejected", Reason.OVER_MAXIMUM, **_ids(doc))


def _ids(doc: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    return {name: getattr(doc, name, None) for name in ("customer_id", "sale_id", "return_id", "tender_id")}
