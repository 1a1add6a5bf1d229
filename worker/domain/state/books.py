"""The books of one tenant while a batch is decided: the loaded rows, and the changes of the decisions.

Only `Movements` and `Reversals` change accounts. The ledger writes the difference once, after the last decision.
"""

from enum import Enum, auto
from typing import Final, NamedTuple, Protocol

from schemas.scalars import CardToken
from worker.domain.state.accounts import POINTS_ACCOUNT, Account, AccountType, CardDetails, Standing
from worker.domain.state.policy import PolicyBook, PolicyVersion
from worker.domain.state.reversals import Reversals
from worker.domain.state.sale import Entry, Return, Sale
from worker.domain.state.tender import Tender


class CardNamed(Protocol):
    """A card as a document names it: by number or by id."""

    @property
    def number(self) -> CardToken | None: ...
    @property
    def card_id(self) -> str | None: ...


class Pins(Enum):
    """The check of cards that a document names, and of their PINs."""

    CHECKED = auto()
    WAIVED = auto()  # a simulation: every known card counts as accepted
    REFUSED = auto()  # too many guesses from this source: no card is accepted, and none is looked up


class Consent(NamedTuple):
    """A consent that was granted or withdrawn, in force from `at_us`."""

    customer_id: str
    purpose: str
    channel: str
    granted: bool
    at_us: int


class Books(Reversals):
    """One tenant's state: accounts by (type, key), sales and tenders by id, cards by number token."""

    def __init__(self, org: int, orgcode: str, policies: PolicyBook) -> None:
        super().__init__()
        self.org: Final = org
        self.orgcode: Final = orgcode
        self.policies = policies
        self.accounts: dict[tuple[AccountType, str], Account] = {}
        self.sales: dict[str, Sale] = {}
        self.tenders: dict[str, Tender] = {}
        self.returns: dict[str, Return] = {}
        self.entries: dict[tuple[str, str], Entry] = {}
        self.cards: dict[bytes, str] = {}  # number token → card_id
        self.consents: dict[str, list[Consent]] = {}
        self.pins = Pins.CHECKED
        # account → the accounts that lead to it: ids merged into a customer, cards replaced by a card
        self.leading: dict[tuple[AccountType, str], dict[tuple[AccountType, str], None]] = {}
        self.members: dict[str, dict[str, Standing]] = {}  # pool → its members, where `Needs.members_of` asks for them
        # the changes of the batch
        self.woken: dict[tuple[str, str], int] = {}  # (what, id) that no longer waits (`wake`) → place of the cause
        self.new_cards: list[tuple[bytes, str, str]] = []  # token, card_id, last four
        self.new_consents: list[Consent] = []
        self.profiles: list[tuple[Account, dict[str, object]]] = []
        self.carried: list[tuple[Account, Account]] = []  # (merged id, person): profile members that the person lacks
        self.erased: list[Account] = []
        self.new_policies: list[PolicyVersion] = []

    # --- finding -------------------------------------------------------------

    def holder(self, customer_id: str) -> Account | None:
        """Return the account of this customer's own record, even if it was merged or is in a pool."""
        return self.accounts.get((POINTS_ACCOUNT, customer_id))

    def follow(self, account: Account) -> Account:
        """Return the account that has the points of a merged or pooled customer."""
        while account.target is not None:
            account = self.accounts[account.target]
        return account

    def person(self, holder: Account) -> Account:
        """Return the record that an id leads to: its own, or that of the customer whom it was merged into."""
        while holder.target is not None and holder.target[0] is POINTS_ACCOUNT:
            holder = self.accounts[holder.target]
        return holder

    def ids(self, person: Account) -> list[Account]:
        """Return the records of all ids that lead to a person, their own first, if `Needs.ids_of` asked for them."""
        return [person, *(self.accounts[key] for key in self.leading.get((person.type, person.key), ()))]

    def lead(self, source: Account, target: Account) -> None:
        """Let an id or card, and all that led to it, lead to another one. No chain is longer than one step."""
        key = (target.type, target.key)
        for account in self.ids(source):
            account.target = key
            self.changed[account] = None
            self.leading.setdefault(key, {})[account.type, account.key] = None
        self.leading.pop((source.type, source.key), None)

    def others(self, pool: Account, person: Account) -> list[str]:
        """Return the other members of a pool, without erased ones."""
        members = self.members.get(pool.key, {})
        return [key for key, standing in members.items() if standing is not Standing.CLOSED and key != person.key]

    def recipients_of(self, account: Account) -> list[str]:
        """Return the customers who get a notice about a points account: its customer, or every member of the pool."""
        if account.type is not AccountType.POOL:
            return [account.key]
        members = self.members.get(account.key, {})
        return [key for key, standing in members.items() if standing is not Standing.CLOSED] or list(members)

    def enter_pool(self, person: Account, pool: Account) -> None:
        """Move the customer's points to the pool, from now on."""
        if pool.target is not None:  # the pool led to its last member
            self.touch(pool)
            pool.target = None
        person.target, person.pooled_us = (pool.type, pool.key), self.now_us
        self.members.setdefault(pool.key, {})[person.key] = person.standing
        self.changed[pool] = self.changed[person] = None

    def leave_pool(self, person: Account, pool: Account) -> None:
        """Give the customer points of their own again, from now on."""
        person.target, person.pooled_us = None, 0
        self.members.get(pool.key, {}).pop(person.key, None)
        self.changed[person] = None

    def close(self, person: Account) -> None:
        """Take an erased customer out of the members who get a pool's notices."""
        for members in self.members.values():
            if person.key in members:
                members[person.key] = Standing.CLOSED

    def standing_at(self, holder: Account, at_us: int) -> Standing:
        """Return a customer's standing at an instant: the worst of their own record and of those that it was merged
        into.
        """
        worst = holder.standing_at(at_us)
        while holder.target is not None:
            holder = self.accounts[holder.target]
            worst = max(worst, holder.standing_at(at_us))
        return worst

    def standing(self, holder: Account, at_us: int) -> Standing:
        """Return a customer's standing, now or then, whichever is worse. So neither an old id nor a late document is
        wrongly accepted.
        """
        worst = max(holder.standing, self.standing_at(holder, at_us))
        while holder.target is not None:
            holder = self.accounts[holder.target]
            worst = max(worst, holder.standing)
        return worst

    def at(self, key: tuple[AccountType, str] | None) -> Account | None:
        account = self.accounts.get(key) if key is not None else None
        return None if account is None else self.follow(account)

    def numbered(self, number: CardToken) -> Account | None:
        """Return the card of a number, under any key and spelling of its token.

        A card that is known only by its spelling becomes known by its canonical number, too.
        """
        for token in number.known_as:
            card_id = self.cards.get(token)
            if card_id is not None:
                if number.spelled:
                    self._know(number, card_id)
                return self.accounts[AccountType.CARD, card_id]
        return None

    def _know(self, number: CardToken, card_id: str) -> None:
        if not any(token in self.cards for token in number.tokens):
            self.cards[number.tokens[0]] = card_id
            self.new_cards.append((number.tokens[0], card_id, number.last4))

    def card(self, ref: CardNamed) -> Account | None:
        """Return the card that a document names, or None if it is unknown."""
        if ref.number is not None:
            return self.numbered(ref.number)
        return self.accounts.get((AccountType.CARD, ref.card_id or ""))

    def loadable(self, ref: CardNamed) -> Account | None:
        """Return the card that a load goes to: the named one, or the one that replaced it."""
        card = self.card(ref)
        return None if card is None else self.follow(card)

    # --- making --------------------------------------------------------------

    def sale(self, sale_id: str) -> Sale:
        """Return the sale, or a stub of it. A decision that relies on a missing sale writes its row, so that neither
        misses the other.
        """
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

    def returned(self, return_id: str) -> Return:
        """Return the return, or a new one, whose row lets the void and the return see each other."""
        returned = self.returns.get(return_id)
        if returned is None:
            returned = self.returns[return_id] = Return(return_id)
            returned.dirty = True
        return returned

    def open_points(self, customer_id: str, standing: Standing) -> Account:
        account = self.accounts[AccountType.POINTS, customer_id] = Account(
            AccountType.POINTS, customer_id, standing=standing
        )
        self.touch(account)
        return account

    def open_card(self, card_id: str, number: CardToken | None, currency: str, details: CardDetails) -> Account:
        """Create a card. Its number, if it has one, becomes known under the current key's token."""
        account = self.accounts[AccountType.CARD, card_id] = Account(AccountType.CARD, card_id, currency)
        account.card = details
        if number is not None:
            self._know(number, card_id)
        self.touch(account)
        return account

    def enter(self, entry: Entry) -> None:
        """Record the movements of a command, so that it can be undone."""
        self.entries[entry.type, entry.id] = entry

    # --- who waits -----------------------------------------------------------

    def wake(self, awaited: Sale | Tender | Return) -> None:
        """Make the documents that wait for this sale or tender ready. A later batch decides each of them."""
        if awaited.waiting:
            awaited.waiting = False
            kind = "sale" if isinstance(awaited, Sale) else "tender" if isinstance(awaited, Tender) else "return"
            self.woken[kind, awaited.id] = self.place
