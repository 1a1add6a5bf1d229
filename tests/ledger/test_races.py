"""Two workers on one ledger at the same time: none misses the other, and nothing is done twice."""

import asyncio
import random
from collections import defaultdict

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.codec.records import NOW_MS, Record
from tests.domain.documents import Said
from tests.domain.test_order import worlds
from tests.ledger.conftest import NOW_US, Open, Worker, record, said
from tests.ledger.documents import AT, CARD, about, command, request, sold
from tests.ledger.test_pipeline import bare

PAIRS = 100


def returned(number: int) -> Record:
    return record("scm.return.completed", {"return_id": f"R{number}", "sale_id": f"S{number}", "occurred_at": AT,
                  "currency": "GBP", "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": 400}]})  # fmt: skip


# Pairs that meet, and what came before them.
RACES = {
    "a return and its sale": lambda n: (returned(n), sold(f"S{n}", customer_id=f"C{n}")),
    "a claim and a sale": lambda n: (
        command("customer.create", f"N{n}", customer_id=f"C{n}"), sold(f"S{n}", customer_id=f"C{n}"),
    ),
    "a void and a request": lambda n: (
        about("scm.tender.voided", "tender_id", f"T{n}"), request(f"T{n}", 1, capture=True),
    ),
    "a void and a return": lambda n: (about("scm.return.voided", "return_id", f"R{n}"), returned(n)),
    "a void and a sale": lambda n: (about("scm.sale.voided", "sale_id", f"S{n}"), sold(f"S{n}", customer_id=f"C{n}")),
    "a capture and a request": lambda n: (about("scm.tender.captured", "tender_id", f"T{n}"), request(f"T{n}", 1)),
}  # fmt: skip
BEFORE = {
    "a void and a return": lambda n: [sold(f"S{n}", customer_id=f"C{n}")],
    "a capture and a void of a hold": lambda n: [request(f"T{n}", 1)],
    "two refunds": lambda n: [request(f"T{n}", 1, capture=True)],
    "two returns": lambda n: [sold(f"S{n}", customer_id=f"C{n}")],
}
BALANCES = {
    "a return and its sale": 6,
    "a claim and a sale": 10,
    "a void and a request": None,
    "a void and a return": 10,
    "a void and a sale": 0,
    "a capture and a request": None,
}


BLOCKED = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
)


async def blocked(connection: asyncpg.Connection, sessions: int) -> None:
    """Return when this many sessions wait for a lock."""
    while await connection.fetchval(BLOCKED) < sessions:  # noqa: ASYNC110  only Postgres knows it
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("race", sorted(RACES))
async def test_none_misses_the_other(another: Open, connection: asyncpg.Connection, race: str) -> None:
    one, other = await another(), await another()
    await one.read([command("giftcard.issue", "I", **CARD)])
    for number in range(PAIRS):
        pair = RACES[race](number)
        await one.read(BEFORE.get(race, lambda _: [])(number))
        await asyncio.gather(*(worker.read([sent]) for worker, sent in zip((one, other), pair, strict=True)))
    await asyncio.gather(one.rest(), other.rest())
    assert await connection.fetch("SELECT subject FROM parked") == []
    assert await connection.fetch("SELECT * FROM imbalance") == []
    balances = await connection.fetch("SELECT DISTINCT balance FROM account WHERE kind = 0")
    assert {row["balance"] for row in balances} <= {BALANCES[race]}
    standings = await connection.fetch("SELECT DISTINCT standing FROM account WHERE kind = 0")
    assert {row["standing"] for row in standings} <= ({1} if "claim" in race else {0})
    states = {row["state"] for row in await connection.fetch("SELECT DISTINCT state FROM tender")}
    assert states <= ({6} if "void" in race else {3})
    card = await connection.fetchval("SELECT balance FROM account WHERE kind = 1")
    assert card == (500 - PAIRS if "capture" in race else 500)


async def test_the_same_documents_at_the_same_time(another: Open, connection: asyncpg.Connection) -> None:
    workers = [await another(), await another()]
    await workers[0].read([command("giftcard.issue", "I", **CARD)])
    told: dict[str, set[bytes | None]] = defaultdict(set)
    chance = random.Random(7)
    for number in range(30):
        records = [sold(f"S{number}-{n}", customer_id=f"C{n % 3}") for n in range(20)]
        records += [request(f"T{number}-{n}", 1, capture=True) for n in range(5)]
        batches = [chance.sample(records, len(records)) for _ in workers]
        results = await asyncio.gather(*(w.read(batch) for w, batch in zip(workers, batches, strict=True)))
        for result in results:
            assert len(result.messages) == len(records)
            for message, one in zip(result.messages, said(result.messages), strict=True):
                told[one["id"]].add(message.value)
    assert len(told) == 30 * 25
    assert all(len(values) == 1 for values in told.values())
    balances = {row["key"]: row["balance"] for row in await connection.fetch("SELECT * FROM account WHERE kind = 0")}
    assert balances == {"C0": 30 * 7 * 10, "C1": 30 * 7 * 10, "C2": 30 * 6 * 10}
    assert await connection.fetchval("SELECT balance FROM account WHERE kind = 1") == 500 - 30 * 5
    assert await connection.fetch("SELECT * FROM imbalance") == []


async def test_a_sale_that_is_waited_for_comes_to_both_at_once(another: Open, connection: asyncpg.Connection) -> None:
    """Both have seen that it is not decided; the one that gets the lock later has to look again."""
    workers = [await another(), await another()]
    await workers[0].read([command("customer.create", "N", customer_id="C"), returned(1)])
    async with connection.transaction():
        await connection.execute("SELECT FROM event WHERE subject = 'S1' FOR UPDATE")
        both = asyncio.gather(*(worker.read([sold("S1", customer_id="C")]) for worker in workers))
        await blocked(connection, len(workers))
    said_by_both = sorted(([one.value for one in applied.messages] for applied in await both), key=len)
    assert said_by_both[0] == said_by_both[1][:1]
    assert len(said_by_both[1]) == 2  # the one that decides the sale decides the return right after it
    assert await connection.fetchval("SELECT balance FROM account WHERE kind = 0 AND key = 'C'") == 6


async def test_parked_documents_are_decided_again_after_a_collision(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    """The account that the return opens is there already when it is written."""
    refunds = [{"refund_id": "1", "kind": "gift_card", "tender_id": "T1", "amount_minor": 1}]
    waiting = {"return_id": "R", "occurred_at": AT, "currency": "GBP", "customer_id": "C", "refunds": refunds}
    lines = [{"line_id": 1, "sku": "x", "net_minor": 400}]
    await worker.read([command("giftcard.issue", "I", **CARD)])
    records = [record("scm.return.completed", {**waiting, "lines": lines}), request("T1", 1, capture=True)]
    await worker.apply(worker.decode(records, NOW_US), {}, in_turn=False)
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO account (id, balance, held, deficit, version, org, kind, standing, key, currency)"
            " SELECT nextval('account_id'), 50, 0, 0, 1, id, 0, 0, 'C', '' FROM org"
        )
        working = asyncio.create_task(worker.rest())
        await blocked(connection, 1)
    told = {one["subject"]: one["data"]["status"] for one in said(await working)}
    assert told["R"] == "applied"
    assert await connection.fetchval("SELECT balance FROM account WHERE kind = 0 AND key = 'C'") == 46


async def totals(connection: asyncpg.Connection, org: str) -> dict[str, tuple[int, int]]:
    """(balance, held) by customer, and by what is on a card's number."""
    rows = await connection.fetch(
        "SELECT coalesce(encode(n.token, 'hex'), a.key) AS key, a.balance, a.held FROM account a"
        " JOIN org o ON o.id = a.org LEFT JOIN card_number n ON n.org = a.org AND n.card_id = a.key"
        " WHERE o.code = $1 AND (a.balance <> 0 OR a.held <> 0)",
        org,
    )
    return {row["key"]: (row["balance"], row["held"]) for row in rows}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds(), data=st.data())
async def test_duplicates_and_batches_change_nothing(
    worker: Worker,
    connection: asyncpg.Connection,
    world: tuple[list[Said], list[Said], list[Said]],
    data: st.DataObject,
) -> None:
    """The same facts once, one by one; and some of them twice, in batches as they fall."""
    documents = [one for part in world for one in part]

    def then(one: Said, org: str) -> Record:
        sent = record(*one, org)
        sent.timestamp = NOW_MS  # of the facts, so that no request is too late
        return sent

    number = await connection.fetchval("SELECT count(*) FROM org")
    plain, mixed = f"a{number}", f"a{number}-again"
    for one in documents:
        await worker.drained([then(one, plain)])
    twice = [one for one in documents for _ in range(data.draw(st.integers(1, 3)))]
    cut = sorted(data.draw(st.sets(st.integers(1, len(twice) - 1), max_size=4)))
    for low, high in zip([0, *cut], [*cut, len(twice)], strict=True):
        await worker.drained([then(one, mixed) for one in twice[low:high]])
    first, again = await totals(connection, plain), await totals(connection, mixed)
    assert sorted(first.values()) == sorted(again.values())
    known = "SELECT count(*) FROM event e JOIN org o ON o.id = e.org WHERE o.code = $1 AND digest IS NOT NULL"
    assert await connection.fetchval(known, plain) == await connection.fetchval(known, mixed)
    replayed = await worker.drained([then(one, mixed) for one in documents])
    assert await totals(connection, mixed) == again
    assert all(message.headers for message in replayed)
    assert len(bare(replayed)) >= len(documents)
