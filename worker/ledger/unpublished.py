"""Committed batches that need the sweep. Their worker is gone or does not know that it committed them, or they came
through an interface.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.registry import BY_CODE
from worker.ledger.pool import NO_WORKER
from worker.ledger.queries import SQL, Connection
from worker.stored.codes import NOTICE_TYPES, batch_of
from worker.stored.event import Source, VersionedOutcome, facts_of

GONE = "SELECT pg_try_advisory_xact_lock($1)"
BATCHES = 1000
DOCUMENTS = 4000  # in one sweep; a batch is never split, and no batch has more
GAP = 64  # batches of others between two of a run: reading past them costs less than another query


class Stored(NamedTuple):
    """An identity and every outcome stored for it."""

    orgcode: str
    org: int
    type: str
    subject: str
    outcomes: list[VersionedOutcome]
    maybe_published: bool  # perhaps published already, by a worker that is gone
    traceparent: bytes | None
    source: Source | None  # None: it came in through an interface


async def read(connection: Connection, worker: int, own_until: int = 0) -> tuple[list[int], list[Stored]]:
    """Return the earliest batches that need the sweep, and their outcomes. Of `worker`'s own batches, take those up to
    `own_until`.
    """
    at_interfaces: dict[int, bool] = {}
    documents = 0
    gone: dict[int, bool] = {worker: False, NO_WORKER: True}
    for row in await connection.fetch(SQL["read_unpublished_batches"], BATCHES):
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
    return numbers, [stored_of(row, maybe_published=not at_interfaces[batch_of(row["no"])]) for row in rows]


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of close numbers. `numbers` are sorted."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def stored_of(row: Any, *, maybe_published: bool) -> Stored:  # noqa: ANN401  an asyncpg record
    """Return the outcomes of a row of `event`."""
    doctype = BY_CODE.get(row["type"])
    type_ = doctype.name if doctype is not None else NOTICE_TYPES[row["type"]]
    facts = facts_of(row["facts"])
    return Stored(
        row["orgcode"],
        row["org"],
        type_,
        row["subject"],
        facts.outcomes,
        maybe_published,
        facts.traceparent,
        facts.source,
    )


class Counts(NamedTuple):
    """The numbers of waiting things, for the metrics."""

    unpublished: int
    parked: int
    ready: int


async def count(connection: Connection) -> Counts:
    """Count batches not known to be published, parked documents, and ready documents."""
    (row,) = await connection.fetch(SQL["count_waiting"])
    return Counts(row["unpublished"], row["parked"], row["ready"])
