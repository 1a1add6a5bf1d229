"""Documents that came in over HTTP go to crm.accepted, and can be read again from there (contract OUT5)."""

import json
from collections.abc import Sequence

import asyncpg
import pytest
from pydantic import SecretStr

from tests.api.conftest import Caller, rows
from tests.api.test_topics import LEFT, STEPS, swept
from tests.codec.records import Record
from tests.conftest import CARD_KEY
from tests.ledger.conftest import said
from worker.codec import Message
from worker.engine.pipeline import Pipeline
from worker.ledger import migrate as runner
from worker.ledger.setup import set_up

NOW_US = 1_780_000_000_000_000
PIN_CARD = {"gift_card": {"number": "6001 0000 0000 0001"}, "amount_minor": 1000, "currency": "GBP", "pin": "4711"}


def back(messages: Sequence[Message]) -> list[Record]:
    """The records, as they are read from the topic."""
    return [
        Record(message.value, message.headers, message.key, "crm.accepted", 0, offset, NOW_US // 1000)
        for offset, message in enumerate(messages)
    ]


async def told(worker: Pipeline) -> list[Message]:
    """Return the records that the sweep publishes to crm.accepted."""
    applied = await swept(worker)
    worker.published(applied.batch_no, applied.accepted)
    return applied.accepted


async def test_an_empty_ledger_that_reads_them_becomes_the_same(
    caller: Caller, worker: Pipeline, connection: asyncpg.Connection, empty_database: str
) -> None:
    for name, body, key in STEPS:
        await caller.post(name, body, key)
    at_the_interface = [await rows(connection, statement) for statement in LEFT]
    applied = await swept(worker)
    records = back(applied.accepted)
    assert len({record.key for record in records}) == len(STEPS)

    again = await worker.apply(worker.decode(records, NOW_US), {})
    assert (again.messages, again.batch_no) == ([], ()), "a known document publishes nothing"

    await set_up(empty_database)
    settings = caller.service.settings.model_copy(update={"postgres_dsn": SecretStr(empty_database)})
    restored = await Pipeline.open(settings)
    outcomes: list[Message] = []
    for record in records:
        outcomes += (await restored.apply(restored.decode([record], NOW_US), {})).messages
    await restored.close()
    other = await asyncpg.connect(empty_database)
    assert [await rows(other, statement) for statement in LEFT] == at_the_interface
    await other.close()
    first = {one["id"]: one["data"]["status"] for one in said(applied.messages)}
    assert {one["id"]: one["data"]["status"] for one in said(outcomes)} == first


async def test_a_record_holds_no_number_and_no_pin_and_nobody_else_can_write_one(
    caller: Caller, worker: Pipeline
) -> None:
    await caller.ok("giftcard.issue", PIN_CARD, "K1")
    other = {"gift_card": {"number": "6001 0000 0000 0002"}}
    await caller.ok("giftcard.issue", PIN_CARD | other, "K2")
    first, second = await told(worker)
    for message in (first, second):
        assert message.value is not None
        assert b"4711" not in message.value
        assert b"600100000000000" not in message.value
    pins = [json.loads(message.value or b"")["data"]["pin"] for message in (first, second)]
    assert pins[0] != pins[1], "the same PIN looks different on each card"

    forged = (first.value or b"").replace(b'"amount_minor":1000', b'"amount_minor":9000')
    assert forged != first.value
    [record] = back([Message(first.topic, first.key, forged, first.headers)])
    applied = await worker.apply(worker.decode([record], NOW_US), {})
    assert [message.topic for message in applied.messages] == ["crm.accepted-dlt"]
    assert dict(applied.messages[0].headers)["crm-reason"] == b"invalid"


async def test_they_are_recognised_after_a_change_of_the_card_key(caller: Caller, worker: Pipeline) -> None:
    await caller.ok("giftcard.issue", PIN_CARD, "K1")
    records = back(await told(worker))
    changed = caller.service.settings.model_copy(
        update={"card_key": SecretStr("1d" * 32), "card_keys_old": SecretStr(CARD_KEY)}
    )
    later = await Pipeline.open(changed)
    applied = await later.apply(later.decode(records, NOW_US), {})
    await later.close()
    assert applied.messages == []


async def test_erasing_a_customer_erases_the_records_with_a_profile(
    caller: Caller, worker: Pipeline, connection: asyncpg.Connection
) -> None:
    await caller.ok("customer.create", {"customer_id": "C", "name": "Ada"}, "K1")
    await caller.ok("customer.update", {"customer_id": "C", "email": "ada@example.org"}, "K2")
    await caller.ok("customer.create", {"customer_id": "D", "name": "Bob"}, "K3")
    profiles = await told(worker)
    await caller.ok("customer.erase", {"customer_id": "C", "reason": "asked"}, "K4")
    erased = [message for message in await told(worker) if message.value is None]
    assert {message.key for message in erased} == {message.key for message in profiles[:2]}
    assert await worker.catch_up() is None
    assert await connection.fetchval("SELECT count(*) FROM accepted") == 0
    assert worker.decode(back(erased), NOW_US).items == [], "a record without a value says nothing"


ADA = {"customer_id": "C", "name": "Ada"}
ERASE_C = ("customer.erase", {"customer_id": "C", "reason": "asked"}, "K9")


@pytest.mark.parametrize(
    "steps",
    [
        [("customer.create", ADA, "K1"), ("customer.update", ADA | {"name": "Ada L"}, "K2"), ERASE_C],
        [("customer.create", {"customer_id": "C"}, "K1"), ERASE_C, ("customer.update", ADA, "K2")],
        [("customer.create", {"customer_id": "C"}, "K1"), ERASE_C, ("customer.create", ADA, "K2")],
        [("customer.update", ADA, "K1"), ERASE_C],
    ],
    ids=["not yet published", "updated after the erasure", "created after the erasure", "under an id without a record"],
)
async def test_erasing_reaches_records_that_are_not_on_the_topic_yet(
    steps: list[tuple[str, dict[str, str], str]], caller: Caller, worker: Pipeline, connection: asyncpg.Connection
) -> None:
    for name, body, key in steps:
        await caller.post(name, body, key)
    documents = await connection.fetch("SELECT document FROM accepted WHERE document IS NOT NULL")
    assert b"Ada" not in b"".join(row["document"] for row in documents)
    records = await told(worker)
    assert b"Ada" not in b"".join(record.value or b"" for record in records)
    profiles = {f"acme/crm.{name}/{key}".encode() for name, body, key in steps if body is ADA or "name" in body}
    assert {record.key for record in records if record.value is None} >= profiles
    assert await worker.catch_up() is None
    assert await connection.fetchval("SELECT count(*) FROM accepted_profile") == 0


async def test_a_migration_erases_records_that_came_after_an_erasure(
    caller: Caller, worker: Pipeline, connection: asyncpg.Connection
) -> None:
    for name, body, key in (("customer.create", ADA, "K1"), ERASE_C, ("customer.create", {"customer_id": "D"}, "K2")):
        await caller.ok(name, body, key)
    await told(worker)
    assert await worker.catch_up() is None
    left = [(1, "C", b"late"), (1, "D", b"K2")]
    await connection.execute("DELETE FROM accepted_profile")
    await connection.copy_records_to_table("accepted_profile", records=left)
    await connection.execute((runner.FOLDER / "0033_erased_records.sql").read_text())
    assert [(record.key, record.value) for record in await told(worker)] == [(b"late", None)]
    assert await connection.fetchval("SELECT array_agg(key) FROM accepted_profile") == [b"K2"]
