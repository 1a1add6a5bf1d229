"""Tills, ledger and published outcomes tie out, whatever happened; what differs is named with its document."""

import json
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.e2e.chance import scenarios
from tests.kafka_io import Reading, Record, publish
from tests.language.play import Played
from tests.language.scenario import parse
from tests.ops.commands import Done, g3n
from tests.ops.test_audit import NO_TRIGGERS
from tests.ops.test_rebuild import World
from worker.kafka.topics import Topics

# A card is sold, pays, gets a refund and a load of a return; points pay; a sale of another day; a tender is declined.
DAY = """
## shop
customer C @-20d
earn E1 C 2000
sale S1 - 1:2500>G
request T1 card G 900
request T2 points C 300
request T3 card G 9900
sale S2 C 1:1500 T1=card:900 T2=points:300 =cash:300
sale S3 C 1:700 T3=card:700 @-2d
return R1 S2 C 1:1500 card:T1:400 points:T2:100 card>G:150
"""
OF_SHOP = "org = (SELECT id FROM org WHERE code = 'shop-1')"


@pytest.fixture
async def world(topics: Topics, environment: dict[str, str]) -> World:
    made = World(topics, environment)
    made.played = [Played(one) for one in parse(DAY, "shop")]
    return made


async def audited(world: World, *words: str) -> Done:
    return await g3n(world.environment, "worker", "audit", "--tie-out", *words)


async def test_whatever_happened_ties_out(world: World) -> None:
    world.played += [Played(one) for one in scenarios(40, 7)]
    await world.trade()
    done = await audited(world, "--format", "json")
    told = json.loads(done.out)
    assert (done.code, told["findings"]) == (0, [])
    today = f"{datetime.now(UTC).date()}"
    lines = {
        (one["day"] == today, one["store"], one["what"]): (one["asked"], one["short"], one["booked"], one["told"])
        for one in told["tie_out"]
        if one["orgcode"] == "shop-1"
    }
    assert lines == {
        (True, "store", "loaded on gift cards"): (2500, 0, 2500, 2500),
        (True, "store", "paid with gift cards"): (900, 0, 900, 900),
        (True, "store", "paid with points"): (300, 0, 300, 300),
        (False, "store", "paid with gift cards"): (700, 700, 0, 0),
        (True, "", "refunded to gift cards"): (400, 0, 400, 400),
        (True, "", "refunded to other gift cards"): (150, 0, 150, 150),
        (True, "", "refunded to points"): (100, 0, 100, 100),
    }


async def test_each_difference_is_named(world: World, connection: asyncpg.Connection) -> None:
    await world.trade()
    bootstrap, topics = world.settings.kafka_bootstrap_servers, world.topics
    async with Reading(bootstrap, [topics.outcomes]) as reading:
        [refund] = [one for one in await reading.rest() if (one.subject, one.data["status"]) == ("R1", "applied")]
    forged = (refund.record.value or b"").replace(b'"refunded_minor":400', b'"refunded_minor":300')
    foreign = forged.replace(refund.envelope["id"].encode(), b"f" * 32)
    [first, second] = await publish(
        bootstrap, [Record(topics.outcomes, value, b"C", partition=0) for value in (forged, foreign)]
    )
    await world.ask("## interface\ncustomer L")  # whose outcome nobody publishes
    await connection.execute(NO_TRIGGERS)
    await connection.execute("UPDATE batch SET published_at = now()")
    await connection.execute(f"UPDATE tender SET refunded_minor = 350 WHERE id = 'T1' AND {OF_SHOP}")
    of_sale = f"(SELECT no FROM event WHERE subject = 'S1' AND {OF_SHOP})"
    await connection.execute(f"UPDATE transfer SET amount = 2600 WHERE no = {of_sale} AND amount = 2500")
    await connection.execute(f"DELETE FROM event WHERE subject = 'S3' AND {OF_SHOP}")

    done = await audited(world, "--format", "json")
    assert done.code == 1
    found = [one for one in json.loads(done.out)["findings"] if one["check"] in ("published", "tie-out", "coverage")]
    today, named = f"{datetime.now(UTC).date()}", {one["about"].partition(" (")[0]: one["what"] for one in found}
    at = f"{topics.outcomes}-0 offset "
    lost = next(name for name, what in named.items() if what.startswith("crm.outcome.sale.completed S3"))
    [unaccounted] = [one["about"] for one in found if one["check"] == "coverage"]
    assert named == {
        f"{at}{first.offset}": "crm.outcome.return.completed R1 is not what the ledger says under its id",
        f"{at}{second.offset}": "crm.outcome.return.completed R1 is not an outcome of the ledger",
        lost: "crm.outcome.sale.completed S3 is not an outcome of the ledger",
        unaccounted: "was read, and is neither a document, a duplicate nor a dead letter",
        "crm.customer.create new-L": "has an outcome that is on no topic",
        "scm.sale.completed S1": "loaded on gift cards: 2500 asked, 2600 booked, 2500 told",
        "scm.sale.completed S3": "paid with gift cards: 700 asked, 0 booked, 0 told",
        "scm.return.completed R1": "refunded to gift cards: 400 asked, 350 booked, 300 told",
    }
    assert f"scm.return.completed R1 (no store, {today})" in {one["about"] for one in found}

    lines = (await audited(world)).out.splitlines()
    heading = lines.index("Tie-out by store and business day (minor units)")
    heads = ["tenant", "store", "day", "what", "currency", "documents", "asked", "short", "booked", "told"]
    assert lines[heading + 1].split() == heads
    assert "<h2>Tie-out by store and business day</h2>" in (await audited(world, "--format", "html")).out
    csv = (await audited(world, "--format", "csv")).out
    assert "\norgcode,store,day,what,currency,documents,asked,short,booked,told\nshop-1,,20" in csv
