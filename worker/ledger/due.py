"""What the pipeline decides without a record of its own: parked documents that may go on, and timers that are due."""

from schemas.registry import BY_CODE
from worker.domain.deadlines import NOTICES
from worker.domain.movements import Timer
from worker.ledger import load
from worker.ledger.pack import unpack
from worker.ledger.queries import SQL, Connection
from worker.ledger.work import Work

LIMIT = 500
PUT_OFF_US = 60_000_000  # for how long a timer that is refused is put off: at first, then twice as long each time,
PUT_OFF_MOST_US = 86_400_000_000  # at most
# Types of documents that no publisher sends; their codes are theirs for ever, like those of schemas.registry.
NOTICE_CODES = {kind: 60 + place for place, kind in enumerate(NOTICES)}
NOTICE_TYPES = {60 + place: notice for place, notice in enumerate(NOTICES.values())}


async def take(connection: Connection, now_us: int, topics: tuple[str, ...], *, final: bool) -> list[Work]:
    """Lock and return what may be decided now; others skip it. Timers wait until the topics are read past them."""
    works = []
    for row in await connection.fetch(SQL["take_parked"], now_us, LIMIT):
        kind = BY_CODE[row["type"]]
        model, traceparent, *waits = unpack(row["document"])
        overdue = not row["ready"]
        works.append(
            Work(row["orgcode"], kind.name, kind.code, row["subject"], row["received_us"], row["record_us"],
                 model=kind.restore(model), org=row["org"], resumed=True, overdue=overdue, traceparent=traceparent,
                 waits=[*waits, [row["waits_for"], row["waits_key"], row["woken_no"]]])
        )  # fmt: skip
    known = await load.events(connection, works) if works else {}
    for place, work in enumerate(works):
        work.facts = known[place][1]
    for row in await connection.fetch(SQL["read_unsaid"], *_keys(works)) if works else ():
        works[row["place"] - 1].unsaid = True
    read_us = await connection.fetchval("SELECT min(read_us) FROM watermark WHERE topic = ANY ($1::text[])", topics)
    not_before_us = (1 << 62) if final else now_us
    for row in await connection.fetch(SQL["take_timer"], min(now_us, read_us or 0), not_before_us, LIMIT):
        timer = Timer(row["kind"], row["key"], row["due_us"])
        subject = timer.key if timer.kind in ("hold", "forfeit") else f"{timer.key}\n{now_us}"
        works.append(
            Work(row["orgcode"], NOTICES[timer.kind], NOTICE_CODES[timer.kind], subject, now_us, now_us, timer=timer,
                 org=row["org"])
        )  # fmt: skip
    for mark, work in enumerate(works):
        work.mark = mark
    return works


def _keys(works: list[Work]) -> list[tuple[object, ...]]:
    return list(zip(*(work.key for work in works), strict=True))


async def put_off(connection: Connection, work: Work, now_us: int) -> None:
    """Let a timer be due later; `not_before_us` still says since when it has been, so that each delay is longer."""
    assert work.timer is not None  # noqa: S101  the caller's filter
    timer = work.timer
    await connection.execute(SQL["put_off_timer"], work.org, timer.kind, timer.key, now_us, PUT_OFF_US, PUT_OFF_MOST_US)
