"""One tender of stored value: a gift card, or points, that pays a part of a sale (contract §2.2 Tenders).

A is the approved amount, C the captured amount, B the amount given back. Every document books the change of −C + B, so
the order of documents does not matter (TEND1–4).
"""

from enum import StrEnum
from typing import Final

from schemas.reasons import Reason
from worker.domain.state.accounts import AccountType, Contra, Pick
from worker.domain.state.outcome import TenderPart
from worker.domain.state.policy import PointValue

GIFT_CARD: Final = "gift_card"
POINTS: Final = "points"
STORED_VALUE: Final = (GIFT_CARD, POINTS)  # the kinds of tender that the engine decides
ALL = 1 << 62  # the amount of a capture without an amount: all that will be approved


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
        self.account: tuple[AccountType, str] | None = None
        self.sale_id = ""  # that its request names
        self.owner = ""  # the completed sale that it belongs to: the first that named it
        self.customer_id = ""
        self.currency = ""
        self.requested_minor = 0
        self.approved_minor = 0
        self.captured_minor = 0
        self.refunded_minor = 0
        self.asked_minor = 0  # the sum of what refunds asked, even above C: B = min(C, asked)
        self.named: dict[str, int] = {}  # by currency, the smallest amount that sales named before the request came
        self.parked_minor: int | None = None  # the amount that the waiting capture named
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
        """Record that a sale named an amount before the request came. If the request has another currency, it captures
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
