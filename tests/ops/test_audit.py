"""An audit finds nothing in an honest ledger, and names each fault that is planted."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import asyncpg
import pytest

from tests.codec.records import Record
from tests.domain.room import KEY
from tests.language.table import FOLDER, rows
from tests.ledger.conftest import TOPICS, Worker
from tests.ledger.test_as_in_memory import ONLY_IN_MEMORY, Player
from tests.ops.commands import g3n
from tests.ops.conftest import Desk
from worker.codec import Decoder, Outlet
from worker.ledger.pool import Pool
from worker.ops.audit import page, report
from worker.ops.audit.audit import Report, audit

NO_TRIGGERS = "SET ROLE crm_owner; ALTER TABLE event DISABLE TRIGGER USER; ALTER TABLE transfer DISABLE TRIGGER USER"
CUSTOMER = "customer C"
TRADE = (
    "issue I1 G 5000", "earn E1 C 100", "sale S1 C 1:1099", "request T1 card G 700", "request T2 card G 300 capture",
    "sale S2 C 1:300 T2=card:300", "return R1 S1 C 1:500", "return R9 S9 C 1:5", "request T3 card G 100",
    "cancel T3",    "sale S3 C 1:700", "void S3",
)  # fmt: skip


@pytest.fixture
async def worker(database: str) -> AsyncIterator[Worker]:
    decoder = Decoder((KEY,), frozenset(), 1 << 20)
    outlet = Outlet("crm.outcomes", "crm.tender-outcomes", "crm-worker")
    opened = Worker(await Pool.open(database), decoder, outlet, TOPICS, 7, crash=True)
    yield opened
    await opened.close()


def batched(records: list[Record], size: int = 100) -> list[list[Record]]:
    """So few that a transaction never waits long for a busy machine: Postgres ends one that is idle for 5 s."""
    return [records[at : at + size] for at in range(0, len(records), size)]


async def found(database: str, as_of: datetime | None = None) -> Report:
    return await audit(database, as_of)


@pytest.fixture
async def traded(desk: Desk, connection: asyncpg.Connection) -> asyncpg.Connection:
    """A ledger in which something happened; its triggers do not keep the tests from planting faults."""
    await desk.apply(CUSTOMER)
    for text in TRADE:
        await desk.apply(text)
    await connection.execute(NO_TRIGGERS)
    return connection


async def test_every_row_of_the_tables_is_accounted_for(worker: Worker, database: str) -> None:
    every = [row for path in sorted(FOLDER.glob("*.txt")) for row in rows(path)]
    players = [
        Player(number, row)
        for number, row in enumerate(every)
        if not any(ONLY_IN_MEMORY.search(step) for step in (*row.given, *row.when))
    ]
    for place in range(max(len(player.steps) for player in players)):
        records: list[Record] = [sent for player in players for sent in player.step(place)[0]]
        for part in batched(records):
            await worker.drained(part)
    made = await found(database)
    assert [*map(str, made.findings)] == []
    assert made.is_clean
    assert made.finance.out_of_balance() == []


FAULTS: dict[str, tuple[str, set[str]]] = {
    "a balance": (
        "UPDATE account SET balance = balance + 1 WHERE key = 'C'",
        {"balance: points account C"},
    ),
    "a lot": (
        "UPDATE account SET lots = '\\x919500ce8000000005000000'::bytea WHERE key = 'C'",
        {"lots: points account C"},
    ),
    "a deleted event": (
        "DELETE FROM event WHERE subject = 'S2'",
        {"document: document *"},
    ),
    "a forged outcome": (
        "UPDATE event SET status = 2 WHERE subject = 'S1'",
        {"outcome: scm.sale.completed S1"},
    ),
    "a forged amount": (
        "UPDATE transfer SET amount = amount + 5 WHERE no = (SELECT no FROM event WHERE subject = 'E1')",
        {"balance: points account C", "booked: crm.loyalty.earn E1"},
    ),
    "a document that nobody decided": (
        """INSERT INTO event (no, org, type, status, subject, digest, facts)
        SELECT (1::bigint << 40), org, type, status, 'S99', digest, facts FROM event WHERE subject = 'S1'""",
        {"journal: batch 268435456", "booked: scm.sale.completed S99"},
    ),
    "a lost void of a tender": (
        "UPDATE tender SET state = 2 WHERE id = 'T3'",
        {"void: tender T3"},
    ),
    "a lost void of a sale": (
        "UPDATE event v SET record = s.record FROM event s WHERE v.subject = 'S3' AND v.type = 1 AND s.subject = 'S2'",
        {"void: scm.sale.completed S3"},
    ),
    "an over-claim": (
        "ALTER TABLE tender DROP CONSTRAINT tender_check; UPDATE tender SET captured_minor = 301 WHERE id = 'T2'",
        {"tender: tender T2"},
    ),
    "a hold that nobody holds": (
        "UPDATE account SET held = held + 1 WHERE kind = 1",
        {"holds: card account *"},
    ),
    "a lost deadline": ("DELETE FROM timer WHERE kind = 'hold' AND key = 'T1'", {"deadline: tender T1"}),
    "a document that waits for nothing": ("DELETE FROM parked", {"waiting: scm.return.completed R9"}),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_planted_fault_is_named(traded: asyncpg.Connection, database: str, fault: str) -> None:
    assert (await found(database)).findings == []
    statement, expected = FAULTS[fault]
    await traded.execute(statement)
    made = await found(database)
    named = {f"{one.check}: {one.about}" for one in made.findings if one.orgcode in ("acme", "")}
    for wanted in expected:
        assert any(name.startswith(wanted.rstrip("*")) for name in named), (wanted, made.findings)
    assert not made.is_clean


async def test_finance_is_told_as_of_any_instant(desk: Desk, database: str, connection: asyncpg.Connection) -> None:
    await desk.apply(CUSTOMER)
    await desk.apply("issue I1 G 5000", "earn E1 C 100")
    await connection.execute(NO_TRIGGERS)
    await connection.execute("UPDATE batch SET decided_at = now() - interval '40 days'")
    await desk.apply("redeem X1 C 40")
    await connection.execute("UPDATE batch SET decided_at = now() WHERE decided_at < now() - interval '41 days'")
    now = await found(database)
    assert {(one.kind, one.unit, one.origin, one.age, one.positive) for one in now.finance.liabilities} == {
        ("points", "points", "points", "up to 30 days", 60),
        ("gift cards", "GBP", "issued free", "up to 90 days", 5000),
    }
    then = await found(database, datetime.now(UTC) - timedelta(days=1))
    assert {(one.unit, one.positive) for one in then.finance.liabilities} == {("points", 100), ("GBP", 5000)}
    assert {(one.contra, one.issued, one.taken) for one in now.finance.trial} == {
        ("earned", 100, 0), ("redeemed", 0, 40), ("issued", 5000, 0),
    }  # fmt: skip


async def test_the_report_in_each_format(traded: asyncpg.Connection, database: str) -> None:
    await traded.execute("UPDATE account SET balance = balance + 1 WHERE key = 'C'")
    made = await found(database)
    lines = list(report.text(made))
    assert "  balance: acme points account C" in lines
    assert max(map(len, lines)) <= 100
    told = json.loads(report.as_json(made))
    assert told["clean"] is False
    assert {"check": "balance", "orgcode": "acme", "about": "points account C"}.items() <= told["findings"][0].items()
    tables = [list(csv.reader(io.StringIO(part))) for part in report.as_csv(made).split("\n\n")]
    assert [part[0][0] for part in tables] == ["check", "orgcode", "orgcode"]
    html = page.page(made)
    assert "http" not in html
    assert "<svg" in html

    class Balanced(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            del attrs
            if tag not in ("html", "meta", "rect"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balanced()
    parser.feed(html.replace("/>", ">"))
    assert parser.open == []


async def test_the_exit_status(traded: asyncpg.Connection, database: str) -> None:
    settings = {"G3N_POSTGRES_DSN": database, "G3N_CARD_KEY": "5ec2e7" * 11}
    clean = await g3n(settings, "worker", "audit")
    assert (clean.code, clean.err) == (0, "")
    assert clean.out.endswith("All is accounted for.\n")
    await traded.execute("UPDATE account SET balance = balance + 1 WHERE key = 'C'")
    wrong = await g3n(settings, "worker", "audit", "--format", "csv")
    assert wrong.code == 1
    assert 'balance,acme,points account C,"has ' in wrong.out
