"""One tender of stored value: a gift card, or points, that pays a part of a sale (contract §2.2 Tenders).

A approved, C captured, B given back: every document books the change of −C + B, so their order does not matter
(TEND1–4).
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from schemas.reasons import Reason
from worker.domain.lots import QUARTER_US, Account, Contra, Kind, Pick, Standing
from worker.domain.outcome import TenderPart
from worker.domain.policy import PointValue
from worker.domain.sale import MOST_ASKED

if TYPE_CHECKING:
    from worker.domain.books import Books

ALL = 1 << 62  # what a capture without an amount names: all that will be approved


class State(StrEnum):
    """The states of contract TS1–38; NONE is a row without a document."""

    NONE = "none"
    AWAITING = "awaiting"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    EXPIRED = "expired"
    DECLINED = "declined"
    VOIDED = "voided"


class Tender:
    """The state of one tender. Amounts are in minor units; `picks` has the lots held or taken, in the
    order of taking.
    """

    __slots__ = (
        "account", "approved_minor", "asked_minor", "captured_minor", "currency", "customer_id", "dirty", "expires_us",
        "id", "kind", "named", "new", "owner", "parked_minor", "picks", "refunded_minor", "requested_minor", "sale_id",
        "state", "value", "waiting",
    )  # fmt: skip

    def __init__(self, tender_id: str) -> None:
        self.id = tender_id
        self.new = True
        self.dirty = True
        self.waiting = False
        self.state = State.NONE
        self.kind = ""
        self.account: tuple[Kind, str] | None = None
        self.sale_id = ""  # that its request names
        self.owner = ""  # the completed sale that it belongs to: the first that named it
        self.customer_id = ""
        self.currency = ""
        self.requested_minor = 0
        self.approved_minor = 0
        self.captured_minor = 0
        self.refunded_minor = 0
        self.asked_minor = 0  # the sum of what refunds asked, even above C: B = min(C, asked)
        self.named: dict[str, int] = {}  # by currency, the least amount that sales named before the request came
        self.parked_minor: int | None = None  # what the capture named that waits for the request
        self.value: PointValue | None = None  # of points, by the policy of the request
        self.picks: list[Pick] = []
        self.expires_us: int | None = None

    def units(self, amount_minor: int) -> int:
        """Return the account's units for an amount: points by the policy of the request, or the money itself."""
        return amount_minor if self.value is None else self.value.points(amount_minor)

    def money(self, units: int) -> int:
        return units if self.value is None else self.value.money(units)

    def claim(self, sale_id: str) -> bool:
        """Return whether the tender belongs to this completed sale, which names it: the first such sale owns it
        (contract SALE8).
        """
        if not self.owner:
            self.owner = sale_id
            self.dirty = True
        return self.owner == sale_id

    def name(self, amount_minor: int, currency: str) -> None:
        """Record that a sale named an amount before the request came. In another currency than that, it captures
        nothing.
        """
        self.state = State.AWAITING
        self.named[currency] = min(amount_minor, self.named.get(currency, amount_minor))
        self.dirty = True

    def wait(self, amount_minor: int) -> None:
        """Record that the capture waits for the request."""
        self.state = State.AWAITING
        self.parked_minor = amount_minor
        self.waiting = self.dirty = True

    def give_up(self) -> None:
        """Record that the capture has waited too long: it is rejected, so it names no amount."""
        self.parked_minor = None
        if not self.named:
            self.state = State.NONE
        self.dirty = True

    def part(self, reason: Reason | None = None, *, moved: bool = False, listed: bool = True) -> TenderPart:
        live = self.state in (State.AUTHORIZED, State.CAPTURED)
        amount = self.approved_minor if self.state is State.AUTHORIZED else self.captured_minor - self.refunded_minor
        return TenderPart(
            self.id,
            self.state.value,
            self.requested_minor,
            self.approved_minor,
            self.captured_minor,
            self.refunded_minor,
            (self.units(amount) if live else 0) if self.value is not None else None,
            self.expires_us if self.state is State.AUTHORIZED else None,
            reason,
            moved,
            listed,
        )

    @property
    def contra(self) -> Contra:
        return Contra.SPENT if self.value is None else Contra.REDEEMED


def authorize(books: "Books", tender: Tender, account: Account, approved_minor: int, day: int) -> None:
    """Hold `approved_minor` on the account, and capture at once what is already named."""
    tender.account = (account.kind, account.key)
    tender.approved_minor = approved_minor
    tender.picks = books.hold(account, tender.units(approved_minor), day)
    named = [minor for minor in (tender.named.get(tender.currency), tender.parked_minor) if minor is not None]
    tender.state = State.AUTHORIZED
    tender.dirty = True
    if named:
        take(books, tender, min(*named, approved_minor), day)


def take(books: "Books", tender: Tender, captured_minor: int, day: int) -> None:
    """Capture `captured_minor` of what is held, and release the rest."""
    account = books.at(tender.account)
    assert account is not None  # noqa: S101  an authorized tender has an account: the ledger loads it
    tender.picks = books.settle(account, tender.picks, tender.units(captured_minor), tender.contra, day)
    tender.captured_minor = captured_minor
    tender.state = State.CAPTURED
    tender.expires_us = None
    tender.dirty = True
    books.wake(tender)


def capture(books: "Books", tender: Tender, amount_minor: int | None, at_us: int) -> Reason | None:
    """Capture, for a capture or for the sale that acts as one. Return the reason why less was taken than named, or
    None.

    `amount_minor` None names all that was approved. The caller handles NONE, AWAITING, DECLINED and VOIDED.
    """
    if tender.state is State.EXPIRED:
        return _capture_expired(books, tender, amount_minor, at_us // QUARTER_US)
    approved = tender.approved_minor
    if tender.state is State.AUTHORIZED:
        wanted = approved if amount_minor is None else amount_minor
        take(books, tender, min(wanted, approved), at_us // QUARTER_US)
        return Reason.AMOUNT_OVER_AUTHORIZED if wanted > approved else None
    if amount_minor is not None and amount_minor < tender.captured_minor:
        lower(books, tender, amount_minor, min(tender.asked_minor, amount_minor), at_us)
    return Reason.AMOUNT_OVER_AUTHORIZED if amount_minor is not None and amount_minor > approved else None


def _capture_expired(books: "Books", tender: Tender, amount_minor: int | None, day: int) -> Reason | None:
    account = books.at(tender.account)
    wanted = tender.approved_minor if amount_minor is None else amount_minor
    can = 0
    if account is not None and spendable(account, day):
        can = min(tender.approved_minor, wanted, tender.money(account.available(day)))
    if account is None or can == 0 < wanted:
        return Reason.HOLD_EXPIRED
    tender.picks = books.hold(account, tender.units(can), day)
    take(books, tender, can, day)
    return Reason.HOLD_EXPIRED if can < wanted else None


def lower(books: "Books", tender: Tender, captured_minor: int, refunded_minor: int, at_us: int) -> None:
    """Set C and B, and give back the difference: P(before) − P(after)."""
    before = tender.units(tender.captured_minor - tender.refunded_minor)
    after = tender.units(captured_minor - refunded_minor)
    account = books.at(tender.account)
    assert account is not None  # noqa: S101  a captured tender has an account: the ledger loads it
    if before > after:
        day = at_us // QUARTER_US
        grace = books.policies.at(at_us).grace_end(day)
        books.give_back(account, tender.picks, before - after, tender.contra, day, grace)
    tender.captured_minor = captured_minor
    tender.refunded_minor = refunded_minor
    tender.dirty = True


def refund(books: "Books", tender: Tender, amount_minor: int, at_us: int) -> Reason | None:
    """Give back to a captured tender what is left of it. Return the reason why it was less than `amount_minor`, or
    None.
    """
    given = min(amount_minor, tender.captured_minor - tender.refunded_minor)
    tender.asked_minor = min(tender.asked_minor + amount_minor, MOST_ASKED)
    tender.dirty = True
    if given:
        lower(books, tender, tender.captured_minor, tender.refunded_minor + given, at_us)
    return Reason.AMOUNT_OVER_CAPTURED if given < amount_minor else None


def unrefund(books: "Books", tender: Tender, amount_minor: int, at_us: int) -> bool:
    """Cancel a refund of `amount_minor`: take again what the other refunds leave to take. Return whether anything
    moved.
    """
    tender.asked_minor = max(tender.asked_minor - amount_minor, 0)
    tender.dirty = True
    refunded = min(tender.captured_minor, tender.asked_minor)
    if tender.state is not State.CAPTURED or refunded >= tender.refunded_minor:
        return False
    taken = tender.units(tender.captured_minor - tender.refunded_minor)
    more = tender.units(tender.captured_minor - refunded) - taken
    tender.refunded_minor = refunded
    account = books.at(tender.account)
    assert account is not None  # noqa: S101  a captured tender has an account: the ledger loads it
    rule = books.policies.at(at_us).policy.negative_balance
    within = account.kind is not Kind.CARD and rule == "within_balance"
    tender.picks += books.retake(account, more, tender.contra, at_us // QUARTER_US, within_balance=within)
    return True


def release(books: "Books", tender: Tender, day: int) -> None:
    """Release a hold."""
    account = books.at(tender.account)
    if account is not None:
        books.settle(account, tender.picks, 0, tender.contra, day)
    tender.picks = []
    tender.expires_us = None


def expire(books: "Books", tender: Tender, day: int) -> None:
    """Release a hold whose time is over, or whose sale completed without it. Refunds do not wait for it any longer."""
    release(books, tender, day)
    tender.state = State.EXPIRED
    tender.dirty = True
    books.wake(tender)


def void(books: "Books", tender: Tender, at_us: int) -> bool:
    """Release a hold, or give back what was taken. Return whether anything changed. Later documents
    find a tombstone.
    """
    if tender.state is State.VOIDED:
        return False
    if tender.state is State.AUTHORIZED:
        release(books, tender, at_us // QUARTER_US)
    elif tender.state is State.CAPTURED:
        lower(books, tender, tender.captured_minor, tender.captured_minor, at_us)
    elif tender.state is State.AWAITING:
        tender.parked_minor = None  # nothing will come of it any more
    tender.state = State.VOIDED
    tender.dirty = True
    books.wake(tender)
    return True


def spendable(account: Account, day: int) -> bool:
    """Return whether new value can be taken from the account on `day`."""
    return account.standing is Standing.ACTIVE and (account.card is None or account.card.expires_day >= day)
