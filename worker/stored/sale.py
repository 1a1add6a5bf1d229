"""`event.record` of a sale."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from worker.domain.state.accounts import NEVER, POINTS_ACCOUNT
from worker.domain.state.days import lot_of, stored_lot
from worker.domain.state.sale import Sale
from worker.stored.basis import basis_of, stored_basis
from worker.stored.packing import StoredKey, account_key, pack, stored_key, trimmed, unpack


class RestV1(NamedTuple):
    """The members of a returned or card-selling line, besides its net amount and its points."""

    line_id: int
    returned_minor: int
    card_id: str
    load_minor: int


class SaleV1(NamedTuple):
    """A plain sale has the members without a default, or those and `basis`. Any other has all members down to `rest`,
    and those after it that are not the default.

    `account` is True for the customer's own; of a sale without a customer it is the instant at which it happened, by
    which a claim is rated (none before 0.2). `lines`: (id, net, points) of each, in a row.
    """

    flags: int
    currency: str
    customer_id: str
    account: StoredKey | Literal[True] | int | None
    lines: list[int]
    policy_version: int
    available_tick: int = 0
    expires_tick: int = NEVER
    tenders: Sequence[str] = ()
    requests: Sequence[str] = ()
    loads: Sequence[Any] = ()  # (card_id, minor)
    by_hand: int = 0
    rest: Sequence[Any] = ()  # of RestV1
    basis: Any = None  # of a BasisV1
    refunds: Sequence[Any] = ()  # (tender_id, minor)
    set_off: int = 0


_EARNED_BIT: Final = 8  # of `flags`, from which on it has the day on which the sale earned
_HEAD: Final = len(SaleV1._fields) - len(SaleV1._field_defaults)
_BASIS: Final = SaleV1._fields.index("basis")
_PLAIN: Final = tuple(SaleV1._field_defaults.values())[: _BASIS - _HEAD]


def pack_sale(sale: Sale) -> bytes:
    flat: list[int] = []
    points = sale.points
    for line_id, net_minor in sale.nets.items():
        flat += (line_id, net_minor, points.get(line_id, 0))
    rest = _rest(sale) if sale.returned or sale.cards else []
    head = (
        sale.decided | sale.voided << 1 | sale.waiting << 2 | sale.forfeited << 3 | sale.earned_date << _EARNED_BIT,
        sale.currency,
        sale.customer_id,
        _stored_account(sale),
        flat,
        sale.policy_version,
    )
    basis = None if sale.basis is None else stored_basis(sale.basis)
    if _is_plain(sale) and not rest:
        return pack(head if basis is None else (*head, basis))
    stored = SaleV1(
        *head,
        *stored_lot(sale.available_tick, sale.expires_tick),
        tuple(sale.tenders),
        tuple(sale.requests),
        tuple(sale.loads),
        sale.by_hand,
        tuple(rest),
        basis,
        tuple(sale.refunds),
        sale.set_off,
    )
    return pack(trimmed(stored, _BASIS))


def _rest(sale: Sale) -> list[RestV1]:
    return [
        RestV1(line_id, line.returned_minor, line.card_id, line.load_minor)
        for line_id, line in sale.lines.items()
        if line.returned_minor or line.card_id
    ]


def _is_plain(sale: Sale) -> bool:
    """Return whether all members of `SaleV1` except the head, the basis and perhaps `rest` have their defaults."""
    days = sale.available_tick == 0 and sale.expires_tick == NEVER
    return days and not (
        sale.tenders or sale.requests or sale.loads or sale.by_hand or sale.refunds or sale.set_off
    )  # fmt: skip


def _stored_account(sale: Sale) -> StoredKey | int | None:
    if sale.at_us is not None:
        return sale.at_us
    return True if sale.account == (POINTS_ACCOUNT, sale.customer_id) else stored_key(sale.account)


# First bytes of the records of plain sales, of which nothing was undone by hand: arrays with this many members.
PLAIN_BEGINS: Final = (0x90 | _HEAD, 0x90 | _HEAD + 1)


def _load(record: bytes) -> SaleV1:
    parts = unpack(record)
    if len(parts) == _HEAD + 1:
        parts = [*parts[:_HEAD], *_PLAIN, parts[_HEAD]]
    return SaleV1(*parts)


def sale_of(sale_id: str, record: bytes | None) -> Sale:
    """Return the sale, or None for the row of a training sale."""
    sale = Sale(sale_id)
    sale.new = False
    if record is None:
        return sale
    stored = _load(record)
    sale.decided, sale.voided, sale.waiting, sale.forfeited = (bool(stored.flags >> bit & 1) for bit in range(4))
    sale.earned_date = stored.flags >> _EARNED_BIT
    sale.currency = stored.currency
    sale.customer_id = stored.customer_id
    if stored.account is True:
        sale.account = (POINTS_ACCOUNT, sale.customer_id)
    elif isinstance(stored.account, int):
        sale.at_us = stored.account
    else:
        sale.account = account_key(stored.account)
    sale.policy_version = stored.policy_version
    line_ids = stored.lines[::3]
    sale.nets = dict(zip(line_ids, stored.lines[1::3], strict=True))
    sale.points = dict(zip(line_ids, stored.lines[2::3], strict=True))
    sale.available_tick, sale.expires_tick = lot_of(stored.available_tick, stored.expires_tick)
    sale.by_hand = stored.by_hand
    sale.tenders, sale.requests = list(stored.tenders), list(stored.requests)
    sale.loads = [(card_id, load) for card_id, load in stored.loads]
    for members in stored.rest:
        rest = RestV1(*members)
        if rest.returned_minor:
            sale.returned[rest.line_id] = rest.returned_minor
        if rest.card_id:
            sale.cards[rest.line_id] = rest.card_id, rest.load_minor
    sale.refunds = [(tender_id, asked_minor) for tender_id, asked_minor in stored.refunds]
    sale.set_off = stored.set_off
    sale.basis = None if stored.basis is None else basis_of(stored.basis)
    return sale
