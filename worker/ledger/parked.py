"""Parked documents: which are ready or overdue, and the delay after one fails."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from worker.ledger import load
from worker.ledger.queries import SQL, Connection
from worker.stored.event import EventFacts, Wait
from worker.stored.rows import Key, columns

LIMIT: Final = 500  # how many are taken at once, of the ready ones and of the overdue ones
PUT_OFF_US: Final = 300_000_000  # each time


class Resumable(NamedTuple):
    """A parked document that goes on, or may go on in this batch."""

    key: Key
    orgcode: str
    received_us: int
    record_us: int
    document: bytes  # as `worker.stored.parked` packs it
    wait: Wait  # the latest; a document that is ready or overdue waits no longer
    overdue: bool  # it waited too long, and the awaited document did not come
    facts: EventFacts | None  # its outcome `parked`
    parked_unpublished: bool  # that outcome is not published yet, because the document came through an interface


async def lock_due(connection: Connection, now_us: int) -> list[Resumable]:
    """Lock and return the documents that are ready or overdue, in the order in which they came. Other workers skip
    them.
    """
    return await _parked(connection, await connection.fetch(SQL["lock_due_parked"], now_us, LIMIT))


async def lock_named(connection: Connection, keys: Sequence[Key]) -> list[Resumable]:
    """Lock and return the named documents that exist, whether or not they are ready."""
    return await _parked(connection, await connection.fetch(SQL["lock_named_parked"], *columns(keys, 3)))


async def lock_waiters(connection: Connection, awaited: Sequence[tuple[int, str, str]], limit: int) -> list[Resumable]:
    """Lock and return the documents that wait for these sales, tenders and returns (org, what, id), in the order in
    which they came. They are neither ready nor taken as overdue.
    """
    if not awaited or limit <= 0:
        return []
    rows = await connection.fetch(SQL["lock_waiters"], *columns(awaited, 3), load.RETURN, limit)
    return [row._replace(overdue=False) for row in await _parked(connection, rows)]


async def _parked(connection: Connection, rows: Sequence[Any]) -> list[Resumable]:
    if not rows:
        return []
    keys: list[Key] = [(row["org"], row["type"], row["subject"]) for row in rows]
    known = await load.events(connection, keys)
    unpublished = {
        row["place"] - 1 for row in await connection.fetch(SQL["read_unpublished_parked"], *columns(keys, 3))
    }
    return [
        Resumable(
            keys[place], row["orgcode"], row["received_us"], row["record_us"], row["document"],
            Wait(row["waits_for"], row["waits_key"], row["woken_no"]), not row["ready"], known[place][1],
            place in unpublished,
        )
        for place, row in enumerate(rows)
    ]  # fmt: skip


async def put_off(connection: Connection, key: Key, now_us: int) -> None:
    """Delay a document that could not be decided."""
    await connection.execute(SQL["put_off_parked"], *key, now_us + PUT_OFF_US)
