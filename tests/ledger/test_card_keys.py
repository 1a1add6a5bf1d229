"""A ledger knows the card keys of its rows, and refuses a program that has another (docs/operations/card-keys.md)."""

import pytest

from tests.domain.room import KEY
from tests.ledger.conftest import Worker
from tests.ledger.documents import CARD, command
from worker.ledger.card_keys import WrongKey, accept, fingerprint
from worker.ledger.queries import Connection

NEW, OTHER = b"n" * 32, b"o" * 32


async def recorded(connection: Connection) -> set[bytes]:
    return {row["fingerprint"] for row in await connection.fetch("SELECT fingerprint FROM card_key")}


async def test_the_first_start_adopts_the_key_in_use_and_says_so(connection: Connection) -> None:
    (line,) = await accept(connection, [KEY])
    assert line == f"card key {fingerprint(KEY).hex()}: adopted: the database had recorded none"
    assert await accept(connection, [KEY]) == []
    assert await recorded(connection) == {fingerprint(KEY)}


async def test_another_key_is_refused_and_recorded_nowhere(connection: Connection, worker: Worker) -> None:
    await worker.read([command("giftcard.issue", "I", **CARD)])
    await accept(connection, [KEY])
    with pytest.raises(WrongKey, match=rf"fingerprint {fingerprint(KEY).hex()}, which is neither G3N_CARD_KEY nor"):
        await accept(connection, [OTHER, NEW], owner=True)
    assert await recorded(connection) == {fingerprint(KEY)}


async def test_a_key_is_changed_in_two_rounds(connection: Connection) -> None:
    await accept(connection, [KEY])
    assert await accept(connection, [KEY, NEW]) == [], "it makes no rows yet"
    (line,) = await accept(connection, [NEW, KEY])
    assert "recorded as one that rows are made with" in line
    assert await accept(connection, [KEY, NEW]) == [], "a worker of the first round goes on"
    with pytest.raises(WrongKey):
        await accept(connection, [NEW])


async def test_a_ledger_that_recorded_no_key_knows_its_cards(connection: Connection, worker: Worker) -> None:
    await worker.read([command("giftcard.issue", "I", **CARD)])
    with pytest.raises(WrongKey, match="its card numbers were hashed with another key"):
        await accept(connection, [OTHER])
    assert len(await accept(connection, [NEW, KEY, OTHER])) == 2
    assert await recorded(connection) == {fingerprint(NEW), fingerprint(KEY)}


async def test_setup_may_change_the_key_of_a_ledger_without_documents(connection: Connection) -> None:
    await accept(connection, [KEY])
    await accept(connection, [OTHER], owner=True)
    assert await recorded(connection) == {fingerprint(OTHER)}
