"""A plan of a replay says what would happen, and does nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.kafka_io import Record, publish
from tests.language.documents import Clock
from tests.ops.replaying import Shop, settings_of
from worker.kafka.ranges import Bounds
from worker.ops.replay import report, saved
from worker.ops.replay.plan import FORMAT, Outcomes, Plan
from worker.ops.replay.tally import AccountChange
from worker.process.errors import OperatorError


@pytest.fixture
def shop(environment: dict[str, str]) -> Shop:
    return Shop(settings_of(environment), Clock(datetime.now(UTC).replace(microsecond=0)))


def text(plan: Plan) -> str:
    return "\n".join(report.plan_text(plan.head, plan.accounts()))


def test_a_plan_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    path, head = tmp_path / "a.plan", {"format": FORMAT, "slices": []}

    def interrupted() -> Iterator[AccountChange]:
        yield AccountChange("acme", "points", "C", "points", None, (1, 0, 1))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), saved.saving(path) as save:
        save(Plan(head, interrupted, {}))
    assert [*tmp_path.iterdir()] == []
    with saved.saving(path) as save:
        save(Plan(head, lambda: iter(()), {b"key": b"print"}))
    assert [*tmp_path.iterdir()] == [path]
    assert [*saved.Saved(path).reads()] == [(b"key", b"print")]
    with pytest.raises(OperatorError, match="can't be written: No such file"), saved.saving(tmp_path / "no" / "a.plan"):
        pass


async def test_a_replay_of_known_documents_publishes_nothing(shop: Shop) -> None:
    await shop.publish("customer C", "sale S1 C 1:1099", "return R1 S1 C 1:500", "return R2 S2 C 1:500")
    said = await shop.consume()
    plan = await shop.plan()
    tally = plan.head["tally"]
    assert (tally["records"], tally["known"], tally["new"], tally["accounts"]) == (4, 4, 0, 0)
    assert report.published(plan.head) == {}
    assert text(plan).endswith("This replay changes nothing and publishes nothing.")
    again = await shop.plan(Outcomes.ALL)
    assert sum(report.published(again.head).values()) == len(said)
    assert text(again).endswith(f"This replay changes nothing and publishes {len(said)} messages.")


async def test_a_plan_is_cumulative_and_takes_no_locks(shop: Shop, connection: asyncpg.Connection) -> None:
    """A return is not parked whose sale is in the range; all rows may be locked by others meanwhile."""
    await shop.publish("customer C", "sale S0 C 1:1000", "issue I1 G 5000")
    await shop.consume()
    await shop.publish("return R1 S1 C 1:500", "return R2 S9 C 1:500")
    await shop.publish("sale S1 C 1:1099", "request T1 card G 700")
    counts = "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM transfer), (SELECT last_value FROM batch_no)"
    before = await connection.fetchrow(counts)
    async with connection.transaction():
        await connection.execute("SELECT FROM event FOR UPDATE")
        await connection.execute("SELECT FROM account FOR UPDATE")
        plan = await shop.plan()
    assert await connection.fetchrow(counts) == before
    tally = plan.head["tally"]
    assert (tally["known"], tally["new"], tally["parked"]) == (3, 4, 1)
    (account, card) = sorted(plan.accounts(), key=lambda one: one.kind, reverse=True)
    assert (account.id, account.before, account.after) == ("C", (10, 0, 2), (15, 0, 4))
    assert (card.before, card.after) == ((5000, 0, 1), (5000, 700, 2))
    assert tally["holds"] == [{"orgcode": "acme", "kind": "gift_card", "holds": 1, "amount_minor": 700}]
    assert {(row["contra"], row["way"]): row["amount"] for row in tally["booked"]} == {
        ("earned", "in"): 10, ("earned", "out"): 5,
    }  # fmt: skip


async def test_records_that_are_no_documents_are_counted_by_reason(shop: Shop) -> None:
    await shop.publish("sale S1 - 1:100")
    await shop.consume()
    await shop.publish("sale S1 - 1:200")
    topic = shop.settings.topic_prefix + "scm.sales"
    await publish(shop.settings.kafka_bootstrap_servers, [Record(topic, b"{", partition=0)])
    plan = await shop.plan()
    tally = plan.head["tally"]
    assert (tally["known"], tally["new"], tally["conflict"]) == (1, 0, 1)
    assert tally["dead_letters"] == {"conflict": 1, "not_json": 1}
    assert report.published(plan.head) == {}


async def test_a_range_is_chosen_by_topic_offset_time_and_document(shop: Shop) -> None:
    now = shop.clock.base
    await shop.publish("customer C", "customer D")
    await shop.publish(*(f"sale S{n} {who} 1:100" for n, who in enumerate("CDCDC")))
    await shop.publish("sale S5 C 1:100", partition=1)

    async def documents(**selected: Any) -> int:  # noqa: ANN401  members of a Selection
        tally = (await shop.plan(**selected)).head["tally"]
        return int(tally["records"] - tally["not_selected"])

    sales = (shop.settings.topic_prefix + "scm.sales",)
    assert await documents() == 8
    assert await documents(topics=sales) == 6
    assert await documents(topics=sales, partitions=frozenset({1})) == 1
    assert await documents(topics=sales, bounds=Bounds(from_offset=1, to_offset=2)) == 2
    assert await documents(customer_id="C") == 5
    assert await documents(subject="S3") == 1
    assert await documents(type="crm.customer.create", orgcode="acme") == 2
    assert await documents(orgcode="other") == 0
    ms = int(now.timestamp() * 1000)
    assert await documents(bounds=Bounds(since_ms=ms + 60_000_000)) == 0
    assert await documents(bounds=Bounds(until_ms=ms - 60_000_000)) == 0
    assert await documents(bounds=Bounds(since_ms=ms - 60_000_000, until_ms=ms + 60_000_000)) == 8
