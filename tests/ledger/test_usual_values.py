"""update_account.sql takes an empty array for a column in which every row has its usual value."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from worker.domain.state.accounts import Account, AccountType, Standing
from worker.ledger import changes
from worker.ledger.queries import SQL
from worker.stored.rows import ACCOUNT_CHANGES, ACCOUNT_USUAL, AccountRow, account_changes

UNUSUAL: dict[str, Any] = {
    "held": 5,
    "deficit": 3,
    "standing": Standing.FROZEN,
    "extra": b"e",
    "owner": "o",
    "past": b"",
}
NAMES = AccountRow._fields[:ACCOUNT_CHANGES]


def row(number: int, **values: Any) -> AccountRow:  # noqa: ANN401  of any column
    account = Account(AccountType.POINTS, f"C{number}", "", Standing.ACTIVE)
    account.id = number
    return AccountRow.of(1, account)._replace(**values)


async def written(connection: asyncpg.Connection, rows: Sequence[AccountRow]) -> list[dict[str, object]]:
    """Update two accounts that have unusual values. Return them as they are then."""
    await connection.execute("TRUNCATE account")
    await connection.copy_records_to_table(
        "account", records=[row(number, **UNUSUAL) for number in (1, 2)], columns=AccountRow._fields
    )
    await connection.execute(SQL["update_account"], *account_changes(rows))
    return [dict(found) for found in await connection.fetch(f"SELECT {', '.join(NAMES)} FROM account ORDER BY key")]


async def test_every_account_gets_its_values(connection: asyncpg.Connection) -> None:
    """The values of two accounts: both usual, one of them, none. A plan reads the same."""
    for rows in (
        [row(1), row(2)],
        [row(1, **UNUSUAL), row(2)],
        [row(1), row(2, **UNUSUAL)],
        [row(1, **UNUSUAL), row(2, **UNUSUAL)],
    ):
        expected = [dict(zip(NAMES, one, strict=False)) for one in rows]
        planned = changes.updated(SQL["update_account"], account_changes(rows))
        assert planned == [
            {name: value for name, value in one.items() if name != "past" or value is not None} for one in expected
        ]
        for one in expected:  # None leaves it as it is
            one["past"] = b""
        assert await written(connection, rows) == expected


def test_only_columns_without_an_unusual_value_are_empty() -> None:
    empty = {name for name, column in zip(NAMES, account_changes([row(1), row(2)]), strict=True) if not column}
    assert empty == ACCOUNT_USUAL.keys()
    full = account_changes([row(1), row(2, **UNUSUAL)])
    assert all(len(column) == 2 for column in full)
