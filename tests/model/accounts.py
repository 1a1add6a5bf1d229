"""Points accounts as dicts of lots, gift cards as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

LotKey = tuple[date | None, date | None]  # available on, expires on (the last good day)
Picks = list[tuple[LotKey, int]]


def _soonest(key: LotKey) -> tuple[date, date]:
    return (key[1] or date.max, key[0] or date.min)


@dataclass
class Points:
    """One points account. Balance = lots + what holds have picked - deficit."""

    known: bool = False  # False: nobody has claimed it, only change and reason are told
    lots: dict[LotKey, int] = field(default_factory=dict)
    held: dict[str, Picks] = field(default_factory=dict)  # by tender
    expired: dict[LotKey, int] = field(default_factory=dict)
    released: set[LotKey] = field(default_factory=set)
    deficit: int = 0
    shortfall: int = 0  # that a reversal let go
    version: int = 0

    def balance(self) -> int:
        return sum(self.lots.values()) + self.held_points() - self.deficit

    def held_points(self) -> int:
        return sum(amount for picks in self.held.values() for _, amount in picks)

    def pending(self, on: date) -> int:
        return sum(amount for key, amount in self.lots.items() if key[0] and key[0] > on)

    def available(self, on: date) -> int:
        good = sum(amount for key, amount in self.lots.items() if _good(key, on))
        return max(0, good - self.deficit)

    def credit(self, amount: int, key: LotKey) -> None:
        fill = min(amount, self.deficit)
        self.deficit -= fill
        if amount > fill:
            self.lots[key] = self.lots.get(key, 0) + amount - fill

    def pick(self, amount: int, on: date) -> Picks:
        """Takes `amount` out of the lots, soonest to expire first."""
        picks: Picks = []
        for key in sorted((key for key in self.lots if _good(key, on)), key=_soonest):
            amount -= self._take(key, amount, picks)
        if amount:
            raise AssertionError("picked more than was there")
        return picks

    def _take(self, key: LotKey, amount: int, picks: Picks) -> int:
        taken = min(amount, self.lots.get(key, 0))
        if taken:
            picks.append((key, taken))
            self.lots[key] -= taken
            if not self.lots[key]:
                del self.lots[key]
        return taken

    def retake(self, amount: int, on: date, *, unlimited: bool) -> Picks:
        """Takes what is there, the rest becomes a deficit."""
        picks: Picks = []
        for key in sorted((key for key in self.lots if key[1] is None or key[1] >= on), key=_soonest):
            amount -= self._take(key, amount, picks)
        if amount:
            picks.append(((None, None), amount))
            self._miss(amount, unlimited=unlimited)
        return picks

    def _miss(self, amount: int, *, unlimited: bool) -> int:
        """Return how much of a reversal is owed, or let go."""
        if unlimited:
            self.deficit += amount
            return 0
        self.shortfall += amount
        return amount

    def put_back(self, picks: Picks, amount: int, on: date, grace_days: int) -> None:
        """Gives back `amount` of what was taken, last taken first; what has expired since lives its days of grace.

        What an earlier reversal let go is made up for first.
        """
        for_shortfall = min(self.shortfall, amount)
        self.shortfall -= for_shortfall
        kept = amount - for_shortfall
        while amount:
            key, taken = picks.pop()
            back = min(taken, amount)
            if amount > kept:
                back = min(back, amount - kept)
            if back < taken:
                picks.append((key, taken - back))
            amount -= back
            if amount >= kept:
                continue
            if key[1] and key[1] < on:
                if not grace_days:
                    fill = min(back, self.deficit)
                    self.deficit -= fill
                    continue
                key = (None, on + timedelta(days=grace_days))
            self.credit(back, key)

    def reverse(self, amount: int, own: LotKey, *, unlimited: bool) -> int:
        """Takes an earning back: its own lot, its expired part for nothing, other lots, then the deficit. How much it
        let go.
        """
        amount -= self._take(own, amount, [])
        gone = min(amount, self.expired.get(own, 0))
        self.expired[own] = self.expired.get(own, 0) - gone
        amount -= gone
        for key in sorted(self.lots, key=_soonest):
            amount -= self._take(key, amount, [])
        return self._miss(amount, unlimited=unlimited)

    def put_again(self, amount: int, key: LotKey, on: date, let_go: int) -> None:
        """Credits what was taken back and not let go; of a lot that has expired only what is owed."""
        cancelled = min(let_go, amount, self.shortfall)
        self.shortfall -= cancelled
        amount -= cancelled
        if key[1] and key[1] < on:
            fill = min(amount, self.deficit)
            self.deficit -= fill
            self.expired[key] = self.expired.get(key, 0) + amount - fill
        elif amount:
            self.credit(amount, key)

    def expire(self, on: date) -> int:
        """Lots whose last good day is before `on` are gone."""
        gone = {key: amount for key, amount in self.lots.items() if key[1] and key[1] < on}
        for key, amount in gone.items():
            del self.lots[key]
            self.expired[key] = self.expired.get(key, 0) + amount
        return sum(gone.values())

    def release(self, on: date) -> int:
        """Pending lots that have become good since."""
        due = {key: amount for key, amount in self.lots.items() if key[0] and key[0] <= on and key not in self.released}
        self.released |= set(due)
        return sum(due.values())

    def shape(self) -> tuple[object, ...]:
        return (self.known, sorted(self.lots.items(), key=str), sorted(self.held.items()), self.deficit)


def _good(key: LotKey, on: date) -> bool:
    return (key[0] is None or key[0] <= on) and (key[1] is None or key[1] >= on)


@dataclass
class Card:
    """One gift card, in minor units of its currency."""

    number: str
    currency: str
    balance: int = 0
    held: dict[str, int] = field(default_factory=dict)  # by tender
    frozen: bool = False
    expires_on: date | None = None
    expired: int = 0  # what was left on its last day: breakage
    pin: str | None = None
    wrong_pins: int = 0
    customer_id: str | None = None
    version: int = 0
    replaced_by: Card | None = None  # of an old number: the card, under whatever number it has now

    def held_minor(self) -> int:
        return sum(self.held.values())

    def available(self) -> int:
        return max(0, self.balance - self.held_minor())

    def move(self, change: int) -> None:
        """Books a change that nothing can refuse."""
        self.balance += change

    def take_load(self, amount: int) -> None:
        """Takes a load back; what has expired of it is gone already."""
        gone = min(amount, self.expired)
        self.expired -= gone
        self.move(gone - amount)

    def put_load(self, amount: int, on: date) -> None:
        """Keeps a load after all; on a card that has expired it expires at once, but for what is owed."""
        kept = min(amount, max(0, -self.balance)) if self.expired_on(on) else amount
        self.expired += amount - kept
        self.move(kept)

    def refuses(self, on: date) -> str | None:
        """Why nothing may be taken from it."""
        return "card_expired" if self.expired_on(on) else "card_frozen" if self.frozen else None

    def expired_on(self, on: date) -> bool:
        return self.expires_on is not None and self.expires_on < on

    def shape(self) -> tuple[object, ...]:
        return (self.balance, sorted(self.held.items()), self.frozen, self.expires_on, self.customer_id)
