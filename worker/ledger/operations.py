"""Operations: long work of an operator, as rows that any process can continue.

`planned` → `running` → `done`, `failed` or `cancelled`; `running` ⇄ `paused`. A process that runs an operation holds an
advisory lock, and the row has the process's number. If the process is killed, the lock is free and the operation is
*interrupted*. Any process may resume it from the cursor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import orjson

from worker.ledger.operators import Operator, note
from worker.ledger.queries import SQL, Connection

LOCK_CLASS: Final = 0x6F7073  # first half of an operation's advisory lock; the second is its id
_MOST: Final = 1000


class State(StrEnum):
    """The state of an operation, as stored."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_CAN_STOP: Final = {
    State.PAUSED: (State.RUNNING,),
    State.CANCELLED: (State.PLANNED, State.RUNNING, State.PAUSED, State.FAILED),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A row. `at_work`: a process runs it now. `planned` and `done` count documents."""

    id: int
    kind: str
    state: State
    who: str
    reason: str
    planned: int
    done: int
    rate_per_s: float | None
    waits_for: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seen_at: datetime | None
    resumed_at: datetime | None
    resumed_from: int
    plan: Mapping[str, Any]
    cursor: Any
    result: Mapping[str, Any] | None
    error: str | None
    at_work: bool

    @property
    def shown_state(self) -> str:
        """Return the state to show: a running operation without a process is `interrupted`."""
        return "interrupted" if self.state is State.RUNNING and not self.at_work else self.state.value

    @property
    def speed(self) -> float | None:
        """Return the documents per second since its process began; None while unknown."""
        if self.seen_at is None or self.resumed_at is None or self.done == self.resumed_from:
            return None
        passed_s = (self.seen_at - self.resumed_at).total_seconds()
        return (self.done - self.resumed_from) / passed_s if passed_s > 0 else None

    @property
    def eta_s(self) -> float | None:
        """Return the seconds until it is done at that speed; None unless it runs."""
        speed = self.speed
        if speed is None or self.shown_state != State.RUNNING:
            return None
        return max(0, self.planned - self.done) / speed


async def create(
    connection: Connection,
    kind: str,
    operator: Operator,
    plan: Mapping[str, Any],
    planned: int,
    rate_per_s: float | None = None,
) -> int:
    """Store a plan for `planned` documents, and return the operation's id. `plan` is JSON; it never changes.

    Its member `summary`, a list of lines, is what `operations show` prints.
    """
    arguments = kind, operator.who, operator.reason, orjson.dumps(plan).decode(), planned, rate_per_s
    id_ = int(await connection.fetchval(SQL["insert_operation"], *arguments))
    await note(connection, operator, f"{kind} plan", f"operation {id_}", {"planned": planned}, operation=id_)
    return id_


async def get(connection: Connection, id_: int) -> Operation | None:
    """Return the operation with this id, or None."""
    found = await _read(connection, id_, only_open=False)
    return found[0] if found else None


async def listed(connection: Connection, *, only_open: bool = False) -> list[Operation]:
    """Return the latest operations, the latest first; `only_open`: only those that can still run."""
    return await _read(connection, None, only_open=only_open)


async def _read(connection: Connection, id_: int | None, *, only_open: bool) -> list[Operation]:
    rows = await connection.fetch(SQL["read_operations"], id_, only_open, LOCK_CLASS, _MOST)
    return [_operation(row) for row in rows]


def _operation(row: Any) -> Operation:  # noqa: ANN401  an asyncpg record
    values = dict(row)
    for name in ("plan", "cursor", "result"):
        values[name] = None if values[name] is None else orjson.loads(values[name])
    return Operation(**{**values, "state": State(values["state"])})


async def stop(connection: Connection, id_: int, to: State, operator: Operator) -> bool:
    """Pause or cancel (`to`) an operation; its process stops before its next documents. Return False if an operation in
    its state can't be paused or cancelled.
    """
    if not await connection.fetch(SQL["stop_operation"], id_, to.value, [one.value for one in _CAN_STOP[to]]):
        return False
    done = "pause" if to is State.PAUSED else "cancel"
    await note(connection, operator, f"operations {done}", f"operation {id_}", operation=id_)
    return True


# --- of the process that runs it -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """The row's state, speed limit and count, when a process records its progress."""

    state: State
    rate_per_s: float | None
    done: int


async def claim(connection: Connection, id_: int, runner: int, operator: Operator, rate_per_s: float | None) -> bool:
    """Make `runner` the process that runs it. Return False if it is done or cancelled. The caller must hold its
    lock.
    """
    if not await connection.fetch(SQL["claim_operation"], id_, runner, rate_per_s):
        return False
    rate = {} if rate_per_s is None else {"rate_per_s": rate_per_s}
    await note(connection, operator, "operations resume", f"operation {id_}", rate, operation=id_)
    return True


async def advance(
    connection: Connection,
    id_: int,
    runner: int,
    *,
    cursor: object = None,
    documents: int = 0,
    waits_for: str | None = None,
) -> Standing | None:
    """Record that `documents` more are done, up to `cursor`. Return None if another process has taken over."""
    text = None if cursor is None else orjson.dumps(cursor).decode()
    rows = await connection.fetch(SQL["advance_operation"], id_, runner, text, documents, waits_for)
    return Standing(State(rows[0]["state"]), rows[0]["rate_per_s"], rows[0]["done"]) if rows else None


async def end(
    connection: Connection,
    id_: int,
    runner: int,
    state: State,
    operator: Operator,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> bool:
    """End it as `done` or `failed`, or leave it `paused`. Return False if it was stopped or taken over meanwhile."""
    text = None if result is None else orjson.dumps(result).decode()
    if not await connection.fetch(SQL["end_operation"], id_, runner, state.value, text, error):
        return False
    why = {} if error is None else {"error": error}
    await note(connection, operator, f"operation {state.value}", f"operation {id_}", why, operation=id_)
    return True


async def next_offsets(connection: Connection, topic: str) -> dict[int, int]:
    """Return the ledger's next offset in each partition that it has read."""
    rows = await connection.fetch(SQL["read_next_offsets"], topic)
    return {row["partition"]: row["next_offset"] for row in rows}
