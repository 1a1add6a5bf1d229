"""Write what a batch changed: for each table, COPY for new rows and one UPDATE for the others."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from schemas.registry import DOCUMENTS
from schemas.scalars import EPOCH
from schemas.tuples import made
from worker.domain.state.books import Books
from worker.ledger.chain import Chain
from worker.ledger.load import RETURN, SALE
from worker.ledger.queries import SQL, Connection
from worker.positions import Partition, Position
from worker.process.errors import Unavailable
from worker.stored.codes import STUB, event_no
from worker.stored.entry import pack_entry
from worker.stored.folded import folded
from worker.stored.returned import pack_return
from worker.stored.rows import (
    AccountRow,
    Decided,
    EventRow,
    Key,
    ParkedRow,
    TenderRow,
    TransferRow,
    account_changes,
    columns,
)
from worker.stored.sale import pack_sale

NOWHERE: Mapping[Partition, Position] = {}
COMPANIONS_US = 10_000_000  # how long a deadline that has already passed waits for other late documents


class Reached(NamedTuple):
    """How far partitions have been read: up to which instant, in µs, and up to which record."""

    watermarks: Mapping[Partition, int]
    positions: Mapping[Partition, Position]


NOT_MOVED: Final = Reached({}, NOWHERE)


async def write(connection: Connection, no: int, decided: Decided, books: list[Books], now_us: int) -> None:
    """Write all changes of one batch, inside the caller's transaction."""
    await _number(connection, books)
    transfers = Chain().rows(no, books)
    await accounts(connection, books)
    await _events(connection, decided, books)
    await _tenders(connection, books)
    await _copy(connection, "transfer", TransferRow._fields, transfers)
    await _cards(connection, books)
    await _customers(connection, no, books)
    await _waiting(connection, no, decided, books, now_us)


async def _copy(connection: Connection, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await connection.copy_records_to_table(table, records=rows, columns=names)


# --- accounts ----------------------------------------------------------------


async def _number(connection: Connection, shelf: list[Books]) -> None:
    """Give new accounts their ids."""
    new = [account for book in shelf for account in book.changed if account.new]
    if new:
        ids = await connection.fetch("SELECT nextval('account_id') AS id FROM generate_series(1, $1)", len(new))
        for account, row in zip(new, ids, strict=True):
            account.id = row["id"]


async def accounts(connection: Connection, shelf: Sequence[Books]) -> None:
    """Write the accounts that changed. New ones have their ids already."""
    changed = [AccountRow.of(book.org, account) for book in shelf for account in book.changed if not account.new]
    if changed:
        await connection.execute(SQL["update_account"], *account_changes(changed))
    new = [AccountRow.of(book.org, account) for book in shelf for account in book.changed if account.new]
    new.sort(key=lambda row: row[:3])
    await _copy(connection, "account", AccountRow._fields, new)


# --- events, and the stubs of sales that documents wait for ---------------------------------------------------------


async def _events(connection: Connection, decided: Decided, shelf: list[Books]) -> None:
    new: list[EventRow] = []
    changed: list[EventRow] = []
    records = _records(shelf)
    for rows, are_new in ((decided.first, True), (decided.further, False)):
        for row in rows:
            record, there = records.pop(row[:3], (None, False))
            written = row if record is None else made(EventRow, (*row[:-1], record))
            (new if are_new and not there else changed).append(written)
    for key, (record, there) in records.items():
        if there and record is not None:
            changed.append(EventRow(*key, None, None, None, None, record))
        elif not there:
            new.append(EventRow(*key, STUB, 0, None, None, record))
    if changed:
        changed.sort(key=lambda row: row[:3])
        await connection.execute(SQL["update_event"], *columns(changed, len(EventRow._fields)))
    new.sort(key=lambda row: row[:3])
    await _copy(connection, "event", EventRow._fields, new)


def _records(shelf: list[Books]) -> dict[Key, tuple[bytes | None, bool]]:
    """Return the changed records of sales, returns and commands, and whether their rows exist already."""
    records: dict[Key, tuple[bytes | None, bool]] = {}
    for book in shelf:
        for sale in book.sales.values():
            if sale.dirty:
                records[book.org, SALE, sale.id] = (pack_sale(sale), not sale.new)
            elif not sale.new:
                records[book.org, SALE, sale.id] = (None, True)
        for returned in book.returns.values():
            if returned.dirty:
                records[book.org, RETURN, returned.id] = (pack_return(returned), not returned.new)
            elif not returned.new:
                records[book.org, RETURN, returned.id] = (None, True)
        for entry in book.entries.values():
            if entry.new or entry.dirty:
                records[book.org, DOCUMENTS[entry.type].code, entry.id] = (pack_entry(entry), not entry.new)
    return records


# --- tenders, cards, customers ---------------------------------------------------------------------------------------


async def _tenders(connection: Connection, shelf: list[Books]) -> None:
    dirty = [(book.org, tender) for book in shelf for tender in book.tenders.values() if tender.dirty]
    rows = [TenderRow.of(org, tender) for org, tender in dirty if not tender.new]
    if rows:
        await connection.execute(SQL["update_tender"], *columns(rows, len(TenderRow._fields)))
    new = sorted((TenderRow.of(org, tender) for org, tender in dirty if tender.new), key=lambda row: row[:2])
    await _copy(connection, "tender", TenderRow._fields, new)


async def _cards(connection: Connection, shelf: list[Books]) -> None:
    rows = sorted((book.org, token, card_id, last4) for book in shelf for token, card_id, last4 in book.new_cards)
    await _copy(connection, "card_number", ("org", "token", "card_id", "last4"), rows)


async def _customers(connection: Connection, no: int, shelf: list[Books]) -> None:
    profiles: dict[tuple[int, int], dict[str, Any]] = {}
    for book in shelf:
        for account, profile in book.profiles:
            kept = {name: value for name, value in profile.items() if value is not None}
            profiles[book.org, account.id] = profiles.get((book.org, account.id), {}) | kept
    if profiles:
        rows = [(org, id_, *_profile(profile)) for (org, id_), profile in sorted(profiles.items())]
        await connection.execute(SQL["upsert_customer"], *columns(rows, 10))
    carried = [(book.org, source, person) for book in shelf for source, person in book.carried]
    for org, source, person in carried:
        await connection.execute(SQL["carry_profile"], org, source.id, person.id)
    for book in shelf:
        for account in book.erased:
            await connection.execute(SQL["erase_customer"], book.org, account.id)
    consents = [
        (c.at_us, no, book.org, c.granted, c.customer_id, c.purpose, c.channel)
        for book in shelf
        for c in book.new_consents
    ]
    names = ("at_us", "no", "org", "granted", "customer_id", "purpose", "channel")
    await _copy(connection, "consent", names, consents)
    for org, source, person in carried:
        await connection.execute(SQL["carry_consents"], org, source.key, person.key)
    policies = [
        (book.org, version.version, version.effective_us, version.policy.to_json().decode())
        for book in shelf
        for version in book.new_policies
    ]
    await _copy(connection, "policy", ("org", "version", "effective_us", "policy"), policies)


def _profile(profile: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Return the profile's members, and after them the folded forms by which a search finds the customer."""
    name, email, phone = (profile.get(member) for member in ("name", "email", "phone"))
    rest = profile.get("birth_date"), _json(profile.get("external_ids"))
    return (name, email, phone, *rest, *folded(name, email, phone))


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


# --- what waits ------------------------------------------------------------------------------------------------------


async def _waiting(connection: Connection, no: int, decided: Decided, shelf: list[Books], now_us: int) -> None:
    if decided.resumed:
        await connection.execute(SQL["delete_parked"], *columns(sorted(decided.resumed), 3))
    if decided.parked:
        parked = sorted(decided.parked, key=lambda row: row[:3])
        await connection.execute(SQL["upsert_parked"], *columns(parked, len(ParkedRow._fields)))
    woken = sorted(
        (book.org, what, key, event_no(no, place)) for book in shelf for (what, key), place in book.woken.items()
    )
    if woken:
        *things, numbers = columns(woken, 4)
        await connection.execute(SQL["wake_parked"], *things, RETURN, numbers)
    if decided.fired:
        await connection.execute(SQL["delete_timer"], *columns(sorted(decided.fired), 3))
    await timers(connection, shelf, now_us)


async def timers(connection: Connection, shelf: list[Books], now_us: int) -> None:
    """Write the deadlines that the decisions set."""
    rows = sorted(
        {
            (book.org, timer.kind, timer.key, timer.due_us, _not_before(timer.due_us, now_us))
            for book in shelf
            for timer in book.timers
        }
    )
    if rows:
        await connection.execute(SQL["insert_timer"], *columns(rows, 5))


def _not_before(due_us: int, now_us: int) -> int:
    return due_us if due_us > now_us else now_us + COMPANIONS_US


async def journal(connection: Connection, no: int, worker: int, now_us: int, documents: int, reached: Reached) -> bool:
    """Write the batch's own row, and how far its partitions have been read. Return whether an open dead letter waits
    for its repaired document.
    """
    batch = no, worker, EPOCH + timedelta(microseconds=now_us), documents
    if reached == NOT_MOVED:
        return bool(await connection.fetchval(SQL["insert_batch"], *batch))
    rows = await connection.fetch(SQL["insert_batch_and_positions"], *_watermark_columns(*reached), *batch)
    _check_topics(rows, reached.positions)
    return bool(rows[0]["letters_wait"])


async def mark_published(connection: Connection, numbers: Sequence[int]) -> None:
    if numbers:
        await connection.execute(SQL["mark_published"], numbers)


async def watermarks(
    connection: Connection, marks: Mapping[Partition, int], positions: Mapping[Partition, Position] = NOWHERE
) -> None:
    """Write the instant (in µs) and the record up to which partitions have been read.

    Raises Unavailable if the ledger has read another topic of this name: then the caller must compare both again.
    """
    if marks or positions:
        _check_topics(await connection.fetch(SQL["upsert_watermark"], *_watermark_columns(marks, positions)), positions)


def _check_topics(written: Sequence[Any], positions: Mapping[Partition, Position]) -> None:
    for row in written:
        topic, partition, known = row["topic"], row["partition"], row["topic_id"]
        position = positions.get((topic, partition))
        if position is not None and position.topic_id and known and known != position.topic_id:
            raise Unavailable(f"{topic}-{partition}: the ledger has read a topic of this name with another id")


def _watermark_columns(
    marks: Mapping[Partition, int], positions: Mapping[Partition, Position]
) -> Sequence[Sequence[object]]:
    rows = [
        (*at, marks.get(at, 0), *_position_row(positions.get(at))) for at in sorted(marks.keys() | positions.keys())
    ]
    return columns(rows, 8)


def _position_row(position: Position | None) -> tuple[int | None, int | None, int | None, bytes | None, UUID | None]:
    if position is None:
        return None, None, None, None, None
    return (position.next_offset, *(position.last or (None, None, None)), position.topic_id)
