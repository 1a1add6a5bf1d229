"""The database is restored to a backup. What came in since, by Kafka and over HTTP, is in the ledger again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from devstack.supervisor import free_ports
from schemas.operations import OPERATIONS
from tests.kafka.processes import Process, Start, ended, said
from tests.kafka_io import Reading, document, publish
from tests.stack import Servers
from worker.client.client import Client
from worker.client.connection import Connection
from worker.kafka.topics import Topics
from worker.ledger import api_keys

BOOKED = "SELECT subject FROM event WHERE subject = ANY ('{by-kafka,by-http}') AND status = 0 ORDER BY 1"
CARD = "6001000000000001"


def redeem(card: Mapping[str, str]) -> dict[str, object]:
    return {"gift_card": card, "amount_minor": 5000, "currency": "GBP"}


async def stopped(*processes: Process) -> None:
    for process in processes:
        process.terminate()
        assert (await ended(process))[0] == 0


async def test_what_was_answered_since_the_backup_is_booked_again_and_cannot_be_spent_twice(
    start: Start, stack: Servers, bootstrap: str, topics: Topics, database: str
) -> None:
    commands, name = topics.inputs[3], urlsplit(database).path[1:]
    server = await asyncpg.connect(stack.dsn)
    ledger: Any = await asyncpg.connect(database)
    _, secret = await api_keys.create(ledger, "acme", "of a test", ("giftcard:write", "giftcard:read"))
    await ledger.close()
    (port,) = free_ports(1)
    api_settings = {"G3N_API_PORT": str(port)}
    api_is = Connection(f"http://127.0.0.1:{port}", "acme", secret)
    now = datetime.now(UTC).isoformat()

    async with Reading(bootstrap, [topics.outcomes]) as outcomes, Reading(bootstrap, [topics.accepted]) as accepted:
        worker = await start("run")
        issue = {"command_id": "I1", "occurred_at": now, "amount_minor": 10_000, "currency": "GBP"}
        await publish(
            bootstrap,
            [document(commands, "crm.giftcard.issue", "I1", issue | {"gift_card": {"number": CARD}}, partition=0)],
        )
        await outcomes.take(1)
        await stopped(worker)
        await server.execute(f"CREATE DATABASE {name}_backup TEMPLATE {name} STRATEGY FILE_COPY")

        worker, api = await start("run"), await start("api", **api_settings)
        await said(api, "started")
        by_kafka = {"command_id": "by-kafka", "occurred_at": now} | redeem({"number": CARD})
        await publish(bootstrap, [document(commands, "crm.giftcard.redeem", "by-kafka", by_kafka, partition=0)])
        async with Client(api_is) as client:
            answer = await client.call(
                OPERATIONS["giftcard.redeem"], redeem({"number": CARD}), idempotency_key="by-http"
            )
        assert answer.json()["status"] == "applied"
        answered = await outcomes.take(2)
        assert {one.subject: one.data["status"] for one in answered} == {"by-kafka": "applied", "by-http": "applied"}
        [record] = await accepted.take(1)
        assert CARD.encode() not in (record.record.value or b"")
        await stopped(worker, api)

        await server.execute(f"DROP DATABASE {name} (FORCE)")
        await server.execute(f"ALTER DATABASE {name}_backup RENAME TO {name}")
        worker = await start("run")
        assert (await said(worker, "ledger_behind"))["alert"] is True
        again = await outcomes.take(2)
        assert {one.subject: one.data["status"] for one in again} == {"by-kafka": "applied", "by-http": "applied"}
        assert {one.envelope["id"] for one in again} == {one.envelope["id"] for one in answered}
        more = {"command_id": "more", "occurred_at": now} | redeem({"number": CARD})
        await publish(bootstrap, [document(commands, "crm.giftcard.redeem", "more", more, partition=0)])
        [refused] = await outcomes.take(1)
        assert (refused.data["status"], refused.data["reason"]) == ("rejected", "insufficient_balance")
        await stopped(worker)
    ledger = await asyncpg.connect(database)
    assert [row["subject"] for row in await ledger.fetch(BOOKED)] == ["by-http", "by-kafka"]
    assert await ledger.fetchval("SELECT balance FROM account WHERE kind = 1") == 0
    await ledger.close()
    await server.close()
