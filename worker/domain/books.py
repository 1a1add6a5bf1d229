"""The books of one tenant while a batch is decided: what was loaded, what the decisions changed.

Every change of an account goes through here and is booked as a transfer (debit, credit, amount > 0), so that a
balance is always the sum of its transfers. The ledger writes the difference once, after the last decision.
"""

from typing import Final, NamedTuple, Protocol

from schemas.scalars import CardToken
from worker.domain.lots import DAY_US, NEVER, Account, CardFacts, Contra, Kind, Pick, Standing
from worker.domain.policy import PolicyBook, PolicyVersion
from worker.domain.sale import Entry, Sale
from worker.domain.tender import Tender
from worker.domain.trace import Change, Move

Side = Account | Contra


class CardNamed(Protocol):
    """However a document names a card: by one of the two."""

    @property
    def number(self) -> CardToken | None: ...
    @property
    def card_id(self) -> str | None: ...


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


class Consent(NamedTuple):
    """One consent given or withdrawn, in force from `at_us`."""

    customer_id: str
    purpose: str
    channel: str
    granted: bool
    at_us: int


class Books:
    """One tenant's state: accounts by (kind, key), sales and tenders by id, cards by number token."""

    def __init__(self, org: int, orgcode: str, policies: PolicyBook) -> None:
        self.org: Final = org
        self.orgcode: Final = orgcode
        self.policies = policies
        self.accounts: dict[tuple[Kind, str], Account] = {}
        self.sales: dict[str, Sale] = {}
        self.tenders: dict[str, Tender] = {}
        self.entries: dict[tuple[str, str], Entry] = {}
        self.cards: dict[bytes, str] = {}  # number token → card_id
        self.consents: dict[str, list[Consent]] = {}
        # what the batch changed
        self.mark = -1  # the document being decided
        self.now_us = 0  # when it was first read
        self.before: dict[Account, int] = {}  # balance before this document, of each account it touched
        self.moves: list[Move] | None = None  # what it does to lots, where that is remembered
        self.changed: dict[Account, None] = {}
        self.transfers: list[Transfer] = []
        self.timers: list[Timer] = []
        self.woken: dict[tuple[str, str], int] = {}  # ("sale" | "tender", id) that no longer waits → mark of the cause
        self.new_cards: list[tuple[bytes, str]] = []
        self.new_consents: list[Consent] = []
        self.profiles: list[tuple[Account, dict[str, object]]] = []
        self.erased: list[Account] = []
        self.new_policies: list[PolicyVersion] = []

    def begin(self, mark: int, now_us: int) -> None:
        """The next document, numbered `mark` within the batch, first read at `now_us`."""
        self.mark = mark
        self.now_us = now_us
        self.moves = None
        if self.before:
            self.before = {}

    # --- finding -------------------------------------------------------------

    def holder(self, customer_id: str) -> Account | None:
        """The account of this customer's own record, whatever it was merged into or pooled with."""
        return self.accounts.get((Kind.POINTS, customer_id))

    def follow(self, account: Account) -> Account:
        """The account that a merged or pooled customer's points are in."""
        while account.target is not None:
            account = self.accounts[account.target]
        return account

    def standing_at(self, holder: Account, at_us: int) -> Standing:
        """How a customer stood: the worst of their own record and of those that it was merged into."""
        worst = holder.standing_at(at_us)
        while holder.target is not None:
            holder = self.accounts[holder.target]
            worst = max(worst, holder.standing_at(at_us))
        return worst

    def standing(self, holder: Account, at_us: int) -> Standing:
        """The same, now or then, whichever is worse: neither an old id nor a late document gets a wrong yes."""
        worst = max(holder.standing, self.standing_at(holder, at_us))
        while holder.target is not None:
            holder = self.accounts[holder.target]
            worst = max(worst, holder.standing)
        return worst

    def at(self, key: tuple[Kind, str] | None) -> Account | None:
        account = self.accounts.get(key) if key is not None else None
        return None if account is None else self.follow(account)

    def numbered(self, number: CardToken) -> Account | None:
        """The card of a number, whichever key its token was made with."""
        for token in number.tokens:
            card_id = self.cards.get(token)
            if card_id is not None:
                return self.accounts[Kind.CARD, card_id]
        return None

    def card(self, ref: CardNamed) -> Account | None:
        """The card that a document names; None where it is not known."""
        if ref.number is not None:
            return self.numbered(ref.number)
        return self.accounts.get((Kind.CARD, ref.card_id or ""))

    # --- making --------------------------------------------------------------

    def sale(self, sale_id: str) -> Sale:
        """The sale, or a stub of it: whoever needs a sale that is not there writes its row, so that none is missed."""
        sale = self.sales.get(sale_id)
        if sale is None:
            sale = self.sales[sale_id] = Sale(sale_id)
            sale.dirty = True
        return sale

    def tender(self, tender_id: str) -> Tender:
        tender = self.tenders.get(tender_id)
        if tender is None:
            tender = self.tenders[tender_id] = Tender(tender_id)
        return tender

    def open_points(self, customer_id: str, standing: Standing) -> Account:
        account = self.accounts[Kind.POINTS, customer_id] = Account(Kind.POINTS, customer_id, standing=standing)
        self.touch(account)
        return account

    def open_card(self, card_id: str, number: CardToken | None, currency: str, facts: CardFacts) -> Account:
        """A new card; its number, where it has one, becomes known under the current key's token."""
        account = self.accounts[Kind.CARD, card_id] = Account(Kind.CARD, card_id, currency)
        account.card = facts
        if number is not None:
            self.cards[number.tokens[0]] = card_id
            self.new_cards.append((number.tokens[0], card_id))
        self.touch(account)
        return account

    # --- changing ------------------------------------------------------------

    def touch(self, account: Account) -> None:
        """This document changes the account: its version goes up by one, once."""
        if account.mark != self.mark:
            account.mark = self.mark
            account.version += 1
            self.before.setdefault(account, account.balance)
            self.changed[account] = None

    def freeze_overdrawn(self) -> None:
        """Freeze the cards that this document leaves below zero; one that it brings back to zero stays as it was."""
        for account in self.before:
            if account.kind is Kind.CARD and account.balance < 0:
                account.standing = Standing.FROZEN

    def change(self, account: Account) -> int:
        """The net change of the balance by this document so far (contract §8 "change")."""
        before = self.before.get(account)
        return 0 if before is None else account.balance - before

    def credit(
        self, account: Account, amount: int, contra: Side, available_day: int = 0, expires_day: int = NEVER
    ) -> None:
        """Book a credit: it fills the deficit, the rest goes to the lot of these days."""
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
            if self.moves is not None:
                self._moved(account, Change.CREDITED, available_day, expires_day, amount)
            self._expires(account, expires_day)

    def _moved(self, account: Account, change: Change, available_day: int, expires_day: int, amount: int) -> None:
        if self.moves is not None and amount:
            self.moves.append(Move(account, change, available_day, expires_day, amount))

    def _expires(self, account: Account, expires_day: int) -> None:
        """Whatever comes into a lot that has a last day is looked at when that is over, or at once where it is."""
        if expires_day != NEVER:
            self.timers.append(expiry(account, expires_day))

    def releases(self, account: Account, available_day: int, day: int) -> None:
        """What is still pending on `day` is told of when it may be spent."""
        if available_day > day:
            key = f"{account.kind:d}\n{account.key}\n{available_day}"
            self.timers.append(Timer("release", key, available_day * DAY_US))

    def debit(self, account: Account, amount: int, contra: Side, day: int) -> list[Pick]:
        """Spend `amount` of what is available on `day`, soonest to expire first; the lots it took."""
        picks = [(lot.available_day, lot.expires_day, part) for lot, part in account.pick(amount, day)]
        for available_day, expires_day, part in picks:
            account_lot = account.lot(available_day, expires_day)
            self.touch(account)
            account_lot.amount -= part
        self.book(account, contra, sum(part for _, _, part in picks))
        return picks

    def book(self, account: Account, contra: Side, amount: int) -> None:
        """The transfer of a debit whose lots were changed by the caller."""
        if amount:
            self.touch(account)
            self.transfers.append(Transfer(self.mark, account, contra, amount))

    def hold(self, account: Account, amount: int, day: int) -> list[Pick]:
        """Hold `amount` of what is available on `day`; the lots it holds, soonest to expire first."""
        picks = []
        for lot, part in account.pick(amount, day):
            self.touch(account)
            lot.held += part
            picks.append((lot.available_day, lot.expires_day, part))
        return picks

    def settle(self, account: Account, picks: list[Pick], amount: int, contra: Side, day: int) -> list[Pick]:
        """Take `amount` of what is held in `picks` and release the rest; what was taken, in the order of taking."""
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

    def give_back(self, account: Account, picks: list[Pick], amount: int, contra: Side, day: int, grace: int) -> None:
        """Return `amount` to the lots of `picks`, last taken first; `picks` keeps what stays taken.

        A part whose lot has expired by `day` lives `grace` days more, with none it expires at once (contract §2.2).
        """
        while amount:
            available_day, expires_day, part = picks.pop()
            back = min(part, amount)
            amount -= back
            if part > back:
                picks.append((available_day, expires_day, part - back))
            if expires_day >= day:
                self.credit(account, back, contra, available_day, expires_day)
            elif grace:
                self.credit(account, back, contra, 0, day + grace)
            else:
                owed = min(account.deficit, back)  # what fills a deficit does not expire
                self.credit(account, owed, contra)
                self._lapse(account, back - owed, contra, available_day, expires_day)

    def _lapse(self, account: Account, amount: int, contra: Side, available_day: int, expires_day: int) -> None:
        """What comes back to a lot that has expired is gone at once: nothing changes, so no other version."""
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
    ) -> None:
        """Take back what was credited to the lot `own`: of that lot first, then of others, the rest as a deficit.

        What expired of the own lot has no effect. `within_balance` lets go what is missing and books it as shortfall.
        """
        if amount == 0:
            return
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
        taken = self._take_unheld(account, left, day)
        left -= taken
        if left and within_balance:
            self.transfers.append(Transfer(self.mark, Contra.SHORTFALL, contra, left))
        else:
            account.deficit += left
            taken += left
            self._moved(account, Change.OWED, 0, NEVER, left)
        self.book(account, contra, taken)

    def _take_unheld(self, account: Account, amount: int, day: int) -> int:
        taken = 0
        for lot in account.soonest():
            if lot.expires_day >= day and taken < amount:
                part = min(lot.free, amount - taken)
                lot.amount -= part
                taken += part
                self._moved(account, Change.TAKEN, lot.available_day, lot.expires_day, part)
        return taken

    def move(self, source: Account, target: Account, amount: int, day: int) -> None:
        """Move what may be spent from one account to another."""
        for lot, part in list(source.pick(amount, day)):
            self.touch(source)
            lot.amount -= part
            self.credit(target, part, source, lot.available_day, lot.expires_day)

    def move_all(self, source: Account, target: Account, day: int) -> None:
        """Move everything, what is held, pending or owed included; the lots keep their days."""
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
            if lot.amount:
                self.releases(target, lot.available_day, day)
        target.deficit += source.deficit
        target.earned = sorted(target.earned + source.earned)
        source.lots, source.deficit, source.earned = [], 0, []
        target.fill(day)

    def enter(self, entry: Entry) -> None:
        """Remember what a command moved, so that it can be undone."""
        self.entries[entry.type, entry.id] = entry

    # --- who waits -----------------------------------------------------------

    def wake(self, what: Sale | Tender) -> None:
        """What waits for this sale or tender may go on, as documents of their own in a later batch."""
        if what.waiting:
            what.waiting = False
            self.woken["sale" if isinstance(what, Sale) else "tender", what.id] = self.mark


def day_of(at_us: int) -> int:
    """The UTC day of an instant."""
    return at_us // DAY_US


def expiry(account: Account, expires_day: int) -> Timer:
    """When the lots of an account that expire on a day do."""
    return Timer("expire", f"{account.kind:d}\n{account.key}\n{expires_day}", (expires_day + 1) * DAY_US)
