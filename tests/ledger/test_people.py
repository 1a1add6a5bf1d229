"""After a merge every id leads to one person: profiles, updates, status, erasure (contract CUST1–5)."""

from typing import Any

import asyncpg

from tests.codec.records import Record
from tests.ledger.conftest import Open, Worker, said
from tests.ledger.documents import command, sold
from tests.ledger.measure import measured
from tests.upgrade import release
from worker.ledger.queries import SQL
from worker.ledger.setup import set_up
from worker.ledger.unfolded import STEP, fold
from worker.stored.account import account_of

PROFILE = {"name": "Ada Example", "email": "ada@example.com", "phone": "+441632960001", "external_ids": {"shop": "7"}}
PROFILES = """
SELECT a.key, c.name, c.email, c.phone, c.external_ids::text, c.erased_at IS NOT NULL AS erased
FROM customer c JOIN account a ON a.id = c.account_id ORDER BY a.key
"""
CHAIN = 300


def create(customer_id: str, **profile: Any) -> Record:  # noqa: ANN401  members of a profile
    return command("customer.create", f"new-{customer_id}", customer_id=customer_id, **profile)


def merge(source: str, into: str) -> Record:
    return command("customer.merge", f"{source}-{into}", from_customer_id=source, into_customer_id=into)


async def profiles(connection: asyncpg.Connection) -> dict[str, tuple[object, ...]]:
    return {key: tuple(rest) for key, *rest in await connection.fetch(PROFILES)}


async def statuses(worker: Worker, *records: Record) -> list[str]:
    return [one["data"]["status"] for record in records for one in said((await worker.read([record])).messages)]


async def test_missing_members_of_the_profile_come_from_the_merged_id(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    await worker.read([create("A", **PROFILE), create("B", name="Grace", external_ids={"web": "9"}), merge("A", "B")])
    await worker.read([create("D"), create("E", **PROFILE), merge("E", "D")])
    told = await profiles(connection)
    assert told["B"] == ("Grace", PROFILE["email"], PROFILE["phone"], '{"web": "9", "shop": "7"}', False)
    assert told["D"] == (*list(PROFILE.values())[:3], '{"shop": "7"}', False)


async def test_a_consent_of_any_id_counts_for_the_person(worker: Worker) -> None:
    """The one with the latest `occurred_at`, whichever id it was said under, and before or after the merge."""
    campaign = {"id": "spring", "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "factor": "3",
                "needs_consent": "marketing"}  # fmt: skip
    policy = {"policy": {"earn": {"campaigns": [campaign]}}, "effective_from": "2020-01-01T00:00:00Z"}
    consent = {"purpose": "marketing", "granted": True}
    await worker.read([command("policy.put", "P", **policy), *(create(id_) for id_ in "ABC")])
    await worker.read([command("consent.set", "Y", customer_id="B", **consent), merge("A", "B"), merge("B", "C")])
    changes = []
    for n, id_ in enumerate("ABC"):
        (sale,) = said((await worker.read([sold(f"S{n}", customer_id=id_)])).messages)
        changes.append(sale["data"]["points"]["change"])
    assert changes == [30, 30, 30]


async def test_an_update_of_any_id_reaches_the_person(worker: Worker, connection: asyncpg.Connection) -> None:
    await worker.read([create(id_, **PROFILE) for id_ in "ABC"])
    await worker.read([merge("A", "B"), merge("B", "C")])
    new = {"phone": "+441632960099", "status": "blocked"}
    assert await statuses(worker, command("customer.update", "U", customer_id="A", **new)) == ["applied"]
    assert (await profiles(connection))["C"][2] == new["phone"]
    assert (await profiles(connection))["A"][2] == PROFILE["phone"]
    blocked = [command("loyalty.earn", f"E-{id_}", customer_id=id_, points=1) for id_ in "ABC"]
    assert await statuses(worker, *blocked) == ["rejected"] * 3
    unblock = command("customer.update", "V", customer_id="B", status="active")
    again = [command("loyalty.earn", f"F-{id_}", customer_id=id_, points=1) for id_ in "ABC"]
    assert await statuses(worker, unblock, *again) == ["applied"] * 4


async def test_erasing_any_id_empties_all(worker: Worker, connection: asyncpg.Connection) -> None:
    await worker.read([create(id_, **PROFILE) for id_ in "ABCDE"])
    await worker.read([merge("A", "B"), merge("B", "C"), merge("D", "C")])
    assert await statuses(worker, command("customer.erase", "X", customer_id="B", reason="asked")) == ["applied"]
    told = await profiles(connection)
    assert {told[id_] for id_ in "ABCD"} == {(None, None, None, None, True)}
    assert told["E"][0] == PROFILE["name"]
    again = [command("customer.erase", f"X-{id_}", customer_id=id_, reason="asked") for id_ in "ABCD"]
    assert await statuses(worker, *again) == ["rejected"] * 4
    assert await statuses(worker, command("customer.update", "U", customer_id="A", name="Ada")) == ["rejected"]


async def everything(connection: asyncpg.Connection) -> str:
    """All rows of all tables as text."""
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows = [await connection.fetchval(f"SELECT string_agg(t::text, ' ') FROM {name} t") for (name,) in tables]
    return " ".join(filter(None, rows)).casefold()


async def test_no_copy_of_an_erased_person_is_left(worker: Worker, connection: asyncpg.Connection) -> None:
    """Neither as it was written nor folded, under no id and under no former name."""
    secrets = ("lovelace", "byron", "adelaide", "example.org", "7946 0018", "442079460018")
    ada = {"name": "Ada Lovelace", "email": "ADA@example.org", "phone": "+44 20 7946 0018"}
    await worker.read([create("A", **ada), create("B", name="Adélaïde"), merge("A", "B")])
    await worker.read([command("customer.update", "U", customer_id="B", name="Ada Byron-Lovelace")])
    before = await everything(connection)
    assert [one for one in secrets if one not in before] == ["adelaide"]
    await statuses(worker, command("customer.erase", "X", customer_id="A", reason="asked"))
    after = await everything(connection)
    assert [one for one in secrets if one in after] == []


async def test_an_erasure_by_an_earlier_version_empties_the_folded_copies(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    await worker.read([create("A", name="Ada Lovelace", email="ada@example.org", phone="+442079460018")])
    await connection.execute("UPDATE customer SET name = NULL, email = NULL, phone = NULL, erased_at = now()")
    after = await everything(connection)
    assert [one for one in ("lovelace", "example.org", "442079460018") if one in after] == []


async def test_profiles_of_an_earlier_version_are_folded(
    worker: Worker, connection: asyncpg.Connection, database: str
) -> None:
    """Any number of ids. In a merge, a name that is not folded yet does not get the other id's folded name."""
    await connection.execute(
        "INSERT INTO customer (org, account_id, name, email, phone)"
        " SELECT 1, -n, 'Zoë ' || n, 'É' || n || '@x', '+44 ' || n FROM generate_series(1, $1::integer) n", STEP + 1,
    )  # fmt: skip
    await connection.execute("INSERT INTO customer (org, account_id, erased_at) VALUES (1, 0, now())")
    said: list[str] = []
    assert await fold(connection, said.append) == STEP + 1
    assert said == ["customers: 1,001 can be found by name, e-mail and phone"]
    assert await fold(connection, said.append) == 0
    assert said[1:] == []
    columns = "SELECT name_folded, email_folded, phone_digits FROM customer WHERE account_id = -7"
    assert [tuple(row) for row in await connection.fetch(columns)] == [("zoe 7", "é7@x", "447")]
    names = await connection.fetch("SELECT name FROM customer_name WHERE account_id = -7 ORDER BY name")
    assert [row["name"] for row in names] == ["7 zoe", "zoe 7"]
    grace = "SELECT name_folded FROM customer WHERE name = 'Grace'"
    await worker.read([create("A", name="Ada Lovelace"), create("B", name="Grace")])
    await connection.execute("UPDATE customer SET name_folded = NULL WHERE name = 'Grace'")
    await worker.read([merge("A", "B")])
    assert await connection.fetchval(grace) is None
    await set_up(database)
    assert await connection.fetchval(grace) == "grace"


async def test_merged_and_erased_in_one_batch(worker: Worker, connection: asyncpg.Connection) -> None:
    erase = command("customer.erase", "X", customer_id="A", reason="asked")
    await worker.read([*(create(id_, **PROFILE) for id_ in "ABC"), merge("A", "B"), merge("B", "C"), erase])
    assert set((await profiles(connection)).values()) == {(None, None, None, None, True)}


async def test_a_chain_of_merges_is_one_step_long(another: Open, connection: asyncpg.Connection) -> None:
    """A customer who was merged three hundred times is found as fast as one who was merged once."""
    worker = await another()
    await worker.read(create(f"C{n}") for n in range(CHAIN + 1))
    await worker.read(merge(f"C{n}", f"C{n + 1}") for n in range(100))
    for n in range(100, CHAIN):
        await worker.read([merge(f"C{n}", f"C{n + 1}")])
    await worker.read([command("loyalty.earn", "E", customer_id=f"C{CHAIN}", points=5)])
    last = await connection.fetch("SELECT DISTINCT owner FROM account WHERE kind = 0 AND key <> $1", f"C{CHAIN}")
    assert [row["owner"] for row in last] == [f"C{CHAIN}"]
    await worker.close()
    costs = []
    for customer_id in (f"C{CHAIN - 1}", "C0"):
        async with measured(connection) as cost:
            worker = await another()
            await statuses(worker, command("loyalty.earn", f"E-{customer_id}", customer_id=customer_id, points=1))
            await worker.close()
        costs.append(cost.buffers)
    assert costs[1] <= 1.1 * costs[0], costs


async def test_a_ledger_of_the_first_release_is_brought_up_to_this(empty_database: str) -> None:
    """C1 → C2 → C3 → C4 was a chain; C6 was erased, and C5, who had been merged into C6, kept the profile."""
    connection = await asyncpg.connect(empty_database)
    await release.restore(connection, "v0.1.0")
    org = await connection.fetchval("SELECT id FROM org WHERE code = 'by-hand'")
    keys = [f"C{n}" for n in range(1, 7)]
    load = (SQL["load_account"], [org] * 6, [0] * 6, keys)
    rows = await connection.fetch("SELECT *, NULL::bytea AS past FROM account WHERE org = $1 AND kind = 0", org)
    before = {row["key"]: account_of(row) for row in rows}
    await set_up(empty_database)
    after = {row["key"]: account_of(row) for row in await connection.fetch(*load)}
    assert [after[key].target for key in keys] == [(0, "C4"), (0, "C4"), (0, "C4"), (2, "P"), (0, "C6"), None]
    assert [after[key].owner_log for key in keys] == [before[key].owner_log for key in keys]
    owners = await connection.fetch("SELECT key, owner FROM account WHERE org = $1 AND kind = 0 ORDER BY key", org)
    assert [row["owner"] for row in owners][:6] == ["C4", "C4", "C4", "P", "C6", None]
    told = {
        key: rest for key, *rest in await connection.fetch(PROFILES.replace("ORDER", "WHERE c.org = $1 ORDER"), org)
    }
    assert told["C5"] == told["C6"] == [None, None, None, None, True]
    assert told["C1"][0] == PROFILE["name"]
    await connection.close()
