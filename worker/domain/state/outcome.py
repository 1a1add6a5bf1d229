"""The result of a decision, from which an outcome's bytes are made (contract §3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from schemas.reasons import Reason
from worker.domain.state.accounts import AccountType
from worker.domain.state.trace import Trace

AccountKey = tuple[AccountType, str]


class PointsPart(NamedTuple):
    """`points` of an outcome. While the customer has no record, it shows only `change` and `reason`.

    `account` is True for the account under the customer's own id. None: the outcome was decided before outcomes
    showed accounts.
    """

    change: int
    balance: int
    available: int
    held: int
    pending: int
    version: int
    reason: str | None
    claimed: bool = True
    account: AccountKey | Literal[True] | None = None


class CardPart(NamedTuple):
    """One of `gift_cards`; amounts in minor units. `card_id` empty: a card that is not accepted."""

    card_id: str
    last4: str
    currency: str
    change_minor: int
    balance_minor: int
    held_minor: int
    version: int
    reason: str | None


class TenderPart(NamedTuple):
    """`tender`, or one of `tenders`. `moved`: a sale, a return or the void of either moved it, and a notice follows,
    with the tender's own customer and, for a points tender, their account. Not `listed`: only the notice shows it.
    `customer_id` is True in outcomes of 0.1, whose notices have the sale's customer.
    """

    tender_id: str
    state: str
    requested_minor: int
    approved_minor: int
    captured_minor: int
    refunded_minor: int
    points: int | None
    expires_us: int | None
    reason: str | None
    moved: bool = False
    listed: bool = True
    customer_id: str | Literal[True] | None = None
    account: PointsPart | None = None


class Notice(NamedTuple):
    """A notice about their points to another customer than the outcome's (contract §3.1)."""

    type: str
    customer_id: str
    points: PointsPart


class Outcome:
    """The outcome of one document. `notice` is the type of a notice of contract §3.1, empty for the document's own
    outcome.

    No dataclass: mypyc leaves the constructor of one to the interpreter, and there is an outcome for each document.
    """

    __slots__ = (
        "counterparty",
        "customer_id",
        "gift_cards",
        "lines",
        "mismatch",
        "missing",
        "notice",
        "notices",
        "points",
        "policy_version",
        "reason",
        "return_id",
        "sale_id",
        "status",
        "tender",
        "tender_id",
        "tenders",
        "trace",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913  its members
        self,
        status: str,
        reason: Reason | None = None,
        *,
        customer_id: str | None = None,
        sale_id: str | None = None,
        return_id: str | None = None,
        tender_id: str | None = None,
        points: PointsPart | None = None,
        counterparty: tuple[str, PointsPart] | None = None,  # the other account that points came from or went to
        gift_cards: list[CardPart] | None = None,
        tender: TenderPart | None = None,
        tenders: list[TenderPart] | None = None,
        lines: list[int] | None = None,  # of `in_a_row`
        policy_version: int | None = None,
        notice: str = "",
        notices: list[Notice] | None = None,  # to other owners of the account
        mismatch: Reason | None = None,  # for the operator, even if another reason is at the top
        trace: Trace | None = None,  # stored, not published
    ) -> None:
        self.status = status
        self.reason = reason
        self.customer_id = customer_id
        self.sale_id = sale_id
        self.return_id = return_id
        self.tender_id = tender_id
        self.points = points
        self.counterparty = counterparty
        self.gift_cards = gift_cards or []
        self.tender = tender
        self.tenders = tenders or []
        self.lines = lines or []
        self.policy_version = policy_version
        self.notice = notice
        self.notices = notices or []
        self.mismatch = mismatch
        self.missing: dict[str, int] = {}  # for the operator: spent amounts that were taken back
        self.trace = trace


def in_a_row(points: Mapping[int, int]) -> list[int]:
    """Return the points of each line that has some: its id and its points in turn."""
    row: list[int] = []
    for line_id, of_line in points.items():
        if of_line:
            row += (line_id, of_line)
    return row


@dataclass(slots=True)
class Parked:
    """The whole document waits, for a sale or a tender."""

    waits_for: str  # "sale" or "tender"
    key: str
    reason: Reason
    tender: TenderPart | None = None  # of a tender's document
