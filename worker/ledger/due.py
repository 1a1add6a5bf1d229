"""What the pipeline decides without a record: parked documents that are ready, and timers that are due."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.registry import BY_CODE
from worker.domain.decisions.deadlines import NOTICES
from worker.domain.state.movements import Timer
from worker.ledger import load, write
from worker.ledger.queries import SQL, Connection
from worker.ledger.work import Work
from worker.positions import Partition
from worker.stored.codes import NOTICE_CODES
from worker.stored.event import Wait
from worker.stored.parked import parked_of

LIMIT = 500
_ONCE = ("hold", "forfeit")  # kinds of deadlines that come once for each key
PUT_OFF_US = 60_000_000  # for how long a timer that fails is put off: at first, then twice as long each time,
PUT_OFF_MOST_US = 86_400_000_000  # at most
PARKED_PUT_OFF_US = 300_000_000  # and a parked document, each time


class Until(NamedTuple):
    """How far the topics have been read, as far as this worker knows.

    `partitions`: how many each topic has; None: those that were ever read. `watermarks`: the instant (µs) up to which
    this worker has read its partitions. `final`: no more records will come, so nothing waits for late documents.
    """

    partitions: Mapping[str, int] | None
    watermarks: Mapping[Partition, int]
    final: bool
    deadlines: bool = True  # whether timers may run at all


async def take(connection: Connection, now_us: int, topics: Sequence[str], until: Until) -> list[Work]:
    """Lock and return what can be decided now; other workers skip it. Timers wait until the topics are
    read past them.
    """
    works = await _resumed(connection, await connection.fetch(SQL["take_parked"], now_us, LIMIT))
    if until.deadlines:
        works += await _timers(connection, now_us, topics, until)
    return _marked(works)


class Named(NamedTuple):
    """What is to go on, of a ledger that is rebuilt as another one decided: parked documents (org, type, subject) and
    deadlines (org, kind, key).
    """

    documents: Sequence[tuple[int, int, str]]
    timers: Sequence[tuple[int, str, str]]


async def take_named(connection: Connection, now_us: int, named: Named) -> list[Work]:
    """Lock and return those of the named that are there, whether or not it is their turn."""
    rows = await connection.fetch(SQL["take_parked_named"], *_columns(named.documents))
    works = await _resumed(connection, rows)
    rows = await connection.fetch(SQL["take_timer_named"], *_columns(named.timers))
    return _marked(works + [_timer(row, now_us) for row in rows])


def _columns(keys: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return list(zip(*keys, strict=True)) if keys else [(), (), ()]


def _marked(works: list[Work]) -> list[Work]:
    for mark, work in enumerate(works):
        work.mark = mark
    return works


async def _resumed(connection: Connection, rows: Sequence[Any]) -> list[Work]:
    works = [_parked(row) for row in rows]
    known = await load.events(connection, works) if works else {}
    for place, work in enumerate(works):
        work.facts = known[place][1]
    for row in await connection.fetch(SQL["read_unsaid"], *_keys(works)) if works else ():
        works[row["place"] - 1].unsaid = True
    return works


async def _timers(connection: Connection, now_us: int, topics: Sequence[str], until: Until) -> list[Work]:
    not_before_us = (1 << 62) if until.final else now_us
    read_us = await _read_us(connection, topics, until.partitions)
    if until.watermarks and await connection.fetchval(SQL["is_timer_due"], read_us or 0, now_us, not_before_us):
        await write.watermarks(connection, until.watermarks)
        read_us = await _read_us(connection, topics, until.partitions)
    rows = await connection.fetch(SQL["take_timer"], min(now_us, read_us or 0), not_before_us, LIMIT)
    return [_timer(row, now_us) for row in rows]


def _timer(row: Any, now_us: int) -> Work:  # noqa: ANN401  an asyncpg record
    timer = Timer(row["kind"], row["key"], row["due_us"])
    return Work(
        row["orgcode"], NOTICES[timer.kind], NOTICE_CODES[timer.kind], notice_subject(timer, now_us), now_us, now_us,
        timer=timer, org=row["org"],
    )  # fmt: skip


def notice_subject(timer: Timer, now_us: int) -> str:
    """The subject of a deadline's notice. A deadline of lots or cards can come again, so the time belongs to it."""
    return timer.key if timer.kind in _ONCE else f"{timer.key}\n{now_us}"


def timer_key(kind: str, subject: str) -> str:
    """The key of the deadline whose notice has this subject."""
    return subject if kind in _ONCE else subject.rpartition("\n")[0]


async def _read_us(connection: Connection, topics: Sequence[str], partitions: Mapping[str, int] | None) -> int | None:
    if partitions is None:
        read_us = await connection.fetchval("SELECT min(read_us) FROM watermark WHERE topic = ANY ($1::text[])", topics)
    else:
        read_us = await connection.fetchval(SQL["read_watermark"], list(partitions), list(partitions.values()))
    return None if read_us is None else int(read_us)


class Left(NamedTuple):
    """What is due and was not decided."""

    deadlines: int
    parked: int


async def left(connection: Connection, now_us: int) -> Left:
    """Return how much is due, or was put off because deciding it failed."""
    (row,) = await connection.fetch(SQL["count_left"], now_us)
    return Left(row["deadlines"], row["parked"])


def _parked(row: Any) -> Work:  # noqa: ANN401  an asyncpg record
    """Return a parked document; `unreadable` if another version of the program stored it in a form that
    this one lacks.
    """
    kind = BY_CODE.get(row["type"])
    work = Work(
        row["orgcode"], kind.name if kind else f"type {row['type']}", row["type"], row["subject"], row["received_us"],
        row["record_us"], org=row["org"], resumed=True, overdue=not row["ready"],
    )  # fmt: skip
    try:
        document = parked_of(row["document"])
        work.model = BY_CODE[row["type"]].restore(document.model)
    except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others go on
        work.unreadable = error
        return work
    work.traceparent = document.traceparent
    work.waits = [*document.waits, Wait(row["waits_for"], row["waits_key"], row["woken_no"])]
    return work


def _keys(works: list[Work]) -> list[tuple[object, ...]]:
    return list(zip(*(work.key for work in works), strict=True))


async def put_off(connection: Connection, work: Work, now_us: int) -> None:
    """Let a timer or a parked document wait. A timer's `not_before_us` says since when it has been due, so that each
    delay is longer.
    """
    timer = work.timer
    if timer is None:
        await connection.execute(SQL["put_off_parked"], *work.key, now_us + PARKED_PUT_OFF_US)
        return
    await connection.execute(SQL["put_off_timer"], work.org, timer.kind, timer.key, now_us, PUT_OFF_US, PUT_OFF_MOST_US)
