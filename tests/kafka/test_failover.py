"""A worker that is killed is replaced at once: Postgres knows that it is gone, and the others let its members leave."""

import asyncio
import time
from collections.abc import Mapping

import asyncpg
from aiokafka import TopicPartition

from tests.kafka.conftest import Cluster, NewReader
from tests.kafka.processes import Start, ended, said
from tests.kafka_io import Reading, Record, document, publish
from worker.engine.watch import Watch
from worker.kafka.group import Group
from worker.kafka.security import PLAINTEXT
from worker.kafka.topics import Topics
from worker.ledger.pool import Pool
from worker.process.status import Status

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


async def test_a_worker_whose_sessions_are_ended_is_not_taken_for_dead(
    start: Start, bootstrap: str, topics: Topics, connection: asyncpg.Connection
) -> None:
    """Its stream retries a batch meanwhile: a failover that takes a few seconds."""
    one, two = await start("run"), await start("run")
    for worker in (one, two):
        await said(worker, "ready")
    async with Reading(bootstrap, [topics.tender_outcomes]) as outcomes:
        await _end_sessions(connection, read_only=True)
        await publish(bootstrap, [_tender(topics, f"tender-{number}", number % 2) for number in range(20)])
        for _ in range(6):
            await said(one, "retry")
        await _end_sessions(connection, read_only=False)
        await outcomes.take(20)
    for worker in (one, two):
        worker.terminate()
        status, _, log = await ended(worker)
        assert status == 0, log[-3000:]
        assert "member_removed" not in log


async def test_an_idle_worker_notices_that_the_ledger_has_lost_what_it_had_read(
    start: Start, cluster: Cluster, topics: Topics, connection: asyncpg.Connection, environment: Mapping[str, str]
) -> None:
    """A standby was promoted that lagged, or a backup restored. No statement of the worker fails."""
    worker, group = await start("run"), environment["G3N_CONSUMER_GROUP"]
    await said(worker, "ready")
    async with Reading(cluster.bootstrap, [topics.tender_outcomes]) as outcomes:
        await publish(cluster.bootstrap, [_tender(topics, f"tender-{number}", 0) for number in range(10)])
        await outcomes.take(10)
        while (await cluster.committed(group)).get(TopicPartition(topics.inputs[2], 0)) != 10:
            pass
        await connection.execute("DELETE FROM watermark")
        await _end_sessions(connection, read_only=False)
        assert (await said(worker, "ledger_behind"))["topic"] == topics.inputs[2]
        await outcomes.take(10)
    worker.terminate()
    status, _, log = await ended(worker)
    assert status == 0, log[-3000:]


async def _end_sessions(connection: asyncpg.Connection, *, read_only: bool) -> None:
    """Change what new sessions may do, and end all others."""
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute("SET default_transaction_read_only = off")
    await connection.execute(
        f"ALTER DATABASE {name} SET default_transaction_read_only = {'on' if read_only else 'off'}"
    )
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_a_worker_takes_its_lock_again_whatever_its_stream_waits_for(
    cluster: Cluster, topics: Topics, new_reader: NewReader, group: str, database: str, connection: asyncpg.Connection
) -> None:
    one, other = await Pool.open(database), await Pool.open(database)
    reader = await new_reader(topics.inputs, group)
    async with Group.opened(cluster.bootstrap, group, PLAINTEXT) as opened:
        watching = asyncio.create_task(Watch(opened, one, Status(), reader, topics).run())
        for _ in range(5):
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
                " AND (classid::bigint << 32) + objid::bigint = $1",
                one.worker,
            )
            while await other.gone({one.worker}, 5):
                pass
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    await one.close()
    await other.close()


def _tender(topics: Topics, name: str, partition: int | None = None) -> Record:
    data = {
        "tender_id": name,
        "occurred_at": "2026-03-01T10:00:00Z",
        "currency": "GBP",
        "amount_minor": 1,
        "kind": "points",
        "customer_id": "nobody",
    }
    return document(topics.inputs[2], "scm.tender.requested", name, data, partition=partition)
