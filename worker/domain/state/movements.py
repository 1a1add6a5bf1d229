"""Movements of accounts: credits, debits, holds, moves, each booked as a transfer (debit, credit, amount > 0).

Every change of an account goes through here or through `reversals`, so a balance is always the sum of its transfers.
The rules are those of contract §2.2 Points and Tenders. Gift cards follow them, too, as accounts of one lot.
"""

from typing import NamedTuple

from schemas.tuples import made
from worker.domain.state.accounts import CARD_ACCOUNT, MOST_LOTS, NEVER, TICK_US, Account, Contra, Pick, Standing
from worker.domain.state.days import stored_begin, stored_end
from worker.domain.state.trace import Change, Move

Side = Account | Contra


class Transfer(NamedTuple):
    """`amount` left `debit` and went to `credit`, because of the batch's document number `place`."""

    place: int
    debit: Side
    credit: Side
    amount: int


class Timer(NamedTuple):
    """A deadline: at `due_us` the engine acts on `key`. `kind` says how (`decisions.deadlines`)."""

    kind: str
    key: str
    due_us: int


class Movements:
    """The movements of a batch's documents. They are written once, after the last decision."""

    def __init__(self) -> None:
        self.place = -1  # the document being decided
        self.now_us = 0  # when it was first read
        self.opening: dict[Account, int] = {}  # the balance of each account that this document touched, before it
        self.missing: dict[str, int] = {}  # for the operator: spent amounts that this document took back
        self.moves: list[Move] | None = None  # this document's changes of lots, if they are to be stored
        self.changed: dict[Account, None] = {}
        self.transfers: list[Transfer] = []
        self.timers: list[Timer] = []

    def begin(self, place: int, now_us: int) -> None:
        """Begin the next document, numbered `place` within the batch and first read at `now_us`."""
        self.place = place
        self.now_us = now_us
        self.moves = None
        if self.opening:
            self.opening = {}
        self.missing = {}  # a new one each time: the outcome keeps it

    def touch(self, account: Account) -> None:
        """Record that this document changes the account: its version goes up by one, once."""
        if account.touched_by != self.place:
            account.touched_by = self.place
            account.version += 1
            self.opening.setdefault(account, account.balance)
            self.changed[account] = None

    def freeze_overdrawn(self) -> None:
        """Freeze the cards that this document leaves below zero. A card that it brings back to zero stays as it was."""
        for account in self.opening:
            if account.type is CARD_ACCOUNT and account.balance < 0:
                account.standing = Standing.FROZEN

    def change(self, account: Account) -> int:
        """Return the net change of the balance by this document so far (contract PTS14)."""
        before = self.opening.get(account)
        return 0 if before is None else account.balance - before

    def credit(
        self, account: Account, amount: int, contra: Side, available_tick: int = 0, expires_tick: int = NEVER
    ) -> None:
        """Book a credit. It fills the deficit; the rest goes to the lot of these days."""
        if amount == 0:
            return
        self.touch(account)
        self.transfers.append(made(Transfer, (self.place, contra, account, amount)))
        if account.deficit:
            fill = min(account.deficit, amount)
            account.deficit -= fill
            amount -= fill
            self._note_move(account, Change.REPAID, 0, NEVER, fill)
        if amount:
            account.lot(available_tick, expires_tick).amount += amount
            if len(account.lots) > MOST_LOTS:
                account.compact()
            if self.moves is not None:
                self._note_move(account, Change.CREDITED, available_tick, expires_tick, amount)
            if available_tick or expires_tick != NEVER:
                self._expires(account, expires_tick)
                self._becomes_available(account, available_tick)

    def _note_move(self, account: Account, change: Change, available_tick: int, expires_tick: int, amount: int) -> None:
        if self.moves is not None and amount:
            self.moves.append(Move(account, change, available_tick, expires_tick, amount))

    def _expires(self, account: Account, expires_tick: int) -> None:
        """Set the deadline for the end of a lot with a last day, at once if that is over."""
        if expires_tick != NEVER:
            self.timers.append(expiry(account, expires_tick))

    def _becomes_available(self, account: Account, available_tick: int) -> None:
        """Set the deadline of the notice that pending points became available, unless the account is shown as of that
        day already.
        """
        if available_tick > account.booked_tick:
            key = f"{account.type:d}\n{account.key}\n{stored_begin(available_tick)}"
            self.timers.append(Timer("release", key, available_tick * TICK_US))

    def debit(self, account: Account, amount: int, contra: Side, tick: int) -> list[Pick]:
        """Spend `amount` of what is available in `tick`, soonest to expire first. Return the lots taken."""
        picks = []
        for lot, part in account.pick(amount, tick):
            self.touch(account)
            lot.amount -= part
            picks.append((lot.available_tick, lot.expires_tick, part))
        self.book(account, contra, sum(part for _, _, part in picks))
        return picks

    def book(self, account: Account, contra: Side, amount: int) -> None:
        """Book the transfer of a debit whose lots the caller changed."""
        if amount:
            self.touch(account)
            self.transfers.append(made(Transfer, (self.place, account, contra, amount)))

    def hold(self, account: Account, amount: int, tick: int) -> list[Pick]:
        """Hold `amount` of what is available in `tick`. Return the held lots, soonest to expire first."""
        picks = []
        for lot, part in account.pick(amount, tick):
            self.touch(account)
            lot.held += part
            picks.append((lot.available_tick, lot.expires_tick, part))
        return picks

    def capture(self, account: Account, picks: list[Pick], amount: int, contra: Side, tick: int) -> list[Pick]:
        """Take `amount` of what is held in `picks`, and release the rest. Return what was taken, in the order of
        taking.
        """
        taken: list[Pick] = []
        rest = amount
        for available_tick, expires_tick, part in picks:
            self.touch(account)
            lot = account.lot(available_tick, expires_tick)
            lot.held -= part
            used = min(part, rest)
            lot.amount -= used
            rest -= used
            if used:
                taken.append((available_tick, expires_tick, used))
            if used < part:
                self._expires(account, expires_tick)  # the lot's last day may have passed while the amount was held
        # an amount that expired while it was held pays, too: the account owes it, and its expiry must not make it
        # negative
        account.fill(min([tick, *(expires_tick for _, expires_tick, _ in picks)]))
        self.book(account, contra, amount)
        return taken

    def move(self, source: Account, target: Account, amount: int, tick: int) -> None:
        """Move an amount that can be spent to another account, where it can be spent, too."""
        for lot, part in list(source.pick(amount, tick)):
            self.touch(source)
            lot.amount -= part
            target.booked_tick = max(target.booked_tick, lot.available_tick)
            self.credit(target, part, source, lot.available_tick, lot.expires_tick)

    def move_all(self, source: Account, target: Account, tick: int) -> None:
        """Move everything, including what is held, pending, owed or let go. The lots keep their days."""
        self.touch(source)
        moved = sum(lot.amount for lot in source.lots)
        if moved or source.deficit:
            self.touch(target)
        self.changed[target] = None
        if moved:
            self.transfers.append(Transfer(self.place, source, target, moved))
        if source.deficit:
            self.transfers.append(Transfer(self.place, target, source, source.deficit))
        for lot in source.lots:
            into = target.lot(lot.available_tick, lot.expires_tick)
            into.amount += lot.amount
            into.held += lot.held
            into.expired += lot.expired
            self._expires(target, lot.expires_tick)
            if lot.available_tick <= tick:
                target.booked_tick = max(target.booked_tick, lot.available_tick)
            elif lot.amount:
                self._becomes_available(target, lot.available_tick)
        target.deficit += source.deficit
        target.shortfall += source.shortfall
        source.lots, source.deficit, source.shortfall = [], 0, 0
        target.forget_expired()
        target.fill(tick)


def tick_of(at_us: int) -> int:
    """Return the tick of an instant (`worker.domain.state.days`)."""
    return at_us // TICK_US


def expiry(account: Account, expires_tick: int) -> Timer:
    """Return the deadline of an account's lots that expire on a day."""
    key = f"{account.type:d}\n{account.key}\n{stored_end(expires_tick)}"
    return Timer("expire", key, (expires_tick + 1) * TICK_US)
