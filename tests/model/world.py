"""Everything the naive model remembers, in plain dicts, and the few questions that all documents ask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from tests.model.accounts import Card, LotKey, Picks, Points
from tests.model.rules import Data, first, instant, twelve_months_before
from tests.schemas.contract_page import CATEGORY, DEFAULT_POLICY


@dataclass
class Doc:
    """One document as it was read: `data` is the published `data`; `received` and `stamped` are aware datetimes."""

    type: str
    subject: str
    data: Data
    received: datetime
    stamped: datetime

    @property
    def at(self) -> datetime:
        return instant(self.data["occurred_at"])

    @property
    def on(self) -> date:
        return self.at.date()


@dataclass
class Tender:
    """The facts about one tender; what it holds and took is worked out from them each time."""

    tender_id: str
    state: str = "none"
    kind: str = ""
    requested: int = 0
    approved: int = 0
    limit: int = 0  # A, or what could be taken after the hold had expired
    named: list[int] = field(default_factory=list)
    refunds: int = 0
    card: Card | None = None
    account: str | None = None
    customer_id: str | None = None
    value: Fraction = Fraction(1)
    step: int = 1
    taken: int = 0  # booked so far: money of a card, points of an account
    picks: Picks = field(default_factory=list)
    expires_at: datetime | None = None
    sale_id: str | None = None  # that its request names
    owner: str | None = None  # the completed sale that named it first
    waiting: list[Doc] = field(default_factory=list)
    was_captured: bool = False

    def captured_minor(self) -> int:
        return min([self.limit, *self.named]) if self.was_captured else 0

    def refunded_minor(self) -> int:
        captured = self.captured_minor()
        return captured if self.state == "voided" else min(captured, self.refunds)

    def block(self, reason: str | None = None) -> Data:
        block: Data = {
            "tender_id": self.tender_id,
            "state": self.state,
            "requested_minor": self.requested,
            "approved_minor": self.approved,
            "captured_minor": self.captured_minor(),
            "refunded_minor": self.refunded_minor(),
        }
        return block | ({"reason": reason} if reason else {})


@dataclass
class Sale:
    """A sale as first decided, and what came back of it."""

    doc: Doc
    account: str | None
    points: dict[int, int]
    policy: Data
    lot: LotKey
    lines: dict[int, Data]
    returned: dict[int, int] = field(default_factory=dict)
    by_hand: int = 0  # points taken back by crm.loyalty.reverse and not yet set off
    set_off: int = 0  # and those that are
    loads: dict[int, tuple[Card, int]] = field(default_factory=dict)
    refund_loads: list[tuple[Card, int]] = field(default_factory=list)
    refunds: list[tuple[Tender, int]] = field(default_factory=list)  # that its returns asked


@dataclass
class Return:
    """The parts that a return took and gave, for its void."""

    doc: Doc
    sale: Sale | None
    lines: list[tuple[int, int, int]] = field(default_factory=list)  # line, line of the sale, asked
    account: str | None = None  # without a receipt
    points: int = 0
    lot: LotKey = (None, None)
    let_go: int = 0
    refunds: list[tuple[Tender, int]] = field(default_factory=list)
    loads: list[tuple[Card, int]] = field(default_factory=list)


@dataclass
class World:
    """All facts of one tenant."""

    policies: list[tuple[datetime, Data, int]] = field(default_factory=list)  # that are or will be in force
    policy_versions: int = 0
    customers: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)  # id -> status changes
    consents: list[tuple[datetime, str, str, str | None, bool]] = field(default_factory=list)
    pools: dict[str, str] = field(default_factory=dict)
    led: dict[str, str] = field(default_factory=dict)  # a pool that nobody is in -> who left it last
    merged: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, Points] = field(default_factory=dict)
    earned: list[tuple[date, str, int]] = field(default_factory=list)
    cards: dict[str, Card] = field(default_factory=dict)  # by number
    tenders: dict[str, Tender] = field(default_factory=dict)
    sales: dict[str, Sale] = field(default_factory=dict)
    voided_sales: set[str] = field(default_factory=set)
    returns: dict[str, Return] = field(default_factory=dict)  # that are decided
    voided_returns: set[str] = field(default_factory=set)
    commands: dict[str, Data] = field(default_factory=dict)  # what a command did, for restore and reverse
    parked: list[Doc] = field(default_factory=list)  # returns that wait
    out: list[Data] = field(default_factory=list)
    after_each: Callable[[Data], None] = lambda _: None  # shows the accounts in an outcome; the model sets it
    grace_days: int = 0  # restore_grace_days at the document that is being decided
    unlimited: bool = True  # and whether its negative_balance is `unlimited`

    def policy(self, at: datetime) -> tuple[Data, int]:
        """The policy in force at `at` and its version."""
        known = [(policy, version) for start, policy, version in self.policies if start <= at]
        return known[-1] if known else (DEFAULT_POLICY, 0)

    def who(self, customer_id: str) -> str:
        while customer_id in self.merged:
            customer_id = self.merged[customer_id]
        return customer_id

    def status(self, customer_id: str, at: datetime) -> str | None:
        """The reason why the customer may not act at `at`, or None; of a merged one their own record and the person's
        must allow it.
        """
        return first([self._status_of_record(id_, at) for id_ in (customer_id, self.who(customer_id))])

    def _status_of_record(self, customer_id: str, at: datetime) -> str | None:
        changes = self.customers.get(customer_id)
        if changes is None:
            return "customer_not_found"
        if any(status == "erased" for _, status in changes):
            return "customer_erased"
        state = [status for start, status in sorted(changes, key=lambda c: c[0]) if start <= at]
        return "customer_blocked" if state and state[-1] == "blocked" else None

    def erased(self, customer_id: str) -> bool:
        return any(status == "erased" for _, status in self.customers[customer_id])

    def consented(self, customer_id: str, purpose: str, at: datetime) -> bool:
        person = self.who(customer_id)
        records = [person, *(id_ for id_ in self.merged if self.who(id_) == person)]
        said = [c for c in self.consents if c[1] in records and c[2] == purpose and c[0] <= at]
        granted: dict[str | None, bool] = {}
        for _, _, _, channel, yes in sorted(said, key=lambda c: c[0]):
            granted = {**granted, channel: yes} if channel else {None: yes}
        return any(granted.values())

    def account_key(self, customer_id: str) -> str:
        who = self.who(customer_id)
        return "pool " + self.pools[who] if who in self.pools else who

    def account(self, key: str) -> Points:
        key = self.who(self.led.get(key, key))
        if key not in self.accounts:
            self.accounts[key] = Points(known=key in self.customers or key.startswith("pool "))
        return self.accounts[key]

    def bonus(self, customer_id: str | None, at: datetime, policy: Data) -> Fraction:
        """Campaign factor times tier factor at `at`."""
        if customer_id is None:
            return Fraction(1)
        running = [
            Fraction(c["factor"])
            for c in policy["earn"]["campaigns"]
            if instant(c["from"]) <= at < instant(c["to"])
            and (not c.get("needs_consent") or self.consented(customer_id, c["needs_consent"], at))
        ]
        person, since = self.who(customer_id), twelve_months_before(at).date()
        year = sum(points for on, who, points in self.earned if self.who(who) == person and since < on <= at.date())
        tiers = [t for t in policy["earn"]["tiers"] if t["from_points_12m"] <= year]
        tier = max(tiers, key=lambda t: t["from_points_12m"])["factor"] if tiers else 1
        return max(running, default=Fraction(1)) * Fraction(tier)

    def count(self, doc: Doc, points: int) -> None:
        """Count points for the tier of the document's customer, on its day (TIER2, TIER3)."""
        self.earned.append((doc.on, doc.data["customer_id"], points))

    def lot(self, on: date, policy: Data) -> LotKey:
        """Return the lot of points earned on `on`."""
        pending, expire = policy["earn"]["pending_days"], policy["earn"]["expire_days"]
        return (
            on + timedelta(days=pending) if pending else None,
            on + timedelta(days=expire) if expire is not None else None,
        )

    def card(self, ref: Data | None) -> Card | None:
        """A card by number, or by the id that this model gives it: `card:` + number."""
        if not ref:
            return None
        return self.cards.get(ref.get("number") or ref["card_id"].removeprefix("card:"))

    def card_to_load(self, ref: Data | None) -> Card | None:
        """The same, or the one that replaced it."""
        card = self.card(ref)
        return card.replaced_by if card and card.replaced_by else card

    def card_with_pin(self, ref: Data) -> tuple[Card | None, str | None]:
        """The card that a payer names, or `card_not_accepted`; the fifth wrong PIN in a row freezes the card."""
        card = self.card(ref)
        if card is None:
            return None, "card_not_accepted"
        if card.pin is not None and card.frozen and card.wrong_pins >= 5:
            return None, "card_not_accepted"
        if card.pin is None or card.pin == ref.get("pin"):
            card.wrong_pins = 0
            return card, None
        if ref.get("pin") is not None:
            card.wrong_pins += 1
            card.frozen = card.frozen or card.wrong_pins >= 5
        return None, "card_not_accepted"

    def tender(self, tender_id: str) -> Tender:
        return self.tenders.setdefault(tender_id, Tender(tender_id))

    def emit(self, doc: Doc, status: str, reasons: list[str | None] | None = None, **blocks: object) -> None:
        """One outcome; reason and category by precedence, empty blocks left out."""
        reason = first(reasons or [])
        data: Data = {"status": status}
        if reason:
            data |= {"reason": reason, "category": CATEGORY[reason]}
        data |= {key: value for key, value in blocks.items() if value or key in ("claimed", "policy_version")}
        self.after_each(data)
        self.out.append({"type": "crm.outcome." + doc.type.split(".", 1)[1], "subject": doc.subject, "data": data})

    def notice(self, kind: str, subject: str, **data: object) -> None:
        self.out.append({"type": kind, "subject": subject, "data": data})
