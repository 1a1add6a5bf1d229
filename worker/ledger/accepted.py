"""Documents of doors on their way to the topic `crm.accepted`, and what is to be erased there."""

from collections.abc import Sequence
from typing import Final

from worker.codec import Message
from worker.codec.accepted import Safe
from worker.domain.state.accounts import Kind
from worker.domain.state.books import Books
from worker.ledger.queries import SQL, Connection
from worker.ledger.work import Work
from worker.stored.codes import event_no

PROFILES: Final = frozenset({"crm.customer.create", "crm.customer.update"})


async def write(connection: Connection, no: int, works: Sequence[Work], shelf: Sequence[Books], safe: Safe) -> None:
    """Store the batch's documents that came in through a door, and have the records of erased customers erased."""
    rows: list[tuple[int, bytes, bytes]] = []
    profiles: list[tuple[int, str, bytes]] = []
    for work in works:
        document = work.document
        if document is None or (document.record is not None and not document.stored):
            continue
        key = safe.key(work.orgcode, work.type, work.subject)
        if document.record is None:
            rows.append((event_no(no, work.mark), key, safe.value(document, work.received_us)))
        customer_id = None if work.outcome is None else work.outcome.customer_id
        if work.type in PROFILES and customer_id is not None:
            profiles.append((work.org, customer_id, key))
    if rows:
        await connection.copy_records_to_table("accepted", records=rows, columns=("no", "key", "document"))
    if profiles:
        await connection.execute(SQL["insert_accepted_profile"], *zip(*sorted(profiles), strict=True))
    erased = sorted((book.org, account.key) for book in shelf for account in book.erased if account.kind is Kind.POINTS)
    if erased:
        await connection.execute(SQL["erase_accepted"], event_no(no, 0), *zip(*erased, strict=True))


async def take(connection: Connection, numbers: Sequence[int], topic: str, safe: Safe) -> list[Message]:
    """The records of these batches, and tombstones for what is to be erased, in their order."""
    return [
        Message(topic, row["key"], None)
        if row["document"] is None
        else Message(topic, row["key"], row["document"], safe.headers(row["document"]))
        for row in await connection.fetch(SQL["take_accepted"], numbers)
    ]


async def published(connection: Connection, numbers: Sequence[int], erased: Sequence[bytes]) -> None:
    """The records of these batches, and these tombstones, are on the topic."""
    if numbers:
        await connection.execute(SQL["delete_accepted"], numbers)
    if erased:
        await connection.execute(SQL["delete_erased"], erased)
