"""The API beside the topics: the same rows, the same outcomes, and Kafka gone for a while (contract §3, §5)."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from schemas.operations import OPERATIONS
from tests.api.conftest import Caller, NewCaller, Serving, rows
from tests.api.test_every_route import OTHERWISE, WORLD
from tests.codec.records import Record
from tests.kafka_io import Reading
from tests.ledger.conftest import header, said
from worker.engine.messages import Applied
from worker.engine.pipeline import Pipeline
from worker.kafka.topics import Topics
from worker.ledger.setup import set_up

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STEPS = [
    *WORLD,
    *(
        (name, OTHERWISE[name], f"k-{name}")
        for name in ("giftcard.reload", "giftcard.transfer", "giftcard.link", "giftcard.freeze", "loyalty.restore")
    ),
    ("loyalty.redeem", {"customer_id": "C-1001", "points": 10**12}, "too-much"),
    ("tender.authorize", OTHERWISE["tender.authorize"] | {"tender_id": "T1"}, "T1"),
    ("tender.void", {"tender_id": "T1"}, "T1"),
    ("tender.capture", {"tender_id": "T2"}, "T2"),
]
# All that a document leaves, but for when it came and from where.
LEFT = (
    "SELECT type, status, subject, record IS NULL AS bare, digest FROM event ORDER BY 1, 3",
    "SELECT kind, key, balance, held, deficit, version, standing, currency, owner FROM account ORDER BY 1, 2",
    "SELECT debit, credit, amount FROM transfer ORDER BY no, debit, credit, amount",
    "SELECT id, state, kind, sale_id, requested_minor, approved_minor, captured_minor, refunded_minor FROM tender",
    "SELECT token, card_id FROM card_number ORDER BY 1",
    "SELECT name, email, phone, external_ids FROM customer ORDER BY account_id",
    "SELECT type, ready, subject, waits_for, waits_key FROM parked",
)


def as_record(step: tuple[str, dict[str, Any], str], at: str) -> Record:
    """The document that the interface makes of a request, as a till would publish it."""
    name, body, key = step
    operation = OPERATIONS[name]
    assert operation.document is not None
    assert operation.id_field is not None
    data = {**body, operation.id_field: key, "occurred_at": at}
    value = {"specversion": "1.0", "id": "e", "source": "/till", "type": operation.document, "subject": key,
             "orgcode": "acme", "data": data}  # fmt: skip
    return Record(json.dumps(value).encode(), timestamp=1_780_000_000_000)


async def test_the_same_operations_leave_the_same_rows(
    caller: Caller, connection: asyncpg.Connection, empty_database: str
) -> None:
    for name, body, key in STEPS:
        await caller.post(name, body, key)
    at_the_interface = [await rows(connection, statement) for statement in LEFT]
    assert [len(part) for part in at_the_interface] == [19, 6, 7, 3, 2, 3, 1]
    await set_up(empty_database)
    settings = caller.service.settings.model_copy(update={"postgres_dsn": SecretStr(empty_database)})
    topics = await Pipeline.open(settings)
    for step in STEPS:
        await topics.apply(topics.decode([as_record(step, "2026-05-28T20:26:40Z")], 1_780_000_000_000_000), {})
    await topics.close()
    other = await asyncpg.connect(empty_database)
    assert [await rows(other, statement) for statement in LEFT] == at_the_interface
    await other.close()


async def test_a_document_of_a_topic_and_a_request_are_one(caller: Caller, worker: Pipeline) -> None:
    """The first of the two is decided; the other one gets the stored answer."""
    first = await caller.post("loyalty.redeem", {"customer_id": "C", "points": 1}, "K1")
    step = ("loyalty.redeem", {"customer_id": "C", "points": 1}, "K1")
    applied = await worker.apply(worker.decode([as_record(step, "2026-05-28T20:26:40Z")], 1), {})
    (message,) = applied.messages
    assert header(message, "crm-replayed") == "true"
    assert said([message])[0]["data"] == first.json()["outcome"]
    await worker.apply(worker.decode([as_record((*step[:2], "K2"), "2026-05-28T20:26:40Z")], 1), {})
    answer = await caller.post("loyalty.redeem", {"customer_id": "C", "points": 1}, "K2")
    assert answer.headers["idempotency-replayed"] == "true"


# --- who publishes ---------------------------------------------------------------------------------------------------


async def swept(worker: Pipeline) -> Applied:
    worker._journal.sweep_at = 0.0
    applied = await worker.catch_up()
    assert applied is not None
    return applied


async def unpublished(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM batch WHERE published_at IS NULL"))


async def test_a_worker_publishes_what_came_in_at_the_interface(
    caller: Caller, worker: Pipeline, connection: asyncpg.Connection
) -> None:
    answers = [
        await caller.post("loyalty.redeem", {"customer_id": "C", "points": 1}, "K1", traceparent=TRACEPARENT),
        await caller.post("tender.void", {"tender_id": "T1"}),
    ]
    applied = await swept(worker)
    by_topic = {message.topic: message for message in applied.messages}
    assert list(by_topic) == ["crm.outcomes", "crm.tender-outcomes"]
    redeemed, voided = by_topic.values()
    assert redeemed.headers == (("traceparent", TRACEPARENT.encode()),)
    assert voided.headers == ()
    assert said([redeemed])[0]["data"] == answers[0].json()["outcome"]
    assert said([voided])[0]["data"] == answers[1].json()
    assert await unpublished(connection) == 2
    worker.published(applied.batch_no)
    assert await worker.catch_up() is None
    assert await unpublished(connection) == 0


async def test_two_workers_do_not_publish_the_same(caller: Caller, worker: Pipeline) -> None:
    other = await Pipeline.open(caller.service.settings)
    try:
        await caller.ok("customer.create", None, "K1")
        taken = await swept(worker)
        other._journal.sweep_at = worker._journal.sweep_at = 0.0
        await caller.ok("customer.create", None, "K2")
        assert [await one.catch_up() for one in (other, worker)] == [None, None], "until it is known published"
        worker.published(taken.batch_no)
        assert [one["subject"] for one in said((await swept(worker)).messages)] == ["K2"]
        worker.reset()  # what it took was dropped: it is taken again
        assert [one["subject"] for one in said((await swept(worker)).messages)] == ["K2"]
        assert worker._pool._alive is not None
        await worker._pool._alive.close()
        assert [one["subject"] for one in said((await swept(other)).messages)] == ["K2"]
    finally:
        await other.close()


async def test_an_outcome_parked_is_published_before_the_final_one(caller: Caller, worker: Pipeline) -> None:
    """The document that ends the wait comes on a topic, before a worker has published that there is one."""
    await caller.ok("tender.capture", {"tender_id": "T1"})
    step = ("tender.void", {"tender_id": "T1"}, "T1")
    applied = await worker.apply(worker.decode([as_record(step, "2026-05-28T20:26:40Z")], 1_780_000_000_000_000), {})
    told = [(one["type"], one["data"]["status"]) for one in said(applied.messages)]
    assert told == [
        ("crm.outcome.tender.voided", "applied"),
        ("crm.outcome.tender.captured", "parked"),
        ("crm.outcome.tender.captured", "rejected"),
    ]
    assert len({one["id"] for one in said(applied.messages)}) == 3


async def test_a_wait_that_begins_and_ends_at_the_api_is_published_in_order(caller: Caller, worker: Pipeline) -> None:
    await caller.ok("tender.capture", {"tender_id": "T1"})
    await caller.ok("tender.void", {"tender_id": "T1"})
    told = [(one["type"], one["data"]["status"]) for one in said((await swept(worker)).messages)]
    assert told == [
        ("crm.outcome.tender.voided", "applied"),
        ("crm.outcome.tender.captured", "parked"),
        ("crm.outcome.tender.captured", "rejected"),
    ]


@pytest.mark.parametrize("far", [1, 3000])
async def test_batches_far_apart_are_found(
    caller: Caller, worker: Pipeline, connection: asyncpg.Connection, far: int
) -> None:
    for number in range(3):
        await caller.ok("customer.create", None, f"K{number}")
        await connection.execute("SELECT setval('batch_no', nextval('batch_no') + $1)", far)
    assert [one["subject"] for one in said((await swept(worker)).messages)] == ["K0", "K1", "K2"]


async def test_a_running_worker_publishes_it_within_seconds(
    environment: dict[str, str], serving: Serving, new_caller: NewCaller, bootstrap: str, topics: Topics
) -> None:
    """No Kafka runs where the API's settings point. The worker comes later, and stays."""
    async with serving() as service, Reading(bootstrap, [topics.outcomes, topics.tender_outcomes]) as outcomes:
        caller = await new_caller(of=service)
        for number in range(5):
            await caller.ok("customer.create", {"customer_id": f"C{number}"})
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "worker", "run"),
            env={**os.environ, **environment},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            early = await outcomes.take(5)
            await caller.ok("tender.void", {"tender_id": "T1"})
            [late] = await outcomes.take(1)
        finally:
            worker.send_signal(signal.SIGTERM)
            assert await worker.wait() == 0
    assert sorted(one.data["customer_id"] for one in early) == [f"C{number}" for number in range(5)]
    assert (late.subject, late.data["status"]) == ("T1", "applied")
