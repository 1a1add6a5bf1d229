"""`event.record` of a return or a void."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from worker.domain.state.accounts import Pick
from worker.domain.state.days import lot_of, stored_lot
from worker.domain.state.trace import Change, ReturnedLine, Trace
from worker.stored.basis import basis_of, stored_basis
from worker.stored.packing import pack, trimmed, unpack

_LINE = len(ReturnedLine._fields)


class StoredMove(NamedTuple):
    """`trace.Move`, its account by number."""

    account_id: int
    change: Change
    available_tick: int
    expires_tick: int
    amount: int

    @property
    def pick(self) -> Pick:
        return self.available_tick, self.expires_tick, self.amount


_MOVE = len(StoredMove._fields)


class TraceV1(NamedTuple):
    """`lines` and `moves`: the members of each `ReturnedLine` and `StoredMove`, in a row. `rated`: currency, basis.

    Before `undo`, None stands for a default.
    """

    lines: Sequence[int] | None = ()
    set_off: int | None = 0
    rated: Sequence[Any] | None = None
    moves: Sequence[int] | None = ()
    undo: Any = None  # of a return: `worker.stored.returned`


def pack_trace(trace: Trace) -> bytes:
    return pack(trace_members(trace))


def trace_members(trace: Trace) -> tuple[Any, ...]:
    """Moves are left out where the transfers tell them."""
    lines = tuple(value for line in trace.lines for value in line)
    rated = None if trace.rated is None else (trace.currency, *stored_basis(trace.rated))
    moves: Sequence[int] = ()
    if not all(move.plain for move in trace.moves):
        moves = tuple(
            value
            for move in trace.moves
            for value in (move.account.id, move.change, *stored_lot(*move[2:4]), move.amount)
        )
    return trimmed(TraceV1(lines, trace.set_off, rated, moves), 0)


def trace_of(record: bytes) -> tuple[Trace, list[StoredMove]]:
    """Return the trace of a return or a void, and its moves; without moves, they follow from the transfers."""
    stored = TraceV1(*unpack(record))
    flat = stored.lines or ()
    trace = Trace([ReturnedLine(*flat[at : at + _LINE]) for at in range(0, len(flat), _LINE)], stored.set_off or 0)
    if stored.rated is not None:
        trace.currency, *basis = stored.rated
        trace.rated = basis_of(basis)
    flat = stored.moves or ()
    groups = [flat[at : at + _MOVE] for at in range(0, len(flat), _MOVE)]
    return trace, [StoredMove(id_, Change(change), *lot_of(*days), amount) for id_, change, *days, amount in groups]
