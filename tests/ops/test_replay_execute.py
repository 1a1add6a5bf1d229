"""The execution of a replay does what its plan says, row for row and byte for byte, through kill -9, too."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kafka_io import Published, Reading
from tests.language.documents import Clock
from tests.ops.commands import g3n
from tests.ops.replaying import Shop, settings_of
from worker.engine.pipeline import Pipeline
from worker.kafka import topics
from worker.ops.replay import commands, saved
from worker.ops.replay.plan import Outcomes
from worker.process.errors import OperatorError

GIVEN = ("customer C", "issue I1 G 5000", "sale S0 C 1:1000")
RANGE = (
    "return R1 S1 C 1:500",
    "request T1 card G 700",
    "sale S1 C 1:1099 T1=card:700",
    "return R2 S9 C 1:5",
    GIVEN[2],
)
ONCE = "SELECT count(*), count(DISTINCT (org, type, subject)) FROM event WHERE digest IS NOT NULL"


@pytest.fixture
def shop(environment: dict[str, str]) -> Shop:
    return Shop(settings_of(environment), Clock(datetime.now(UTC).replace(microsecond=0)))


async def outcomes(shop: Shop) -> list[Published]:
    names = topics.from_settings(shop.settings)
    async with Reading(shop.settings.kafka_bootstrap_servers, [names.outcomes, names.tender_outcomes]) as reading:
        return await reading.rest()


def values(seen: Sequence[Any]) -> list[bytes]:
    return sorted(one.record.value if isinstance(one, Published) else one.value for one in seen)


async def test_a_plan_equals_its_execution(shop: Shop, connection: asyncpg.Connection, tmp_path: Path) -> None:
    await shop.publish(*GIVEN)
    await shop.consume()
    await shop.publish(*RANGE)
    plan = await shop.plan()
    said = await shop.execute(plan, tmp_path / "plan")
    assert not [line for line in said if "differs" in line]
    assert re.search(r"^new +4 +4$", "\n".join(said), re.MULTILINE)
    stored = {
        row["key"]: (row["balance"], row["held"], row["version"])
        for row in await connection.fetch("SELECT key, balance, held, version FROM account")
    }
    assert {one.id: one.after for one in plan.accounts()} == {one.id: stored[one.id] for one in plan.accounts()}
    assert await connection.fetch("SELECT * FROM imbalance") == []
    seen = await outcomes(shop)
    assert len(seen) == sum(row["new"] for row in plan.head["tally"]["messages"])
    assert not any("crm-replayed" in one.headers for one in seen)
    assert (await shop.plan()).head["tally"]["new"] == 0


async def test_with_all_the_stored_bytes_are_published_again(
    shop: Shop, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await shop.publish(*GIVEN, *RANGE)
    first = await shop.consume()
    rows = await connection.fetch("SELECT * FROM event ORDER BY org, type, subject")
    await shop.execute(await shop.plan(Outcomes.ALL), tmp_path / "plan")
    assert await connection.fetch("SELECT * FROM event ORDER BY org, type, subject") == rows
    seen = await outcomes(shop)
    assert set(values(seen)) == set(values(first))
    assert {one.headers["crm-replayed"] for one in seen} == {"true"}


@pytest.mark.parametrize("chosen", [Outcomes.NONE, Outcomes.NEW])
async def test_outcomes_are_kept_back_or_sent_to_one_requester(
    shop: Shop, environment: dict[str, str], tmp_path: Path, chosen: Outcomes
) -> None:
    """Nobody publishes the rest later."""
    await shop.publish(*GIVEN)
    to = environment["G3N_TOPIC_PREFIX"] + "requester"
    with pytest.raises(OperatorError, match=f"no such topic: {to}; create the requester's topic first"):
        await shop.plan(chosen, to=to)
    with pytest.raises(OperatorError, match="is an input or a dead-letter topic"):
        await shop.plan(chosen, to=topics.from_settings(shop.settings).inputs[0])
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(to, 1, 1)])
    await admin.close()
    await shop.execute(await shop.plan(chosen, to=to), tmp_path / "plan")
    pipeline = await Pipeline.open(shop.settings)
    assert await pipeline.catch_up() is None
    await pipeline.close()
    assert await outcomes(shop) == []
    if chosen is Outcomes.NEW:
        async with Reading(shop.settings.kafka_bootstrap_servers, [to]) as reading:
            assert len(await reading.take(3)) == 3


async def test_a_stale_plan_is_refused_and_names_what_has_changed(shop: Shop, tmp_path: Path) -> None:
    await shop.publish(*GIVEN)
    await shop.consume()
    await shop.publish("sale S1 C 1:1099")
    plan = await shop.plan()
    plan.head |= {"code": "0.0.9", "keys": ["00"], "policies": {"acme": 7}}
    await shop.publish("sale S2 C 1:100", partition=1)
    shop.read_to[topics.from_settings(shop.settings).inputs[0], 0] = 9
    await shop.consume()
    with pytest.raises(commands.Stale) as stale:
        await shop.start(plan, tmp_path / "plan")
    assert [line.partition(":")[0] for line in stale.value.changes] == [
        "the program", "the card keys", "the policy of acme", "points account C of acme",
    ]  # fmt: skip


async def test_kill_9_and_resume(
    shop: Shop, environment: dict[str, str], connection: asyncpg.Connection, tmp_path: Path
) -> None:
    """Killed after the commit of its second slice, before that is published."""
    await shop.publish(*GIVEN)
    await shop.consume()
    await shop.publish(*RANGE)
    plan = await shop.plan()
    balance = next(one.after[0] for one in plan.accounts() if one.id == "C")
    file = tmp_path / "replay.plan"
    file.write_bytes(b"".join(line + b"\n" for line in saved.lines(plan)))
    killed = await g3n({**environment, "G3N_FAULT": "after_commit:2"}, "worker", "replay", "--execute", str(file))
    assert killed.code == 137, killed.err
    shown = await g3n(environment, "worker", "operations", "list", "--json")
    (operation,) = json.loads(shown.out)
    assert (operation["state"], operation["done"]) == ("interrupted", 2)
    resumed = await g3n(environment, "worker", "operations", "resume", str(operation["id"]))
    assert resumed.code == 0, resumed.err
    assert list(await connection.fetchrow(ONCE) or ()) == [len({*GIVEN, *RANGE})] * 2
    assert await connection.fetch("SELECT * FROM imbalance") == []
    assert await connection.fetchval("SELECT balance FROM account WHERE key = 'C'") == balance
    pipeline = await Pipeline.open(shop.settings)
    swept = await pipeline.catch_up()
    await pipeline.close()
    assert swept is not None
    said = set(values(await outcomes(shop)) + values(swept.messages))  # at least once, and each id one text
    assert len({json.loads(value)["id"] for value in said}) == len(said)
    assert len(said) == sum(row["new"] for row in plan.head["tally"]["messages"])
