"""Committed batches whose outcomes nobody will publish: their worker is gone or does not know that it committed them,
or they came in through an interface.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.registry import BY_CODE
from worker.ledger.pool import NO_WORKER
from worker.ledger.queries import SQL, Connection
from worker.stored.codes import NOTICE_TYPES, batch_of
from worker.stored.event import Told, facts_of

GONE = "SELECT pg_try_advisory_xact_lock($1)"
BATCHES = 1000
DOCUMENTS = 4000  # in one sweep; a batch is never split, and no batch has more
GAP = 64  # batches of others between two of a run: reading past them costs less than looking anew


class Stored(NamedTuple):
    """An identity and every outcome stored for it."""

    orgcode: str
    org: int
    type: str
    subject: str
    outcomes: list[Told]
    said_before: bool  # perhaps: a worker is gone that may have published it
    traceparent: bytes | None


async def take(connection: Connection, worker: int, own_until: int = 0) -> tuple[list[int], list[Stored]]:
    """The earliest of these batches, and what they decided. Of `worker`'s own, those up to the number `own_until`."""
    at_interfaces: dict[int, bool] = {}
    documents = 0
    gone: dict[int, bool] = {worker: False, NO_WORKER: True}
    for row in await connection.fetch(SQL["take_unpublished"], BATCHES):
        if row["worker"] not in gone:
            gone[row["worker"]] = await connection.fetchval(GONE, row["worker"])
        if not gone[row["worker"]] and (row["worker"] != worker or row["no"] > own_until):
            continue
        documents += row["documents"]
        if at_interfaces and documents > DOCUMENTS:
            break
        at_interfaces[row["no"]] = row["worker"] == NO_WORKER
    numbers = list(at_interfaces)
    runs = list(zip(*_runs(numbers), strict=True)) or [(), ()]
    rows = await connection.fetch(SQL["events_of_batches"], *runs, numbers) if numbers else []
    return numbers, [stored_of(row, said_before=not at_interfaces[batch_of(row["no"])]) for row in rows]


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers that are close together; they come sorted."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def stored_of(row: Any, *, said_before: bool) -> Stored:  # noqa: ANN401  an asyncpg record
    """Return what a row of `event` says of its outcomes."""
    kind = BY_CODE.get(row["type"])
    type_ = kind.name if kind is not None else NOTICE_TYPES[row["type"]]
    facts = facts_of(row["facts"])
    return Stored(row["orgcode"], row["org"], type_, row["subject"], facts.told, said_before, facts.traceparent)


class Counts(NamedTuple):
    """How much is left to do, for the metrics."""

    unpublished: int
    parked: int
    ready: int


async def count(connection: Connection) -> Counts:
    """Batches not known published, documents that wait, and those of them that may go on."""
    (row,) = await connection.fetch(SQL["count_waiting"])
    return Counts(row["unpublished"], row["parked"], row["ready"])
