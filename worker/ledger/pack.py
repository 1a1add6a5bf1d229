"""State ↔ rows: what only the decisions read is packed as MessagePack arrays, positions instead of names."""

from typing import Any, NamedTuple

import ormsgpack

from worker.domain.lots import NEVER, Account, CardFacts, Kind, Lot, Standing
from worker.domain.policy import PointValue
from worker.domain.sale import Basis, Entry, Exclusion, LineBasis, Return, Sale, SaleLine
from worker.domain.tender import State, Tender
from worker.domain.trace import Change, ReturnedLine, Trace

STATES = tuple(State)
STATE_CODE = {state: code for code, state in enumerate(STATES)}

unpack = ormsgpack.unpackb


def pack(value: object) -> bytes:
    """MessagePack. Raises OverflowError for an integer beyond 64 bits: its document is refused, as by a column."""
    try:
        return ormsgpack.packb(value)
    except ormsgpack.MsgpackEncodeError as error:  # which is TypeError itself, and says too little when it is caught
        if "64-bit" in str(error):
            raise OverflowError("an integer beyond 64 bits") from error
        raise


# --- accounts ----------------------------------------------------------------


def pack_lots(account: Account) -> bytes | None:
    """None for the plain case: one lot that is available and never expires; its amount is balance + deficit."""
    lots = [lot for lot in account.lots if lot.amount or lot.held or lot.expired]
    if not lots:
        return None
    if len(lots) == 1 and lots[0].expires_day == NEVER and not lots[0].available_day and not lots[0].expired:
        return None
    return pack([[lot.available_day, lot.expires_day, lot.amount, lot.held, lot.expired] for lot in lots])


def pack_extra(account: Account) -> bytes | None:
    """Card facts, redirection and status history; None for the plain customer."""
    more = [account.shortfall, account.due_day] if account.shortfall or account.due_day else []
    if account.card is None and account.target is None and not account.owner_log and not more:
        return None
    card = account.card
    facts = None
    if card is not None:
        facts = [card.last4, card.expires_day, card.pin, card.pin_failures, card.customer_id]
    return pack([facts, _key(account.target), account.owner_log, *more])


def owner_of(account: Account) -> str | None:
    """The customer of a card; where the account leads to: a customer, a pool, the card that replaced this one.

    A pool that led to its last member belongs to nobody.
    """
    if account.target is not None:
        return None if account.kind is Kind.POOL else account.target[1]
    return None if account.card is None else account.card.customer_id or None


def _key(key: tuple[Kind, str] | None) -> list[object] | None:
    return None if key is None else [int(key[0]), key[1]]


def _unkey(key: list[Any] | None) -> tuple[Kind, str] | None:
    return None if key is None else (Kind(key[0]), key[1])


def account_of(row: Any) -> Account:  # noqa: ANN401  an asyncpg record, or the same columns
    """From the columns of lock_account.sql."""
    account = Account(KINDS[row["kind"]], row["key"], row["currency"], STANDINGS[row["standing"]])
    account.new = False
    account.id = row["id"]
    account.version = row["version"]
    account.deficit = row["deficit"]
    account.last_no = row["last_no"]
    if row["lots"] is not None:
        account.lots = [Lot(*lot) for lot in unpack(row["lots"])]
    else:
        amount = row["balance"] + account.deficit
        if amount:
            account.lots = [Lot(0, NEVER, amount, row["held"])]
    if row["earned"] is not None:
        flat = unpack(row["earned"])
        account.earned = list(zip(flat[::2], flat[1::2], strict=True))
    if row["extra"] is not None:
        facts, target, owner_log, *more = unpack(row["extra"])
        if more:
            account.shortfall, account.due_day = more
        if facts is not None:
            account.card = CardFacts(facts[0], facts[1], facts[2], facts[4])
            account.card.pin_failures = facts[3]
        account.target = _unkey(target)
        account.owner_log = [(since_us, standing) for since_us, standing in owner_log]
    return account


KINDS = tuple(Kind)
STANDINGS = tuple(Standing)


def pack_earned(account: Account) -> bytes | None:
    return pack([value for entry in account.earned for value in entry]) if account.earned else None


# --- sales -------------------------------------------------------------------


def pack_sale(sale: Sale) -> bytes:
    """Lines as (id, net, points) in a row, what else there is of a line behind them."""
    flat: list[int] = []
    rest = []
    for line_id, line in sale.lines.items():
        flat += (line_id, line.net_minor, line.points)
        if line.returned_minor or line.card_id:
            rest.append((line_id, line.returned_minor, line.card_id, line.load_minor))
    head = [
        sale.decided | sale.voided << 1 | sale.waiting << 2 | sale.forfeited << 3 | sale.earned_day << FLAGS,
        sale.currency, sale.customer_id,
        _key(sale.account) if sale.account != (Kind.POINTS, sale.customer_id) else True, flat, sale.policy_version,
    ]  # fmt: skip
    tail = [sale.available_day, sale.expires_day, sale.tenders, sale.requests, sale.loads, sale.by_hand, rest]
    more = [sale.refunds, sale.set_off] if sale.refunds or sale.set_off else None
    plain = not (any(tail[2:]) or sale.available_day or sale.expires_day != NEVER or more)
    parts = head if plain else head + tail
    if sale.basis is not None or more:
        parts.append(None if sale.basis is None else _basis(sale.basis))
    return pack([*parts, *(more or [])])


FLAGS = 8  # bits of a sale's record before the day on which it earned
TAIL = 7  # parts of a sale's record that follow the plain sale's
MORE = 3  # and what follows these since 0.2: basis, refunds, set_off


def _basis(basis: Basis) -> list[object]:
    lines = [value for line_id, line in basis.lines.items() for value in (line_id, *line)]
    return [basis.campaign, basis.missed, basis.tier, basis.earned_12m, basis.repaid, lines]


def _basis_of(parts: list[Any]) -> Basis:
    *sums, flat = parts
    groups = zip(flat[::4], flat[1::4], flat[2::4], flat[3::4], strict=True)
    lines = {line_id: LineBasis(Exclusion(why), share, category) for line_id, why, share, category in groups}
    campaign, missed, tier, earned_12m, repaid = sums
    return Basis(campaign, missed, tier, earned_12m, repaid, lines)


def sale_of(sale_id: str, record: bytes | None) -> Sale:
    """From event.record; None: the row is that of a training sale, which is no sale."""
    sale = Sale(sale_id)
    sale.new = False
    if record is None:
        return sale
    flags, sale.currency, sale.customer_id, account, flat, sale.policy_version, *tail = unpack(record)
    sale.decided, sale.voided, sale.waiting, sale.forfeited = (bool(flags >> bit & 1) for bit in range(4))
    sale.earned_day = flags >> FLAGS
    sale.account = (Kind.POINTS, sale.customer_id) if account is True else _unkey(account)
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    sale.lines = {line_id: SaleLine(net, points) for line_id, net, points in triples}
    sale.expires_day = NEVER
    if len(tail) == TAIL + MORE:
        *tail, refunds, sale.set_off = tail
        sale.refunds = [(tender_id, asked_minor) for tender_id, asked_minor in refunds]
    if len(tail) % TAIL:
        basis = tail.pop()
        sale.basis = None if basis is None else _basis_of(basis)
    if tail:
        sale.available_day, sale.expires_day, sale.tenders, sale.requests, loads, sale.by_hand, rest = tail
        sale.loads = [(card_id, load) for card_id, load in loads]
        for line_id, returned_minor, card_id, load_minor in rest:
            line = sale.lines[line_id]
            line.returned_minor, line.card_id, line.load_minor = returned_minor, card_id, load_minor
    return sale


# --- returns and voids -------------------------------------------------------


def pack_trace(trace: Trace) -> bytes:
    """What is nothing at the end is left out; moves too where the transfers tell them."""
    lines = [value for line in trace.lines for value in line]
    rated = None if trace.rated is None else [trace.currency, *_basis(trace.rated)]
    moves = []
    if not all(move.plain for move in trace.moves):
        moves = [value for move in trace.moves for value in (move.account.id, *move[1:])]
    parts = [lines, trace.set_off, rated, moves]
    while parts and not parts[-1]:
        parts.pop()
    return pack(parts)


class StoredMove(NamedTuple):
    """`trace.Move`, its account by number."""

    account_id: int
    change: Change
    available_day: int
    expires_day: int
    amount: int


def trace_of(record: bytes) -> tuple[Trace, list[StoredMove]]:
    """What a return or a void left, and its moves, by account number; none: they follow from the transfers."""
    lines, set_off, rated, flat = (unpack(record) + [None] * TRACE)[:TRACE]
    trace = Trace([ReturnedLine(*lines[at : at + 4]) for at in range(0, len(lines or ()), 4)], set_off or 0)
    if rated is not None:
        trace.currency, *basis = rated
        trace.rated = _basis_of(basis)
    groups = [flat[at : at + 5] for at in range(0, len(flat or ()), 5)]
    return trace, [StoredMove(id_, Change(change), *rest) for id_, change, *rest in groups]


def pack_return(returned: Return) -> bytes:
    """What explains a return, as of a void, then what undoing it takes."""
    explained = unpack(pack_trace(returned.trace or Trace()))
    undo = [
        returned.decided | returned.voided << 1, returned.lines, returned.refunds, returned.loads, returned.customer_id,
        _key(returned.account), returned.points, returned.available_day, returned.expires_day, returned.earned_day,
        returned.let_go,
    ]  # fmt: skip
    while len(undo) > 1 and not undo[-1]:
        undo.pop()
    return pack([*explained, *[None] * (TRACE - len(explained)), undo])


TRACE = 4  # parts of the record of a return or a void that explain it; what undoes a return follows


def return_of(return_id: str, record: bytes | None, sale_id: str, *, final: bool, rejected: bool) -> Return:
    """From event.record; `final`: the return is decided. What 0.1 decided can't be undone, unless it was `rejected`."""
    returned = Return(return_id)
    returned.new = False
    returned.sale_id = sale_id
    parts = [] if record is None else unpack(record)
    if len(parts) <= TRACE:
        returned.decided, returned.waiting, returned.stored = final, not final, not final or rejected
        return returned
    undo: list[Any] = parts[TRACE]
    blank: list[Any] = [0, [], [], [], "", None, 0, 0, 0, 0, 0]
    flags, lines, refunds, loads, returned.customer_id, account, *numbers = undo + blank[len(undo) :]
    returned.decided, returned.voided = bool(flags & 1), bool(flags & 2)
    returned.waiting = not (returned.decided or returned.voided)
    returned.lines = [(line_id, of, asked_minor) for line_id, of, asked_minor in lines]
    returned.refunds = [(tender_id, asked_minor) for tender_id, asked_minor in refunds]
    returned.loads = [(card_id, load_minor) for card_id, load_minor in loads]
    returned.account = _unkey(account)
    (
        returned.points, returned.available_day, returned.expires_day, returned.earned_day, returned.let_go,
    ) = numbers  # fmt: skip
    return returned


# --- commands ----------------------------------------------------------------


def pack_entry(entry: Entry) -> bytes:
    customer_id = True if entry.customer_id == entry.account[1] else entry.customer_id
    return pack([
        _key(entry.account), entry.amount, entry.available_day, entry.expires_day, entry.picks, entry.undone,
        customer_id, *([entry.earned_day] if entry.earned_day else []),
    ])  # fmt: skip


def entry_of(type_: str, command_id: str, record: bytes) -> Entry:
    account, amount, available_day, expires_day, picks, undone, customer_id, *earned = unpack(record)
    customer_id = account[1] if customer_id is True else customer_id
    entry = Entry(type_, command_id, (Kind(account[0]), account[1]), amount, customer_id)
    entry.new = False
    entry.available_day, entry.expires_day, entry.undone = available_day, expires_day, undone
    entry.earned_day = earned[0] if earned else 0
    entry.picks = [(pick[0], pick[1], pick[2]) for pick in picks]
    return entry


# --- tenders -----------------------------------------------------------------


def pack_tender(tender: Tender) -> bytes:
    return pack([
        _key(tender.account), tender.customer_id, tender.currency, tender.named,
        None if tender.value is None else list(tender.value), tender.picks, tender.waiting, tender.expires_us,
        tender.parked_minor, tender.owner, tender.asked_minor,
    ])  # fmt: skip


def tender_of(row: Any) -> Tender:  # noqa: ANN401  as above
    """From the columns of lock_tender.sql."""
    tender = Tender(row["id"])
    tender.new = tender.dirty = False
    tender.state = STATES[row["state"]]
    tender.kind = row["kind"]
    tender.sale_id = row["sale_id"]
    tender.requested_minor = row["requested_minor"]
    tender.approved_minor = row["approved_minor"]
    tender.captured_minor = row["captured_minor"]
    tender.refunded_minor = row["refunded_minor"]
    (
        account, tender.customer_id, tender.currency, tender.named, value, picks, waiting, expires,
        tender.parked_minor, *more,
    ) = unpack(row["extra"])  # fmt: skip
    # 0.1 stored neither: no sale owned a tender, and a refund asked what it got
    tender.owner, tender.asked_minor = more or ("", tender.refunded_minor)
    tender.account = _unkey(account)
    tender.value = None if value is None else PointValue(*value)
    tender.picks = [(pick[0], pick[1], pick[2]) for pick in picks]
    tender.waiting = waiting
    tender.expires_us = expires
    return tender
