"""Movements of accounts: credits, debits, holds, reversals, each booked as a transfer (debit, credit, amount > 0).

Every change of an account goes through here, so a balance is always the sum of its transfers. The rules are those of
contract §2.2 Points and Tenders. Gift cards follow them, too, as accounts of one lot.
"""

from typing import NamedTuple

from worker.domain.days import stored_begin, stored_end
from worker.domain.lots import MOST_LOTS, NEVER, QUARTER_US, Account, Contra, Kind, Pick, Standing
from worker.domain.trace import Change, Move

Side = Account | Contra


class Transfer(NamedTuple):
    """`amount` left `debit` and went to `credit`, because of the batch's document number `mark`."""

    mark: int
    debit: Side
    credit: Side
    amount: int


class Timer(NamedTuple):
    """A deadline that runs on its own: at `due_us` the document `kind` about `key` is decided."""

    kind: str
    key: str
    due_us: int


class Movements:
    """What a batch's documents do to accounts. It is written once, after the last decision."""

    def __init__(self) -> None:
        self.mark = -1  # the document being decided
        self.now_us = 0  # when it was first read
        self.before: dict[Account, int] = {}  # balance before this document, of each account it touched
        self.missing: dict[str, int] = {}  # what this document took back although it was spent, for the operator
        self.moves: list[Move] | None = None  # what this document does to lots, if that is remembered
        self.changed: dict[Account, None] = {}
        self.transfers: list[Transfer] = []
        self.timers: list[Timer] = []

    def begin(self, mark: int, now_us: int) -> None:
        """Begin the next document, numbered `mark` within the batch and first read at `now_us`."""
        self.mark = mark
        self.now_us = now_us
        self.moves = None
        if self.before:
            self.before = {}
        self.missing = {}  # a new one each time: the outcome keeps it

    def touch(self, account: Account) -> None:
        """Record that this document changes the account: its version goes up by one, once."""
        if account.mark != self.mark:
            account.mark = self.mark
            account.version += 1
            self.before.setdefault(account, account.balance)
            self.changed[account] = None

    def freeze_overdrawn(self) -> None:
        """Freeze the cards that this document leaves below zero. A card that it brings back to zero stays as it was."""
        for account in self.before:
            if account.kind is Kind.CARD and account.balance < 0:
                account.standing = Standing.FROZEN

    def change(self, account: Account) -> int:
        """Return the net change of the balance by this document so far (contract PTS14)."""
        before = self.before.get(account)
        return 0 if before is None else account.balance - before

    def credit(
        self, account: Account, amount: int, contra: Side, available_day: int = 0, expires_day: int = NEVER
    ) -> None:
        """Book a credit. It fills the deficit; the rest goes to the lot of these days."""
        if amount == 0:
            return
        self.touch(account)
        self.transfers.append(Transfer(self.mark, contra, account, amount))
        if account.deficit:
            fill = min(account.deficit, amount)
            account.deficit -= fill
            amount -= fill
            self._moved(account, Change.REPAID, 0, NEVER, fill)
        if amount:
            account.lot(available_day, expires_day).amount += amount
            if len(account.lots) > MOST_LOTS:
                account.compact()
            if self.moves is not None:
                self._moved(account, Change.CREDITED, available_day, expires_day, amount)
            self._expires(account, expires_day)
            self._becomes_available(account, available_day)

    def _moved(self, account: Account, change: Change, available_day: int, expires_day: int, amount: int) -> None:
        if self.moves is not None and amount:
            self.moves.append(Move(account, change, available_day, expires_day, amount))

    def _expires(self, account: Account, expires_day: int) -> None:
        """Set the deadline for the end of a lot with a last day, at once if that is over."""
        if expires_day != NEVER:
            self.timers.append(expiry(account, expires_day))

    def _becomes_available(self, account: Account, available_day: int) -> None:
        """Set the deadline of the notice that pending points became available, unless the account is shown as of that
        day already.
        """
        if available_day > account.due_day:
            key = f"{account.kind:d}\n{account.key}\n{stored_begin(available_day)}"
            self.timers.append(Timer("release", key, available_day * QUARTER_US))

    def debit(self, account: Account, amount: int, contra: Side, day: int) -> list[Pick]:
        """Spend `amount` of what is available on `day`, soonest to expire first. Return the lots taken."""
        picks = [(lot.available_day, lot.expires_day, part) for lot, part in account.pick(amount, day)]
        for available_day, expires_day, part in picks:
            account_lot = account.lot(available_day, expires_day)
            self.touch(account)
            account_lot.amount -= part
        self.book(account, contra, sum(part for _, _, part in picks))
        return picks

    def book(self, account: Account, contra: Side, amount: int) -> None:
        """Book the transfer of a debit whose lots the caller changed."""
        if amount:
            self.touch(account)
            self.transfers.append(Transfer(self.mark, account, contra, amount))

    def hold(self, account: Account, amount: int, day: int) -> list[Pick]:
        """Hold `amount` of what is available on `day`. Return the held lots, soonest to expire first."""
        picks = []
        for lot, part in account.pick(amount, day):
            self.touch(account)
            lot.held += part
            picks.append((lot.available_day, lot.expires_day, part))
        return picks

    def settle(self, account: Account, picks: list[Pick], amount: int, contra: Side, day: int) -> list[Pick]:
        """Take `amount` of what is held in `picks`, and release the rest. Return what was taken, in the order of
        taking.
        """
        taken: list[Pick] = []
        rest = amount
        for available_day, expires_day, part in picks:
            self.touch(account)
            lot = account.lot(available_day, expires_day)
            lot.held -= part
            take = min(part, rest)
            lot.amount -= take
            rest -= take
            if take:
                taken.append((available_day, expires_day, take))
            if take < part:
                self._expires(account, expires_day)  # its day may have passed while it was held
        # what expired while it was held pays, too: it is owed for, and its expiry may leave nothing less than nothing
        account.fill(min([day, *(expires_day for _, expires_day, _ in picks)]))
        self.book(account, contra, amount)
        return taken

    def give_back(
        self, account: Account, picks: list[Pick], amount: int, contra: Side, day: int, grace: int | None
    ) -> None:
        """Return `amount` to the lots of `picks`, last taken first; `picks` keeps what stays taken.

        The amount fills the account's shortfall first (contract PTS10). A part whose lot has expired by `day` lives
        until `grace`; without one it expires at once (contract PTS6).
        """
        for_shortfall = min(account.shortfall, amount)
        if for_shortfall:
            self._take_from(picks, for_shortfall)
            self._let_go(account, -for_shortfall, contra)
        amount -= for_shortfall
        while amount:
            available_day, expires_day, part = picks.pop()
            back = min(part, amount)
            amount -= back
            if part > back:
                picks.append((available_day, expires_day, part - back))
            if expires_day >= day:
                self.credit(account, back, contra, available_day, expires_day)
            elif grace is not None:
                self.credit(account, back, contra, 0, grace)
            else:
                self.recredit(account, back, contra, (available_day, expires_day), lapsed=True)

    def recredit(self, account: Account, amount: int, contra: Side, own: tuple[int, int], *, lapsed: bool) -> None:
        """Credit the lot `own` again. `lapsed`: it has expired meanwhile, so everything expires at once, except what
        fills a deficit.
        """
        kept = min(account.deficit, amount) if lapsed else amount
        self.credit(account, kept, contra, *own)
        self._lapse(account, amount - kept, contra, *own)

    @staticmethod
    def _take_from(picks: list[Pick], amount: int) -> None:
        """Drop `amount` from the end of the picks."""
        while amount:
            available_day, expires_day, part = picks.pop()
            if part > amount:
                picks.append((available_day, expires_day, part - amount))
            amount -= min(part, amount)

    def _let_go(self, account: Account, amount: int, contra: Side) -> None:
        """Book that a reversal let `amount` go, or (negative) that so much was made up for."""
        self.changed[account] = None
        account.shortfall += amount
        if amount > 0:
            self.transfers.append(Transfer(self.mark, Contra.SHORTFALL, contra, amount))
            self._miss("shortfall", amount)
        else:
            self.transfers.append(Transfer(self.mark, contra, Contra.SHORTFALL, -amount))

    def cancel_shortfall(self, account: Account, amount: int) -> int:
        """Cancel up to `amount` that a reversal of earned points let go and nothing has made up for. Return
        how much.
        """
        cancelled = min(account.shortfall, amount)
        if cancelled:
            self._let_go(account, -cancelled, Contra.EARNED)
        return cancelled

    def _lapse(self, account: Account, amount: int, contra: Side, available_day: int, expires_day: int) -> None:
        """Credit a lot that has expired: it is gone at once. Nothing changes, so the version stays."""
        if amount == 0:
            return
        self.changed[account] = None
        self.transfers.append(Transfer(self.mark, contra, account, amount))
        self.transfers.append(Transfer(self.mark, account, Contra.EXPIRED, amount))
        account.lot(available_day, expires_day).expired += amount
        self._moved(account, Change.CREDITED, available_day, expires_day, amount)
        self._moved(account, Change.LAPSED, available_day, expires_day, amount)

    def reverse(
        self, account: Account, amount: int, contra: Contra, own: tuple[int, int], day: int, *, within_balance: bool
    ) -> int:
        """Take back what was credited to the lot `own`: from that lot first, then from others; the rest becomes a
        deficit.

        What expired of the own lot has no effect. `within_balance` lets the rest go instead, and adds it to the
        account's shortfall. Return how much was let go (contract PTS7–9).
        """
        if amount == 0:
            return 0
        self.before.setdefault(account, account.balance)  # only what is taken makes another version
        self.changed[account] = None
        lot = account.lot(*own)
        left = amount
        part = min(lot.free, left)
        lot.amount -= part
        left -= part
        self._moved(account, Change.TAKEN, *own, part)
        self.book(account, contra if lot.expires_day >= day else Contra.EXPIRED, part)
        part = min(lot.expired, left)
        lot.expired -= part
        left -= part
        self._moved(account, Change.GONE, *own, part)
        taken = sum(part for _, _, part in self._take_unheld(account, left, day))
        left -= taken
        let_go = left if within_balance else 0
        if let_go:
            self._let_go(account, let_go, contra)
        else:
            self._owe(account, left)
            taken += left
        self.book(account, contra, taken)
        return let_go

    def _take_unheld(self, account: Account, amount: int, day: int) -> list[Pick]:
        picks: list[Pick] = []
        for lot in account.soonest():
            part = min(lot.free, amount) if lot.expires_day >= day else 0
            if part:
                lot.amount -= part
                amount -= part
                picks.append((lot.available_day, lot.expires_day, part))
                self._moved(account, Change.TAKEN, *picks[-1])
        return picks

    def retake(self, account: Account, amount: int, contra: Contra, day: int, *, within_balance: bool) -> list[Pick]:
        """Take again what was given back, soonest to expire first; the rest becomes a deficit. Return the lots.

        `within_balance` lets the rest go and books it as shortfall, as in `reverse`.
        """
        self.before.setdefault(account, account.balance)
        self.changed[account] = None
        picks = self._take_unheld(account, amount, day)
        taken = sum(part for _, _, part in picks)
        missing = amount - taken
        if missing:
            picks.append((0, NEVER, missing))
        if missing and within_balance:
            self._let_go(account, missing, contra)
        else:
            self._owe(account, missing)
            taken += missing
        self.book(account, contra, taken)
        return picks

    def _owe(self, account: Account, amount: int) -> None:
        account.deficit += amount
        self._moved(account, Change.OWED, 0, NEVER, amount)
        self._miss("card_deficit" if account.kind is Kind.CARD else "points_deficit", amount)

    def _miss(self, what: str, amount: int) -> None:
        if amount:
            self.missing[what] = self.missing.get(what, 0) + amount

    def revive(self, card: Account) -> None:
        """Bring back what expired of a card."""
        expired = [(lot, lot.expired) for lot in card.lots if lot.expired]
        for lot, amount in expired:
            lot.expired = 0
            self.credit(card, amount, Contra.EXPIRED, lot.available_day, lot.expires_day)

    def cancel_expired(self, card: Account, amount: int, contra: Contra) -> int:
        """Undo up to `amount` of what expired of a card, and take it back to `contra`. The balance stays, so the
        version does, too. Return how much.
        """
        lot = card.lot(0, NEVER)
        undone = min(lot.expired, amount)
        if undone:
            self.changed[card] = None
            lot.expired -= undone
            self.transfers.append(Transfer(self.mark, Contra.EXPIRED, card, undone))
            self.transfers.append(Transfer(self.mark, card, contra, undone))
            self._moved(card, Change.GONE, 0, NEVER, undone)
        return undone

    def move(self, source: Account, target: Account, amount: int, day: int) -> None:
        """Move what can be spent from one account to another, where it can be spent, too."""
        for lot, part in list(source.pick(amount, day)):
            self.touch(source)
            lot.amount -= part
            target.due_day = max(target.due_day, lot.available_day)
            self.credit(target, part, source, lot.available_day, lot.expires_day)

    def move_all(self, source: Account, target: Account, day: int) -> None:
        """Move everything, including what is held, pending, owed or let go. The lots keep their days."""
        self.touch(source)
        moved = sum(lot.amount for lot in source.lots)
        if moved or source.deficit:
            self.touch(target)
        self.changed[target] = None
        if moved:
            self.transfers.append(Transfer(self.mark, source, target, moved))
        if source.deficit:
            self.transfers.append(Transfer(self.mark, target, source, source.deficit))
        for lot in source.lots:
            into = target.lot(lot.available_day, lot.expires_day)
            into.amount += lot.amount
            into.held += lot.held
            into.expired += lot.expired
            self._expires(target, lot.expires_day)
            if lot.available_day <= day:
                target.due_day = max(target.due_day, lot.available_day)
            elif lot.amount:
                self._becomes_available(target, lot.available_day)
        target.deficit += source.deficit
        target.shortfall += source.shortfall
        source.lots, source.deficit, source.shortfall = [], 0, 0
        target.fill(day)


def day_of(at_us: int) -> int:
    """Return the quarter of an hour of an instant: the unit of days (`worker.domain.days`)."""
    return at_us // QUARTER_US


def expiry(account: Account, expires_day: int) -> Timer:
    """Return the deadline of an account's lots that expire on a day."""
    key = f"{account.kind:d}\n{account.key}\n{stored_end(expires_day)}"
    return Timer("expire", key, (expires_day + 1) * QUARTER_US)
