"""The stored state of a sale, a return, and a command that moved value: all that undoing and explaining it needs."""

from typing import NamedTuple

from worker.domain.state.accounts import AccountType, Pick
from worker.domain.state.basis import Basis
from worker.domain.state.trace import Trace

# A sale has at most 50 tenders. If more requests than this name one id, it is not a sale's id, but a placeholder ("0")
# of a till. Later requests are decided as if they named no sale, so that they cost no more than the first.
MOST_REQUESTS = 100


MOST_ASKED = 1 << 62  # most minor units that returns can ask of one line; no line sells for as much


class SaleLine(NamedTuple):
    """One line: what it sold for, what it earned, how much of it was returned, and the card that it sold.

    `returned_minor` is the sum that all returns asked, even above `net_minor`, so that their order does not matter
    (contract RET4). For a line that sold for nothing, it is the number of returns that named it (RET6).
    """

    net_minor: int
    points: int = 0
    returned_minor: int = 0
    card_id: str = ""
    load_minor: int = 0

    def kept(self, total: int) -> int:
        """Return what the line keeps of `total` (its points or its load) after its returns (contract RET1, RET7)."""
        if self.net_minor == 0:
            return 0 if self.returned_minor else total
        return total * self.left_minor // self.net_minor

    @property
    def left_minor(self) -> int:
        """The minor units of the line that can still be returned."""
        return self.net_minor - min(self.net_minor, self.returned_minor)

    def returning(self, asked_minor: int) -> "Returned":
        """Return the result of a return that asks for this much of the line."""
        counted = min(asked_minor, self.left_minor)
        again = self.returned_minor > 0 if self.net_minor == 0 else counted == 0 < asked_minor
        return Returned(counted, over=again or counted < asked_minor, nothing=again)

    def asked(self, asked_minor: int) -> "SaleLine":
        """Return the line after such a return."""
        return self._with(min(self.returned_minor + (asked_minor if self.net_minor else 1), MOST_ASKED))

    def unasked(self, asked_minor: int) -> "SaleLine":
        """Return the line after the void of such a return."""
        return self._with(max(self.returned_minor - (asked_minor if self.net_minor else 1), 0))

    def _with(self, returned_minor: int) -> "SaleLine":
        return SaleLine(self.net_minor, self.points, returned_minor, self.card_id, self.load_minor)


class Returned(NamedTuple):
    """The result of returning a line: the minor units that counted, whether it asked for more, whether it got
    nothing.
    """

    counted_minor: int
    over: bool
    nothing: bool


class Sale:
    """A sale, the stub of one that a document waits for, or the tombstone of one that was voided before it came.

    Its lines are dicts by `line_id`, not objects, because most sales are written once and never returned.
    """

    __slots__ = (
        "account", "at_us", "available_tick", "basis", "by_hand", "cards", "currency", "customer_id", "decided",
        "dirty", "earned_date", "expires_tick", "forfeited", "id", "loads", "nets", "new", "points", "policy_version",
        "refunds", "requests", "returned", "set_off", "tenders", "voided", "waiting",
    )  # fmt: skip

    def __init__(self, sale_id: str) -> None:
        self.id = sale_id
        self.new = True  # no row yet
        self.dirty = False
        self.decided = False  # scm.sale.completed has come
        self.voided = False
        self.waiting = False  # a parked document waits for it
        self.currency = ""
        self.customer_id = ""
        self.account: tuple[AccountType, str] | None = None  # the account that earned its points
        self.at_us: int | None = None  # when a sale without a customer happened: a claim is rated as of then
        self.policy_version = 0
        self.earned_date = 0  # on which its points count for tiers; 0: of a version that stored none
        self.available_tick = 0
        self.expires_tick = 0
        self.nets: dict[int, int] = {}  # minor units that each line sold for
        self.points: dict[int, int] = {}  # that lines earned
        self.returned: dict[int, int] = {}  # minor units that returns asked of lines
        self.cards: dict[int, tuple[str, int]] = {}  # (card_id, minor) that lines sold
        self.tenders: list[str] = []  # stored-value tenders that it names
        self.requests: list[str] = []  # tenders whose requests name it
        self.loads: list[tuple[str, int]] = []  # (card_id, minor) that its returns put on cards
        self.refunds: list[tuple[str, int]] = []  # (tender_id, minor) that its returns asked to give back to tenders
        self.by_hand = 0  # points taken back by crm.loyalty.reverse, not yet set off
        self.set_off = 0  # such points that were set off
        self.forfeited = False
        self.basis: Basis | None = None

    @property
    def crowded(self) -> bool:
        """Whether so many requests name this id that it must be a placeholder."""
        return len(self.requests) >= MOST_REQUESTS

    def load(self, card_id: str, load_minor: int) -> None:
        """Record that a return put a load on a card (negative: the return's void took it back). The sale's void takes
        it back.
        """
        self.loads = _added(self.loads, card_id, load_minor)

    def refund(self, tender_id: str, amount_minor: int) -> None:
        """Record that a return refunded a tender (negative: the return's void took it back)."""
        self.refunds = _added(self.refunds, tender_id, amount_minor)

    def line(self, line_id: int) -> SaleLine | None:
        net_minor = self.nets.get(line_id)
        if net_minor is None:
            return None
        card_id, load_minor = self.cards.get(line_id, ("", 0))
        return SaleLine(net_minor, self.points.get(line_id, 0), self.returned.get(line_id, 0), card_id, load_minor)

    @property
    def lines(self) -> dict[int, SaleLine]:
        return {line_id: line for line_id in self.nets if (line := self.line(line_id)) is not None}

    @lines.setter
    def lines(self, lines: dict[int, SaleLine]) -> None:
        self.nets = {line_id: line.net_minor for line_id, line in lines.items()}
        self.points = {line_id: line.points for line_id, line in lines.items()}
        self.returned = {line_id: line.returned_minor for line_id, line in lines.items() if line.returned_minor}
        self.cards = {line_id: (line.card_id, line.load_minor) for line_id, line in lines.items() if line.card_id}

    def kept_by_line(self) -> dict[int, int]:
        """Return the points that each line keeps after its returns."""
        if not self.returned:
            return self.points
        return {line_id: line.kept(line.points) for line_id, line in self.lines.items()}

    def kept_points(self) -> int:
        return 0 if self.forfeited else sum(self.kept_by_line().values())


def _added(sums: list[tuple[str, int]], key: str, amount_minor: int) -> list[tuple[str, int]]:
    before = sum(minor for other, minor in sums if other == key)
    after = min(max(before + amount_minor, 0), MOST_ASKED)
    return [*(one for one in sums if one[0] != key), *([(key, after)] if after else [])]


class Return:
    """The state of a return that its void needs, or the tombstone of a return whose void came first."""

    __slots__ = (
        "account", "available_tick", "customer_id", "decided", "dirty", "earned_date", "expires_tick", "id", "let_go",
        "lines", "loads", "new", "points", "refunds", "sale_id", "stored", "trace", "voided", "waiting",
    )  # fmt: skip

    def __init__(self, return_id: str) -> None:
        self.id = return_id
        self.new = True  # no row yet
        self.dirty = False
        self.decided = False  # it has its final outcome
        self.voided = False
        self.waiting = False  # it is parked
        self.stored = True  # False: version 0.1 decided it, and did not store enough to undo it
        self.sale_id = ""
        self.trace: Trace | None = None
        self.lines: list[tuple[int, int, int]] = []  # (line_id, line of the sale, minor units asked)
        self.refunds: list[tuple[str, int]] = []  # (tender_id, minor units asked)
        self.loads: list[tuple[str, int]] = []  # (card_id, minor units)
        # without a receipt: its customer, and the points that it took from which lot
        self.customer_id = ""
        self.account: tuple[AccountType, str] | None = None
        self.points = 0
        self.available_tick = 0
        self.expires_tick = 0
        self.earned_date = 0  # on which the points count less for the tier
        self.let_go = 0  # points that were missing, under `within_balance`


class Entry:
    """The amount that a command moved on one account, and how much of it has been undone since."""

    __slots__ = (
        "account", "amount", "available_tick", "customer_id", "dirty", "earned_date", "expires_tick", "id", "new",
        "picks", "type", "undone",
    )  # fmt: skip

    def __init__(
        self, type_: str, command_id: str, account: tuple[AccountType, str], amount: int, customer_id: str = ""
    ) -> None:
        self.type = type_
        self.id = command_id
        self.account = account
        self.amount = amount
        self.customer_id = customer_id  # who earned or redeemed; nobody for a card
        self.earned_date = 0  # as of a sale
        self.available_tick = 0
        self.expires_tick = 0
        self.picks: list[Pick] = []  # of a redemption: its lots, in the order in which they were taken
        self.undone = 0
        self.new = True
        self.dirty = False
