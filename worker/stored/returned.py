"""`event.record` of a return: its trace, then what undoing it needs."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from worker.domain.state.days import lot_of, stored_lot
from worker.domain.state.sale import Return
from worker.domain.state.trace import Trace
from worker.stored.packing import StoredKey, account_key, pack, stored_key, trimmed, unpack
from worker.stored.trace import TraceV1, trace_members


class UndoV1(NamedTuple):
    """`lines` has (line_id, line of the sale, minor units asked); the other members are those of `Return`."""

    flags: int
    lines: Sequence[Any] = ()
    refunds: Sequence[Any] = ()
    loads: Sequence[Any] = ()
    customer_id: str = ""
    account: StoredKey | None = None
    points: int = 0
    available_tick: int = 0
    expires_tick: int = 0
    earned_date: int = 0
    let_go: int = 0


_TRACE: Final = TraceV1._fields.index("undo")


def pack_return(returned: Return) -> bytes:
    days = (0, 0) if returned.account is None else stored_lot(returned.available_tick, returned.expires_tick)
    undo = UndoV1(
        returned.decided | returned.voided << 1,
        tuple(returned.lines),
        tuple(returned.refunds),
        tuple(returned.loads),
        returned.customer_id,
        stored_key(returned.account),
        returned.points,
        *days,
        returned.earned_date,
        returned.let_go,
    )
    explained = trace_members(returned.trace or Trace())
    return pack((*explained, *[None] * (_TRACE - len(explained)), trimmed(undo, 1)))


def return_of(return_id: str, record: bytes | None, sale_id: str, *, final: bool, rejected: bool) -> Return:
    """Return the return; `final` says that it is decided. A return that 0.1 decided can't be undone, unless it was
    `rejected`.
    """
    returned = Return(return_id)
    returned.new = False
    returned.sale_id = sale_id
    parts: list[Any] = [] if record is None else unpack(record)
    if len(parts) <= _TRACE:
        returned.decided, returned.waiting, returned.stored = final, not final, not final or rejected
        return returned
    undo = UndoV1(*parts[_TRACE])
    returned.decided, returned.voided = bool(undo.flags & 1), bool(undo.flags & 2)
    returned.waiting = not (returned.decided or returned.voided)
    returned.lines = [(line_id, of, asked_minor) for line_id, of, asked_minor in undo.lines]
    returned.refunds = [(tender_id, asked_minor) for tender_id, asked_minor in undo.refunds]
    returned.loads = [(card_id, load_minor) for card_id, load_minor in undo.loads]
    returned.customer_id = undo.customer_id
    returned.account = account_key(undo.account)
    returned.points, returned.let_go = undo.points, undo.let_go
    if returned.account is not None:
        returned.available_tick, returned.expires_tick = lot_of(undo.available_tick, undo.expires_tick)
    returned.earned_date = undo.earned_date
    return returned
