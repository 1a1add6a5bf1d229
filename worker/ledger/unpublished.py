"""What a crash left between commit and publication, when its offsets never come back."""

from typing import Any, NamedTuple

from schemas.registry import BY_CODE
from worker.ledger.due import NOTICE_TYPES
from worker.ledger.pack import unpack
from worker.ledger.queries import SQL, Connection

GONE = "SELECT pg_try_advisory_xact_lock($1)"


class Stored(NamedTuple):
    """An identity and every outcome stored for it."""

    orgcode: str
    org: int
    type: str
    subject: str
    facts: list[Any]


async def take(connection: Connection, worker: int) -> tuple[list[int], list[Stored]]:
    """Unpublished batches of workers that are gone, locked, and what they decided."""
    numbers = []
    gone: dict[int, bool] = {worker: False}
    for row in await connection.fetch(SQL["take_unpublished"]):
        if row["worker"] not in gone:
            gone[row["worker"]] = await connection.fetchval(GONE, row["worker"])
        if gone[row["worker"]]:
            numbers.append(row["no"])
    stored = []
    for number in numbers:
        for row in await connection.fetch(SQL["events_of_batch"], number):
            kind = BY_CODE.get(row["type"])
            type_ = kind.name if kind is not None else NOTICE_TYPES[row["type"]]
            stored.append(Stored(row["orgcode"], row["org"], type_, row["subject"], unpack(row["facts"])))
    return numbers, stored


class Counts(NamedTuple):
    """What is left to do, for the metrics."""

    unpublished: int
    parked: int
    ready: int


async def count(connection: Connection) -> Counts:
    """Batches not known published, documents that wait, and those of them that may go on."""
    (row,) = await connection.fetch(SQL["count_waiting"])
    return Counts(row["unpublished"], row["parked"], row["ready"])
