"""A plan decides every row of the domain's tables as the ledger will, and leaves the ledger alone."""

import contextlib
import re
from collections import Counter
from typing import Any

import asyncpg
import pytest

from tests.codec.records import Record
from tests.domain.room import KEY
from tests.language.documents import Clock, build
from tests.language.table import FOLDER, rows
from tests.language.words import words
from tests.ledger.conftest import TOPICS, Worker, record, said
from tests.ledger.test_as_in_memory import NOW, ONLY_IN_MEMORY, Player, comparable
from worker.codec import Decoder, Outlet
from worker.ledger import changes
from worker.ledger.changes import Changes, Row, Unknown
from worker.ledger.load import SALE
from worker.ledger.overlay import Overlay
from worker.ledger.queries import SQL
from worker.stored.rows import AccountRow, EventRow, TenderRow

NOW_US = int(NOW.timestamp()) * 1_000_000
# Given by a sequence, or after it: they differ between a plan and what is done.
NUMBERS = {"id", "no", "last_no", "woken_no"}
CARD = ("org", "token", "card_id")
COUNTS = """
SELECT (SELECT count(*) FROM event) AS event, (SELECT count(*) FROM transfer) AS transfer,
       (SELECT count(*) FROM account) AS account, (SELECT last_value FROM batch_no) AS batch_no
"""


class Planner(Worker):
    """A pipeline in memory; `changed` has each row's last state, by table and key without the tenant's number."""

    def __init__(self, overlay: Overlay) -> None:
        decoder = Decoder((KEY,), frozenset(), 1 << 20)
        super().__init__(overlay, decoder, Outlet("crm.outcomes", "crm.tender-outcomes", "crm-worker"), TOPICS, 7)
        self.changed: dict[str, dict[Any, Any]] = {table: {} for table in changes.TABLES}
        overlay.committed = self._keep

    def _keep(self, done: Changes) -> None:
        for table, changed in done.rows.items():
            self.changed[table] |= {key: after for key, (_, after) in changed.items()}


async def decided(worker: Worker, records: list[list[Record]]) -> list[list[str]]:
    """Return the outcomes of each step. Steps are a millisecond apart, so the order of parked documents is clear."""
    told = []
    for place, step in enumerate(records):
        now_us = NOW_US + 1000 * place
        messages = (await worker.apply(worker.decode(step, now_us), {})).messages
        while (applied := await worker.decide_ready(now_us)) is not None:
            messages += applied.messages
        told.append(sorted(map(comparable, said(messages))))
    return told


def steps() -> list[list[Record]]:
    """The documents of all rows of the tables, the first of each, then the second of each, and so on."""
    every = [row for path in sorted(FOLDER.glob("*.txt")) for row in rows(path)]
    players = [
        Player(number, row)
        for number, row in enumerate(every)
        if not any(ONLY_IN_MEMORY.search(step) for step in (*row.given, *row.when))
    ]
    longest = max(len(player.steps) for player in players)
    return [[sent for player in players for sent in player.step(place)[0]] for place in range(longest)]


async def test_every_row_is_planned_as_it_is_decided(
    worker: Worker, database: str, connection: asyncpg.Connection
) -> None:
    records = steps()
    await decided(worker, records[:1])
    async with Overlay.opened(database) as overlay:
        before = await connection.fetchrow(COUNTS)
        planner = Planner(overlay)
        planned = await decided(planner, records)
        assert await connection.fetchrow(COUNTS) == before
    done = await decided(worker, records)
    assert [list((Counter(a) - Counter(b)).elements())[:3] for a, b in zip(planned, done, strict=True) if a != b] == []
    assert planned == done
    codes = {row["id"]: row["code"] for row in await connection.fetch("SELECT id, code FROM org")}
    for table, compared in (
        ("account", AccountRow._fields),
        ("tender", TenderRow._fields),
        ("event", EventRow._fields),
    ):
        names = [name for name in compared if name not in NUMBERS]
        stored = {changes.TABLES[table].key_of(row): row for row in map(dict, await connection.fetch(f"TABLE {table}"))}
        assert planner.changed[table]
        for key, after in planner.changed[table].items():
            assert (codes[key[0]], compared_of(stored[key], names)) == (codes[key[0]], compared_of(after, names))


def compared_of(row: Row, names: list[str]) -> list[Any]:
    """Return the columns that don't depend on numbers: facts hold the time; traces hold the accounts' ids."""
    left_out = {"facts"} if row.get("type") in (None, SALE) else {"facts", "record"}
    return [row.get(name) for name in names if name not in left_out]


async def test_documents_parked_in_one_instant_go_on_in_order(worker: Worker, database: str) -> None:
    """Two returns of one line: the first to come is whole, in a plan as in the ledger."""
    clock = Clock(NOW)
    first, then = (
        [record(made.type, made.data) for made in (build(words(text, NOW), clock) for text in texts)]
        for texts in (("customer C", "return R2 S1 C 1:600", "return R1 S1 C 1:600"), ("sale S1 C 1:1000",))
    )
    async with Overlay.opened(database) as overlay:
        decisions = [await statuses(pipeline, [first, then]) for pipeline in (Planner(overlay), worker)]
    expected = [("R2", "parked"), ("R1", "parked"), ("S1", "applied"), ("R2", "applied"), ("R1", "partial")]
    assert decisions == [[("new-C", "applied"), *expected]] * 2


async def statuses(pipeline: Worker, batches: list[list[Record]]) -> list[tuple[str, str]]:
    """Subject and status of each outcome, all read in the same instant."""
    messages = []
    for batch in batches:
        messages += (await pipeline.apply(pipeline.decode(batch, NOW_US), {})).messages
        while (applied := await pipeline.decide_ready(NOW_US)) is not None:
            messages += applied.messages
    return [(one["subject"], one["data"]["status"]) for one in said(messages)]


async def test_a_statement_that_is_not_known_is_refused(database: str) -> None:
    async with Overlay.opened(database) as overlay, overlay.transaction() as connection:
        with pytest.raises(Unknown, match="does not know this statement: DELETE FROM event"):
            await connection.execute("DELETE FROM event")
        with pytest.raises(Unknown, match="does not know the table batch"):
            await connection.copy_records_to_table("batch", records=[], columns=[])


async def test_an_exception_undoes_what_came_after_the_savepoint(database: str) -> None:
    keys = ([1], [b"t"])
    async with Overlay.opened(database) as overlay:
        async with overlay.transaction() as connection:
            with contextlib.suppress(Unknown):
                async with connection.transaction():
                    await connection.copy_records_to_table("card_number", records=[(1, b"t", "c")], columns=CARD)
                    await connection.execute("undone")
            assert await connection.fetch(SQL["load_card_number"], *keys) == []
        with pytest.raises(OverflowError):
            async with overlay.transaction() as connection:
                await connection.copy_records_to_table("card_number", records=[(1, b"t", 1 << 70)], columns=CARD)
        async with overlay.transaction() as connection:
            assert await connection.fetch(SQL["load_card_number"], *keys) == []


def test_each_write_names_its_columns() -> None:
    assert {changes.WRITES[query]: columns[0] for query, columns in changes.COLUMNS.items()} == {
        "event": "org", "account": "org", "tender": "org", "parked": "org",
    }  # fmt: skip
    assert not any(re.search(r"\bFOR\b.*\bUPDATE\b", query) for query in changes.WRITES)
