"""Documents of interfaces on their way to the topic `crm.accepted`, and the records to erase there."""

from collections.abc import Sequence
from typing import NamedTuple

from worker.codec import Message
from worker.codec.accepted import Safe
from worker.domain.state.accounts import AccountType
from worker.domain.state.books import Books
from worker.ledger.queries import SQL, Connection
from worker.stored.codes import event_no


class Accepted(NamedTuple):
    """The documents of a batch that came in through an interface."""

    records: list[tuple[int, bytes, bytes]]  # `event.no`, key and value of each document's record
    profiles: list[tuple[int, str, bytes]]  # of each record with personal data: tenant, customer, key
    erased: list[tuple[int, str]]  # tenant and customer whose records with personal data must go


async def write(connection: Connection, no: int, batch: Accepted, shelf: Sequence[Books]) -> None:
    """Store the records of a batch's documents, and erase those of erased customers."""
    if batch.records:
        await connection.copy_records_to_table("accepted", records=batch.records, columns=("no", "key", "document"))
    if batch.profiles:
        await connection.execute(SQL["insert_accepted_profile"], *zip(*sorted(batch.profiles), strict=True))
    ids = ((book.org, account.key) for book in shelf for account in book.erased if account.type is AccountType.POINTS)
    if erased := {*ids, *batch.erased}:
        await connection.execute(SQL["erase_accepted"], event_no(no, 0), *zip(*sorted(erased), strict=True))


async def read(connection: Connection, numbers: Sequence[int], topic: str, safe: Safe) -> list[Message]:
    """Return the records of these batches, and tombstones for the records to erase, in their order."""
    return [
        Message(topic, row["key"], None)
        if row["document"] is None
        else Message(topic, row["key"], row["document"], safe.headers(row["document"]))
        for row in await connection.fetch(SQL["read_accepted"], numbers)
    ]


async def published(connection: Connection, numbers: Sequence[int], erased: Sequence[bytes]) -> None:
    """Note that the records of these batches, and these tombstones, are on the topic."""
    if numbers:
        await connection.execute(SQL["delete_accepted"], numbers)
    if erased:
        await connection.execute(SQL["delete_erased"], erased)
