"""Small writes of a transaction go to Postgres as one statement; many rows go table by table."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, cast

import asyncpg
import pytest

from tests.ledger.conftest import Worker
from tests.ledger.documents import sold
from worker.ledger.queries import SQL, Connection
from worker.ledger.together import FEW, Together

CARD = ("org", "token", "card_id", "last4")
TIMER = SQL["insert_timer"]


class Spy:
    """Passes every statement on to a connection, and keeps their texts."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.sent: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def pass_on(text: str = "", *args: object, **more: object) -> Any:  # noqa: ANN401  of any of asyncpg's methods
            if "pg_attribute" not in text:  # once for each table and process
                self.sent.append(name if name in {"transaction", "copy_records_to_table"} else text)
            return getattr(self._connection, name)(*[text] if text else [], *args, **more)

        return pass_on


@pytest.fixture
def spy(connection: asyncpg.Connection) -> Spy:
    return Spy(connection)


@pytest.fixture
def together(spy: Spy) -> Together:
    return Together(cast("Connection", spy))


def cards(*numbers: int) -> list[tuple[int, bytes, str, str]]:
    return [(1, b"%d" % number, f"G{number}", "0000") for number in numbers]


def timers(*keys: str) -> list[Sequence[object]]:
    return [[1] * len(keys), ["hold"] * len(keys), keys, [1] * len(keys), [1] * len(keys)]


async def numbers(connection: asyncpg.Connection, table: str, column: str) -> list[str]:
    return [row[0] for row in await connection.fetch(f"SELECT {column} FROM {table} ORDER BY {column}")]


async def test_few_rows_are_one_statement(together: Together, spy: Spy, connection: asyncpg.Connection) -> None:
    await together.copy_records_to_table("card_number", records=cards(1, 2), columns=CARD)
    await together.execute(TIMER, *timers("T1", "T2"))
    assert spy.sent == []
    await together.send()
    assert len(spy.sent) == 1
    assert await numbers(connection, "card_number", "card_id") == ["G1", "G2"]
    assert await numbers(connection, "timer", "key") == ["T1", "T2"]


async def test_many_rows_are_copied(together: Together, spy: Spy, connection: asyncpg.Connection) -> None:
    await together.copy_records_to_table("card_number", records=cards(*range(FEW)), columns=CARD)
    await together.execute(TIMER, *timers("T1"))
    await together.send()
    assert spy.sent == ["copy_records_to_table", TIMER]
    assert await connection.fetchval("SELECT count(*) FROM card_number") == FEW


async def test_other_statements_see_what_was_written_before_them(together: Together) -> None:
    await together.execute(TIMER, *timers("T1"))
    assert await together.fetchval("SELECT count(*) FROM timer") == 1
    await together.copy_records_to_table("card_number", records=cards(1), columns=CARD)
    assert len(await together.fetch("SELECT FROM card_number")) == 1
    await together.copy_records_to_table("card_number", records=cards(2), columns=CARD)
    await together.execute("DELETE FROM card_number")
    assert not await together.fetch("SELECT FROM card_number")


async def test_a_second_write_of_a_table_comes_after_the_first(together: Together) -> None:
    for key in ("T1", "T1", "T2"):  # in one statement, the second T1 would not be there
        await together.execute(SQL["delete_timer"], *timers(key)[:3])
        await together.execute(TIMER, *timers(key))
    assert await together.fetchval("SELECT count(*) FROM timer") == 2


async def test_a_savepoint_keeps_what_came_before_it_and_drops_what_came_in_it(
    together: Together, connection: asyncpg.Connection
) -> None:
    async with connection.transaction():
        await together.execute(TIMER, *timers("before"))
        with contextlib.suppress(asyncpg.DivisionByZeroError):
            async with together.transaction():
                await together.execute(TIMER, *timers("dropped"))
                await connection.execute("SELECT 1 / 0")
        async with together.transaction():
            await together.execute(TIMER, *timers("kept"))
        await together.send()
    assert await numbers(connection, "timer", "key") == ["before", "kept"]


async def test_tables_are_written_in_the_order_of_the_statements(
    together: Together, connection: asyncpg.Connection
) -> None:
    """Two workers that wrote them in different orders could wait for each other."""
    await connection.execute(
        "CREATE SEQUENCE turn; CREATE TABLE seen (name text, turn bigint);"
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO seen VALUES (TG_TABLE_NAME, nextval('turn')); RETURN NULL; END $$"
    )
    for table in ("card_number", "timer", "consent"):
        await connection.execute(
            f"CREATE TRIGGER see AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION see()"
        )
    consent = ("at_us", "no", "org", "granted", "customer_id", "purpose", "channel")
    await together.copy_records_to_table("card_number", records=cards(1), columns=CARD)
    await together.execute(TIMER, *timers("T1"))
    await together.copy_records_to_table("consent", records=[(1, 1, 1, True, "C", "marketing", "")], columns=consent)
    await together.send()
    seen = await connection.fetch("SELECT name FROM seen ORDER BY turn")
    assert [row["name"] for row in seen] == ["card_number", "timer", "consent"]


async def test_a_lone_document_is_written_by_one_statement(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    await worker.read([sold("S1")])
    sent: list[set[str]] = []
    send = Together.send

    async def spied(self: Together) -> None:
        if self._waiting:
            sent.append(set(self._waiting))
        await send(self)

    monkeypatch.setattr(Together, "send", spied)
    await worker.read([sold("S2")])
    assert sent == [{SQL["update_account"], "event", "transfer", TIMER}]
