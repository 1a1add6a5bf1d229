"""Constraints and views of the tables."""

import asyncpg
import pytest

from worker.domain.state.accounts import Contra

FILL = """
INSERT INTO org (code) VALUES ('acme');
INSERT INTO account (id, balance, held, deficit, version, org, kind, standing, key, currency)
    VALUES (1, 70, 0, 0, 1, 1, 0, 1, 'C', ''), (2, 30, 0, 0, 1, 1, 0, 1, 'D', '');
INSERT INTO transfer (no, debit, credit, amount, org) VALUES (4096, -1, 1, 100, 1), (8192, 1, 2, 30, 1);
"""


@pytest.mark.parametrize(
    "statement",
    ["UPDATE transfer SET amount = 1", "DELETE FROM transfer", "TRUNCATE transfer", "TRUNCATE org, transfer",
     "UPDATE transfer SET amount = 1 WHERE false"],
)  # fmt: skip
async def test_transfers_are_append_only(connection: asyncpg.Connection, statement: str) -> None:
    await connection.execute(FILL)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await connection.execute(statement)
    assert await connection.fetchval("SELECT sum(amount) FROM transfer") == 130


@pytest.mark.parametrize("amount", [0, -1])
async def test_a_transfer_moves_something(connection: asyncpg.Connection, amount: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "INSERT INTO transfer (no, debit, credit, amount, org) VALUES (1, 1, 2, $1, 1)", amount
        )


async def test_an_imbalance_shows(connection: asyncpg.Connection) -> None:
    await connection.execute(FILL)
    assert await connection.fetch("SELECT * FROM imbalance") == []
    await connection.execute("UPDATE account SET balance = 31 WHERE key = 'D'")
    (row,) = await connection.fetch("SELECT key, balance, booked FROM imbalance")
    assert tuple(row) == ("D", 31, 30)


async def test_the_book_is_in_balance_with_its_contra_accounts(connection: asyncpg.Connection) -> None:
    await connection.execute(FILL)
    assert await connection.fetchval("SELECT sum(amount) FROM entry") == 0
    names = {row["id"]: row["name"] for row in await connection.fetch("SELECT id, name FROM contra")}
    assert names == {contra.value: contra.name.lower() for contra in Contra}


@pytest.mark.parametrize("amounts", [(1, 2, 0, 0), (2, 1, 2, 0), (2, 2, 1, 2)])
async def test_a_tender_takes_no_more_than_it_may(
    connection: asyncpg.Connection, amounts: tuple[int, int, int, int]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("INSERT INTO tender VALUES ($1, $2, $3, $4, 1, 0, '', 'T', '', '')", *amounts)
