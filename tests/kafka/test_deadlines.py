"""Deadlines wait until the partitions that exist have been read past them, and a drain says what it could not do."""

import time
from datetime import UTC, datetime

import asyncpg

from tests.kafka.processes import Start, ended
from tests.kafka_io import Reading, document, publish
from worker.kafka.topics import Topics

WAITS = "SELECT count(*) FROM timer WHERE kind = 'hold'"


async def test_the_watermark_of_a_partition_that_is_gone_holds_nothing_back(
    start: Start, bootstrap: str, topics: Topics, connection: asyncpg.Connection
) -> None:
    card = {"number": "6006490000000017"}
    now = datetime.now(UTC).isoformat()
    issue = {"command_id": "I1", "occurred_at": now, "gift_card": card, "amount_minor": 500, "currency": "GBP"}
    held = {"tender_id": "T1", "occurred_at": now, "currency": "GBP", "amount_minor": 100, "kind": "gift_card",
            "gift_card": card, "hold_s": 1}  # fmt: skip
    await publish(bootstrap, [document(topics.inputs[3], "crm.giftcard.issue", "I1", issue)])
    status, _, log = await ended(await start("drain"))
    assert status == 0, log[-3000:]
    await connection.execute("INSERT INTO watermark (topic, partition, read_us) VALUES ($1, 7, 1)", topics.inputs[2])
    await publish(bootstrap, [document(topics.inputs[2], "scm.tender.requested", "T1", held)])
    async with Reading(bootstrap, [topics.tender_outcomes]) as outcomes:
        worker = await start("run")
        await outcomes.until(lambda seen: "crm.hold.expired" in {one.type for one in seen})
        worker.terminate()
        assert (await ended(worker))[0] == 0
    assert await connection.fetchval(WAITS) == 0


async def test_a_drain_reports_what_it_could_not_decide(
    start: Start, topics: Topics, connection: asyncpg.Connection
) -> None:
    assert topics.inputs
    await connection.execute("INSERT INTO org (code) VALUES ('acme')")
    now_us = time.time_ns() // 1000
    await connection.execute(  # as it stands once deciding it has failed
        "INSERT INTO timer (org, kind, key, due_us, not_before_us) SELECT id, 'hold', 'T1', $1, $2 FROM org",
        now_us + 3_600_000_000,
        now_us - 60_000_000,
    )
    code, _, err = await ended(await start("drain"))
    assert code == 1
    assert '"deadlines": 1' in err
    assert '"event": "not_all_done"' in err
