"""Accounts: the balance of a customer or a card, in lots, with holds and a deficit.

Gift cards and points have the same accounts. An account's balance is the sum of its lots less its deficit. Every credit
fills the deficit first. Spending takes the lots that expire soonest (contract §2.2 "Points"). Bounds of days are
counted in ticks (`state.days`). Amounts are points or minor units, and never negative here.
"""

from bisect import insort_right
from collections.abc import Iterator
from enum import IntEnum
from operator import itemgetter
from typing import Final, NamedTuple

TICK_US: Final = 900_000_000  # a quarter of an hour
DAY_TICKS: Final = 96  # in a day of UTC
NEVER: Final = 1 << 31  # a tick that no document can name: it never expires
YEAR_DAYS: Final = 366
MOST_EARNED: Final = 1 << 62  # most points of a day for tiers: as many as a column holds, far above any threshold
# An account's memory is bounded, because every document that touches the account reads and writes its row.
MOST_STANDINGS: Final = 20  # changes of an owner's status; an older document counts as before any block
MOST_LOTS: Final = 200  # beyond that, lots are merged if that changes nobody's points
MOST_EXPIRED: Final = 100  # wholly expired lots; the return of an older lot takes from other lots

Pick = tuple[int, int, int]
"""(available_tick, expires_tick, amount): what a hold or a redemption took of one lot."""

LotKey = tuple[int, int]
"""(available_tick, expires_tick)."""

LotRest = tuple[int, int, int]
"""(amount, held, expired)."""


class AccountType(IntEnum):
    """The type of an account, by its owner; part of the account's key in the ledger."""

    POINTS = 0
    CARD = 1
    POOL = 2


SHOWN_TYPES: Final = {AccountType.POINTS: "points", AccountType.CARD: "gift_card", AccountType.POOL: "pool"}
"""The account types, as interfaces show them."""


class Standing(IntEnum):
    """The state of an account's owner or card."""

    UNCLAIMED = 0  # points of a customer without a record: nobody can spend them
    ACTIVE = 1
    FROZEN = 2  # a card; a blocked customer
    CLOSED = 3  # an erased customer
    REPLACED = 4  # a card; `target` is the one that took over


class Contra(IntEnum):
    """The other side of a transfer. Contra accounts have no row: they are sums over the ledger, so none is hot."""

    EARNED = -1
    REDEEMED = -2
    ADJUSTED = -3
    EXPIRED = -4
    FORFEITED = -5
    SHORTFALL = -6
    ISSUED = -7
    SOLD = -8
    SPENT = -9
    REFUNDED = -10


# Members that nearly every document needs. Python 3.11 takes 0.06 µs to find a member of an enum, 0.01 for a name.
POINTS_ACCOUNT: Final = AccountType.POINTS
CARD_ACCOUNT: Final = AccountType.CARD
UNCLAIMED: Final = Standing.UNCLAIMED
EARNED: Final = Contra.EARNED


class Lot:
    """Points or money that become available and expire together."""

    __slots__ = ("amount", "available_tick", "expired", "expires_tick", "held")

    def __init__(
        self, available_tick: int, expires_tick: int, amount: int = 0, held: int = 0, expired: int = 0
    ) -> None:
        self.available_tick = available_tick
        self.expires_tick = expires_tick
        self.amount = amount  # what is left of the lot, including the held part
        self.held = held
        self.expired = expired  # the expired part of the lot: reversing it has no effect

    @property
    def key(self) -> LotKey:
        return self.available_tick, self.expires_tick

    @property
    def rest(self) -> LotRest:
        return self.amount, self.held, self.expired

    @property
    def free(self) -> int:
        return self.amount - self.held


class Past(NamedTuple):
    """The lots, and the points by day, of an account that has many, as of a while ago. Only the ledger uses it."""

    lots: dict[LotKey, LotRest]
    earned: dict[int, int]


class Account:
    """One balance and everything that explains it. Change it only through `Books`, which books each change as a
    transfer.
    """

    __slots__ = (
        "booked_tick", "card", "currency", "deficit", "earned", "id", "key", "last_no", "lots", "new", "owner_log",
        "past", "pooled_us", "shortfall", "standing", "target", "touched_by", "type", "version",
    )  # fmt: skip

    def __init__(self, type_: AccountType, key: str, currency: str = "", standing: Standing = Standing.ACTIVE) -> None:
        self.id = 0  # given by the ledger when it is first written
        self.last_no: int | None = None  # of its latest transfer; the ledger's too
        self.past: Past | None = None  # the ledger's too
        self.type = type_
        self.key = key
        self.currency = currency  # of a card; points have none
        self.standing = standing
        self.lots: list[Lot] = []
        self.deficit = 0
        self.shortfall = 0  # points that reversals under `within_balance` let go, less those given back since
        self.booked_tick = 0  # the latest tick whose deadlines are booked; never shown as of an earlier one
        self.version = 0
        self.touched_by = -1  # the place in the batch of the document that touched it last
        self.new = True
        self.card: CardDetails | None = None
        self.target: tuple[AccountType, str] | None = None  # merged into, or member of, that account
        self.pooled_us = 0  # when the customer's pool was joined, if that is known: earlier history is not theirs
        self.owner_log: list[tuple[int, int]] = []  # (since_us, Standing); empty if it was always active
        self.earned: list[tuple[int, int]] = []  # (date, points) earned, for tiers over a rolling year

    @property
    def balance(self) -> int:
        total = -self.deficit
        for lot in self.lots:
            total += lot.amount
        return total

    @property
    def held(self) -> int:
        total = 0
        for lot in self.lots:
            total += lot.held
        return total

    def figures(self, tick: int) -> tuple[int, int, int, int]:
        """Return the balance and, as of `tick`, the available, held and pending amounts: the figures of an outcome."""
        balance = available = -self.deficit
        held = pending = 0
        for lot in self.lots:
            balance += lot.amount
            held += lot.held
            if lot.available_tick > tick:
                pending += lot.amount
            elif tick <= lot.expires_tick:
                available += lot.amount - lot.held
        return balance, max(available, 0), held, pending

    def pending(self, tick: int) -> int:
        """Return the amount that becomes available only after `tick`."""
        return sum(lot.amount for lot in self.lots if lot.available_tick > tick)

    def available(self, tick: int) -> int:
        """Return the amount that can be spent or held in `tick`; never negative."""
        total = -self.deficit
        for lot in self.lots:
            if lot.available_tick <= tick <= lot.expires_tick:
                total += lot.amount - lot.held
        return max(total, 0)

    def lot(self, available_tick: int, expires_tick: int) -> Lot:
        """Return the lot of these days, or a new empty one."""
        for lot in self.lots:
            if lot.available_tick == available_tick and lot.expires_tick == expires_tick:
                return lot
        lot = Lot(available_tick, expires_tick)
        self.lots.append(lot)
        return lot

    def soonest(self) -> list[Lot]:
        """Return the lots in the order in which they are spent."""
        if len(self.lots) <= 1:
            return self.lots
        return sorted(self.lots, key=lambda lot: (lot.expires_tick, lot.available_tick))

    def pick(self, amount: int, tick: int) -> Iterator[tuple[Lot, int]]:
        """Return lots to take `amount` from in `tick`, soonest to expire first; less if there is less."""
        for lot in self.soonest():
            if amount == 0:
                return
            if lot.available_tick <= tick <= lot.expires_tick and lot.free > 0:
                part = min(lot.free, amount)
                amount -= part
                yield lot, part

    def fill(self, tick: int) -> None:
        """Let free lots fill the deficit. An amount that a release frees pays the deficit before it can be spent."""
        if self.deficit == 0:
            return
        for lot in self.soonest():
            if lot.expires_tick >= tick:
                part = min(lot.free, self.deficit)
                lot.amount -= part
                self.deficit -= part

    def note_standing(self, at_us: int, standing: Standing) -> None:
        """Record the owner's standing from an instant on, until the next entry. For one instant, the later decision
        counts.
        """
        insort_right(self.owner_log, (at_us, int(standing)), key=itemgetter(0))
        self.owner_log = [
            entry
            for place, entry in enumerate(self.owner_log)
            if place == 0 or entry[1] != self.owner_log[place - 1][1]
        ][-MOST_STANDINGS:]

    def note_earned(self, date: int, points: int, kept_days: int) -> None:
        """Record points earned on a date, or taken back (negative), for tiers. Keeps `kept_days` before the
        newest date.
        """
        if not points:
            return
        if not self.earned or self.earned[-1][0] < date:
            self.earned.append((date, points))
        elif self.earned[-1][0] == date and abs(points) < MOST_EARNED >> 1 > abs(self.earned[-1][1]):
            self.earned[-1] = (date, self.earned[-1][1] + points)
        else:
            by_date: dict[int, int] = {}
            for earned_on, earned in (*self.earned, (date, points)):
                by_date[earned_on] = max(-MOST_EARNED, min(by_date.get(earned_on, 0) + earned, MOST_EARNED))
            self.earned = sorted(by_date.items())
        newest = self.earned[-1][0]
        if self.earned[0][0] < newest - kept_days:
            self.earned = [entry for entry in self.earned if entry[0] >= newest - kept_days]

    def forget_expired(self) -> None:
        """Keep only the latest of the wholly expired lots, and remove empty lots."""
        self.lots = [lot for lot in self.lots if lot.amount or lot.held or lot.expired]
        gone = sorted((lot for lot in self.lots if not lot.amount and not lot.held), key=lambda lot: lot.expires_tick)
        if len(gone) > MOST_EXPIRED:
            forgotten = set(gone[:-MOST_EXPIRED])
            self.lots = [lot for lot in self.lots if lot not in forgotten]

    def compact(self) -> None:
        """Limit the number of lots. Points that never expire need no day of their own a year after they became
        available, and of expired lots the latest days are enough.
        """
        self.forget_expired()
        if len(self.lots) <= MOST_LOTS:
            return
        old = max(lot.available_tick for lot in self.lots) - YEAR_DAYS * DAY_TICKS
        merged = [
            lot
            for lot in self.lots
            if lot.expires_tick == NEVER and 0 < lot.available_tick < old and not lot.held and not lot.expired
        ]
        if merged:
            gone = set(merged)
            self.lots = [lot for lot in self.lots if lot not in gone]
            self.lot(0, NEVER).amount += sum(lot.amount for lot in merged)

    def standing_at(self, at_us: int) -> Standing:
        """Return the owner's state at an instant (contract EARN11)."""
        standing = Standing.ACTIVE
        for since_us, value in self.owner_log:
            if since_us <= at_us:
                standing = Standing(value)
        return standing


class CardDetails:
    """The data of a gift card besides its balance."""

    __slots__ = ("customer_id", "expires_tick", "last4", "pin", "pin_failures")

    def __init__(self, last4: str = "", expires_tick: int = NEVER, pin: bytes = b"", customer_id: str = "") -> None:
        self.last4 = last4
        self.expires_tick = expires_tick  # the last good tick
        self.pin = pin  # keyed digest of the PIN's token and the card; empty: the card has none
        self.pin_failures = 0
        self.customer_id = customer_id
