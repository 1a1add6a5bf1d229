"""Reversals: give spent amounts back, take credited amounts back, and book what is missing then (contract §2.2)."""

from worker.domain.state.accounts import NEVER, Account, AccountType, Contra, Pick
from worker.domain.state.movements import Movements, Side, Transfer
from worker.domain.state.trace import Change


class Reversals(Movements):
    """The reversals of a batch's documents. `missing` has the amounts that were already spent."""

    def give_back(
        self, account: Account, picks: list[Pick], amount: int, contra: Side, tick: int, grace: int | None
    ) -> None:
        """Return `amount` to the lots of `picks`, last taken first; `picks` keeps the parts that stay taken.

        The amount fills the account's shortfall first (contract PTS10). A part whose lot has expired by `tick` lives
        until `grace`; without one it expires at once (contract PTS6).
        """
        for_shortfall = min(account.shortfall, amount)
        if for_shortfall:
            self._take_from(picks, for_shortfall)
            self._let_go(account, -for_shortfall, contra)
        amount -= for_shortfall
        while amount:
            available_tick, expires_tick, part = picks.pop()
            back = min(part, amount)
            amount -= back
            if part > back:
                picks.append((available_tick, expires_tick, part - back))
            if expires_tick >= tick:
                self.credit(account, back, contra, available_tick, expires_tick)
            elif grace is not None:
                self.credit(account, back, contra, 0, grace)
            else:
                self.recredit(account, back, contra, (available_tick, expires_tick), lapsed=True)

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
            available_tick, expires_tick, part = picks.pop()
            if part > amount:
                picks.append((available_tick, expires_tick, part - amount))
            amount -= min(part, amount)

    def _let_go(self, account: Account, amount: int, contra: Side) -> None:
        """Book that a reversal let `amount` go, or (negative) that this much of it was made up for."""
        self.changed[account] = None
        account.shortfall += amount
        if amount > 0:
            self.transfers.append(Transfer(self.place, Contra.SHORTFALL, contra, amount))
            self._miss("shortfall", amount)
        else:
            self.transfers.append(Transfer(self.place, contra, Contra.SHORTFALL, -amount))

    def cancel_shortfall(self, account: Account, amount: int) -> int:
        """Cancel up to `amount` that a reversal of earned points let go and nothing has made up for. Return
        how much.
        """
        cancelled = min(account.shortfall, amount)
        if cancelled:
            self._let_go(account, -cancelled, Contra.EARNED)
        return cancelled

    def _lapse(self, account: Account, amount: int, contra: Side, available_tick: int, expires_tick: int) -> None:
        """Credit an expired lot: the amount expires at once. The balance doesn't change, so the version stays."""
        if amount == 0:
            return
        self.changed[account] = None
        self.transfers.append(Transfer(self.place, contra, account, amount))
        self.transfers.append(Transfer(self.place, account, Contra.EXPIRED, amount))
        account.lot(available_tick, expires_tick).expired += amount
        self._note_move(account, Change.CREDITED, available_tick, expires_tick, amount)
        self._note_move(account, Change.LAPSED, available_tick, expires_tick, amount)
        account.forget_expired()

    def reverse(
        self, account: Account, amount: int, contra: Contra, own: tuple[int, int], tick: int, *, within_balance: bool
    ) -> int:
        """Take back an amount that was credited to the lot `own`: from that lot first, then from others; the rest
        becomes a deficit.

        The expired part of the own lot has no effect. `within_balance` lets the rest go instead, and adds it to the
        account's shortfall. Return how much was let go (contract PTS7–9).
        """
        if amount == 0:
            return 0
        self.opening.setdefault(account, account.balance)  # only what is taken makes another version
        self.changed[account] = None
        lot = account.lot(*own)
        left = amount
        part = min(lot.free, left)
        lot.amount -= part
        left -= part
        self._note_move(account, Change.TAKEN, *own, part)
        self.book(account, contra if lot.expires_tick >= tick else Contra.EXPIRED, part)
        part = min(lot.expired, left)
        lot.expired -= part
        left -= part
        self._note_move(account, Change.GONE, *own, part)
        taken = sum(part for _, _, part in self._take_unheld(account, left, tick))
        left -= taken
        let_go = left if within_balance else 0
        if let_go:
            self._let_go(account, let_go, contra)
        else:
            self._owe(account, left)
            taken += left
        self.book(account, contra, taken)
        return let_go

    def _take_unheld(self, account: Account, amount: int, tick: int) -> list[Pick]:
        picks: list[Pick] = []
        for lot in account.soonest():
            part = min(lot.free, amount) if lot.expires_tick >= tick else 0
            if part:
                lot.amount -= part
                amount -= part
                picks.append((lot.available_tick, lot.expires_tick, part))
                self._note_move(account, Change.TAKEN, *picks[-1])
        return picks

    def retake(self, account: Account, amount: int, contra: Contra, tick: int, *, within_balance: bool) -> list[Pick]:
        """Take again an amount that was given back, soonest to expire first; the rest becomes a deficit. Return the
        lots.

        `within_balance` lets the rest go and books it as shortfall, as in `reverse`.
        """
        self.opening.setdefault(account, account.balance)
        self.changed[account] = None
        picks = self._take_unheld(account, amount, tick)
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
        self._note_move(account, Change.OWED, 0, NEVER, amount)
        self._miss("card_deficit" if account.type is AccountType.CARD else "points_deficit", amount)

    def _miss(self, what: str, amount: int) -> None:
        if amount:
            self.missing[what] = self.missing.get(what, 0) + amount

    def revive(self, card: Account) -> None:
        """Bring back the expired balance of a card."""
        expired = [(lot, lot.expired) for lot in card.lots if lot.expired]
        for lot, amount in expired:
            lot.expired = 0
            self.credit(card, amount, Contra.EXPIRED, lot.available_tick, lot.expires_tick)

    def cancel_expired(self, card: Account, amount: int, contra: Contra) -> int:
        """Undo the expiry of up to `amount` of a card, and take that amount back to `contra`. The balance stays, and so
        does the version. Return how much was undone.
        """
        lot = card.lot(0, NEVER)
        undone = min(lot.expired, amount)
        if undone:
            self.changed[card] = None
            lot.expired -= undone
            self.transfers.append(Transfer(self.place, Contra.EXPIRED, card, undone))
            self.transfers.append(Transfer(self.place, card, contra, undone))
            self._note_move(card, Change.GONE, 0, NEVER, undone)
        return undone
