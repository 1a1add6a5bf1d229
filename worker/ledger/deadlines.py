"""Deadlines that have passed, and the delay after one fails."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.scalars import DAY_US
from worker.domain.state.movements import Timer
from worker.ledger import write
from worker.ledger.queries import SQL, Connection
from worker.positions import Partition
from worker.stored.rows import TimerKey, columns

LIMIT: Final = 500  # how many are taken at once
PUT_OFF_US: Final = 60_000_000  # at first, then twice as long each time,
PUT_OFF_MOST_US: Final = DAY_US  # at most
_NEVER_US: Final = 1 << 62


class Until(NamedTuple):
    """The progress in the topics, as far as this worker knows.

    `partitions`: the number of partitions of each topic; None: those that were ever read. `watermarks`: the instant
    (µs) up to which this worker has read its partitions. `final`: no more records will come, so nothing waits for late
    documents.
    """

    partitions: Mapping[str, int] | None
    watermarks: Mapping[Partition, int]
    final: bool


class Deadline(NamedTuple):
    """A deadline of a tenant."""

    org: int
    orgcode: str
    timer: Timer


async def lock_due(connection: Connection, now_us: int, topics: Sequence[str], until: Until) -> list[Deadline]:
    """Lock and return the deadlines that have passed and past which the topics are read. Other workers skip them."""
    not_before_us = _NEVER_US if until.final else now_us
    read_us = await _read_us(connection, topics, until.partitions)
    if until.watermarks and await connection.fetchval(SQL["is_timer_due"], read_us or 0, now_us, not_before_us):
        await write.watermarks(connection, until.watermarks)
        read_us = await _read_us(connection, topics, until.partitions)
    rows = await connection.fetch(SQL["lock_due_timer"], min(now_us, read_us or 0), not_before_us, LIMIT)
    return [_deadline(row) for row in rows]


async def lock_named(connection: Connection, keys: Sequence[TimerKey]) -> list[Deadline]:
    """Lock and return the named deadlines that exist, whether or not they have passed."""
    return [_deadline(row) for row in await connection.fetch(SQL["lock_named_timer"], *columns(keys, 3))]


async def _read_us(connection: Connection, topics: Sequence[str], partitions: Mapping[str, int] | None) -> int | None:
    if partitions is None:
        read_us = await connection.fetchval("SELECT min(read_us) FROM watermark WHERE topic = ANY ($1::text[])", topics)
    else:
        read_us = await connection.fetchval(SQL["read_watermark"], list(partitions), list(partitions.values()))
    return None if read_us is None else int(read_us)


def _deadline(row: Any) -> Deadline:  # noqa: ANN401  an asyncpg record
    return Deadline(row["org"], row["orgcode"], Timer(row["kind"], row["key"], row["due_us"]))


async def put_off(connection: Connection, org: int, timer: Timer, now_us: int) -> None:
    """Delay a deadline that could not be decided. Its `not_before_us` says since when it has been due, so each delay is
    longer than the one before.
    """
    await connection.execute(SQL["put_off_timer"], org, timer.kind, timer.key, now_us, PUT_OFF_US, PUT_OFF_MOST_US)


class Left(NamedTuple):
    """The numbers of passed deadlines and of ready parked documents that are not decided yet."""

    deadlines: int
    parked: int


async def left(connection: Connection, now_us: int) -> Left:
    """Return the numbers of work items that are held back, or were put off because deciding them failed."""
    (row,) = await connection.fetch(SQL["count_left"], now_us)
    return Left(row["deadlines"], row["parked"])
