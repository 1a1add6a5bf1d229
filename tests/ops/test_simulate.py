"""A simulated document leaves no trace, and is decided afterwards exactly as simulated."""

import asyncpg
import pytest
from prometheus_client import generate_latest

from tests.ops.conftest import Desk
from worker.engine.rehearsal import Conflict
from worker.ops.simulate import Invalid, simulate
from worker.process import metrics

GIVEN = (
    "customer C",
    "earn E1 C 2000",
    "issue I1 G 5000",
    "request T1 points C 401",
    "sale S0 C 1:1000",
    "redeem K0 C 10",
)
DOCUMENTS = (
    "sale S1 C 1:1500 2:500 3:2000>H T1=points:401 =cash:3599",
    "sale S2 nobody 1:1500",
    "sale S3 C 1:1500 T9=card:500",
    "return R1 S0 C 1:400",
    "return R2 S9 C 1:400",
    "void S0",
    "void S8",
    "request T2 card G 4000 sale_id=S7",
    "request T3 card G 9000",
    "capture T1 300",
    "capture T8",
    "cancel T1",
    "customer D",
    "create K1 C",
    'policy {"negative_balance":"within_balance"}',
    "join K2 C family",
    "restore K3 crm.loyalty.redeem:K0",
    "issue I2 J 1000",
    "block C",
    "forget K4 C asked",
)


async def ledger(connection: asyncpg.Connection) -> dict[str, object]:
    """Every row of every table, and where each sequence stands."""
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    rows: dict[str, object] = {
        name: await connection.fetchval(f"SELECT (count(*), array_agg(t::text ORDER BY t::text))::text FROM {name} t")
        for (name,) in tables
    }
    sequences = await connection.fetch("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
    return rows | {row["sequencename"]: row["last_value"] for row in sequences}


def counted() -> list[bytes]:
    lines = generate_latest(metrics.REGISTRY).splitlines()
    return [line for line in lines if line.startswith(b"g3n_")]


async def test_it_leaves_no_trace_and_equals_what_apply_says(desk: Desk, connection: asyncpg.Connection) -> None:
    for text in GIVEN:
        await desk.apply(text)
    for text in DOCUMENTS:
        before, counts = await ledger(connection), counted()
        simulated = await desk.simulate(text)
        assert await desk.simulate(text) == simulated
        assert await ledger(connection) == before
        assert counted() == counts
        assert await desk.apply(text) == simulated
        assert await ledger(connection) != before


async def test_a_tenant_that_is_not_known_stays_unknown(desk: Desk, connection: asyncpg.Connection) -> None:
    (outcome,) = await desk.simulate("customer C")
    assert outcome["data"]["status"] == "applied"
    assert await connection.fetchval("SELECT count(*) FROM org") == 0


async def test_a_known_document_gets_its_stored_outcomes(desk: Desk, connection: asyncpg.Connection) -> None:
    await desk.apply("customer C")
    applied = await desk.apply("sale S1 C 1:1000")
    await desk.apply("sale S2 C 1:1000")
    before, counts = await ledger(connection), counted()
    assert await desk.simulate("sale S1 C 1:1000") == applied
    with pytest.raises(Conflict):
        await desk.simulate("sale S1 C 1:1001")
    assert await ledger(connection) == before
    assert counted() == counts


async def test_nothing_stays_locked(desk: Desk) -> None:
    await desk.apply("customer C")
    simulated = await desk.simulate("sale S1 C 1:1000")
    assert await desk.apply("sale S2 C 1:1000", "sale S1 C 1:1000") != simulated
    assert (await desk.simulate("sale S3 C 1:1000"))[0]["data"]["points"]["balance"] == 30


PIN_CARD = ("issue I1 G 5000 pin=4711", "customer C", "link K0 G C", "issue I2 H 700")
ON_THE_CARD = (
    ("request T1 card G 100", "approved"),
    ("request T2 card G 9000", "declined"),
    ("request T3 card G 9000 partial", "partial"),
    ("spend K1 G 100", "applied"),
    ("freeze K2 G", "applied"),
    ("reload K3 G 5", "applied"),
    ("transfer K4 G H 100", "applied"),
    ("return R1 - - 1:100 card>G:50", "applied"),
)


@pytest.mark.parametrize(("text", "status"), ON_THE_CARD)
async def test_of_a_card_with_a_pin_it_shows_nothing(desk: Desk, text: str, status: str) -> None:
    """It counts as accepted; but who simulates has not shown to know the PIN."""
    await desk.apply(*PIN_CARD)
    (outcome,) = await desk.simulate(text)
    assert outcome["data"]["status"] == status
    shown = outcome["data"].get("gift_cards", [])
    assert [part["balance_minor"] for part in shown] == ([800] if text.startswith("transfer") else [])
    assert "customer_id" not in outcome["data"]
    assert "tender" not in outcome["data"]
    trusted = (await desk.simulate(text, trusted=True))[0]["data"]
    assert len(trusted["gift_cards"]) == len(shown) + 1


@pytest.mark.parametrize("pin", ["4711", "0000"])
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("request T1 card G 100 pin={}", "gift_card.pin"),
        ("spend K1 G 100 pin={}", "gift_card.pin"),
        ("transfer K4 G H 100 pin={}", "from_card.pin"),
        ("issue I9 M 100 pin={}", "pin"),
    ],
)
async def test_it_takes_no_pin(desk: Desk, connection: asyncpg.Connection, text: str, where: str, pin: str) -> None:
    await desk.apply(*PIN_CARD)
    before = await ledger(connection)
    event = desk.record(text.format(pin))
    with pytest.raises(Invalid, match=f"^invalid: {where}: a simulation takes no PIN$"):
        await simulate(desk.pipeline, event.value or b"")
    assert await ledger(connection) == before
