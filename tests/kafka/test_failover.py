"""A worker that is killed is replaced at once: Postgres knows that it is gone, and the others let its members leave."""

import asyncio
import time

from tests.kafka.processes import Start, said
from tests.kafka_io import Reading, Record, document, publish
from worker.kafka.topics import Topics

SESSION_S = 10  # how long Kafka waits for a member that is silent


async def test_the_other_worker_answers_the_tills_of_one_that_was_killed(
    start: Start, bootstrap: str, topics: Topics
) -> None:
    one, two = await start("run"), await start("run")
    for worker in (one, two):
        await said(worker, "ready")
    async with Reading(bootstrap, [topics.tender_outcomes]) as outcomes:
        await publish(bootstrap, [_tender(topics, f"before-{number}") for number in range(20)])
        await outcomes.take(20)
        one.kill()
        killed_at = time.monotonic()
        await publish(bootstrap, [_tender(topics, f"after-{number}") for number in range(20)])
        await outcomes.take(20)
    assert time.monotonic() - killed_at < SESSION_S - 2, "it waited for Kafka's session timeout"
    two.terminate()
    assert await asyncio.wait_for(two.wait(), 60) == 0


def _tender(topics: Topics, name: str) -> Record:
    data = {
        "tender_id": name,
        "occurred_at": "2026-03-01T10:00:00Z",
        "currency": "GBP",
        "amount_minor": 1,
        "kind": "points",
        "customer_id": "nobody",
    }
    return document(topics.inputs[2], "scm.tender.requested", name, data)
