"""`g3n worker status` asks Kafka and Postgres: it is right with every worker dead, and with either side away."""

import json
import time

import asyncpg

from tests.kafka_io import Record, publish
from tests.ops.commands import g3n
from tests.ops.test_dlq import With, with_
from worker.cli.status import text
from worker.kafka.topics import Topics
from worker.ledger.pool import Pool
from worker.ledger.retried import COUNTS, Retried, write
from worker.ops.status.gather import gather
from worker.ops.status.snapshot import PartitionNow
from worker.ops.status.verdict import Level, verdict

__all__ = ["with_"]
READ = "INSERT INTO watermark (topic, partition, read_us, next_offset) VALUES ($1, 0, 0, $2)"
READ += " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset"


async def test_the_lag_is_what_the_ledger_has_not_read(
    bootstrap: str, topics: Topics, connection: asyncpg.Connection, with_: With
) -> None:
    sales = topics.inputs[0]
    long_ago_ms = time.time_ns() // 1_000_000 - 600_000
    await publish(bootstrap, [Record(sales, b"{", partition=0, timestamp_ms=long_ago_ms)] * 3)
    now = await gather(with_())
    assert (now.kafka, now.postgres, now.missing, now.workers, now.lag) == ("", "", (), 0, 3)
    assert verdict(now).findings[0].what == "no worker runs, and 3 records wait"
    (first,) = [one for one in now.partitions if (one.topic, one.partition) == (sales, 0)]
    assert first.age_s is not None
    assert 600 <= first.age_s < 700
    await connection.execute(READ, sales, 3)
    assert (await gather(with_())).lag == 0
    await connection.execute(READ, sales, 5)
    now = await gather(with_())
    (first,) = [one for one in now.partitions if (one.topic, one.partition) == (sales, 0)]
    assert first == PartitionNow(sales, 0, None, 0.0, 0, "the ledger has read up to offset 5, and the topic ends at 3")
    assert now.lag is None, "of a topic made anew nobody knows how much waits"


async def test_a_partition_that_its_worker_halted_is_halted(
    topics: Topics, connection: asyncpg.Connection, with_: With
) -> None:
    """The topic doesn't show it: half of a batch would have become dead letters."""
    await connection.execute(
        "INSERT INTO halted (topic, partition, kind, why) VALUES ($1, 0, 'dead_letters', 'half of 200')",
        topics.inputs[0],
    )
    now = await gather(with_())
    assert [(one.topic, one.partition, one.halted, one.lag) for one in now.partitions if one.halted] == [
        (topics.inputs[0], 0, "half of 200", 0)
    ]
    assert f"{topics.inputs[0]}-0: half of 200" in [one.what for one in verdict(now).findings]


async def test_an_unknown_number_is_not_shown_as_zero(topics: Topics, with_: With) -> None:
    without_kafka = await gather(with_(G3N_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"))
    assert without_kafka.kafka
    assert (without_kafka.lag, without_kafka.workers, without_kafka.unpublished) == (None, None, 0)
    without_postgres = await gather(with_(G3N_POSTGRES_DSN="postgresql://x:y@127.0.0.1:1/none", G3N_DEVELOPMENT="true"))
    assert without_postgres.postgres
    assert (without_postgres.lag, without_postgres.workers, without_postgres.parked) == (None, 0, None)
    for one in (without_kafka, without_postgres):
        assert verdict(one).level is Level.ACT
        assert "unknown" in text(one, verdict(one))
    assert topics.inputs[0] in text(without_postgres, verdict(without_postgres))


async def test_retries_outlive_their_workers(connection: asyncpg.Connection, pool: Pool, with_: With) -> None:
    """Two workers tried again within the hour, one of them twice; a third did yesterday. None runs."""
    assert (await gather(with_())).retried is None, "nobody counts"
    for minutes, worker, retries in ((70, 8, 1), (1500, 9, 1), (5, 7, 2)):
        await connection.execute(
            "INSERT INTO retried VALUES (now() - $1 * interval '1 minute', $2, $3, 0)", minutes, worker, retries
        )
    COUNTS.retries, COUNTS.halves = 3, 1
    await write(pool)
    await write(pool)  # nothing new
    COUNTS.halves = 1
    await write(pool)
    assert (COUNTS.retries, COUNTS.halves) == (0, 0)
    now = await gather(with_())
    assert now.retried == (Retried(pool.worker, 3, 2), Retried(7, 2, 0))
    line = f"5 times, 2 batches halved, last hour (worker {pool.worker}: 3, 2; worker 7: 2, 0)"
    assert line in text(now, verdict(now))
    assert await connection.fetchval("SELECT count(*) FROM retried WHERE worker = 9") == 0, "forgotten after a day"


async def test_the_command_leaves_with_the_verdict(environment: dict[str, str]) -> None:
    told = await g3n(environment, "status", "--json")
    said = json.loads(told.out)
    assert (told.code, said["verdict"], said["lag"], said["workers"]) == (2, "act", 0, 0), told.err
    assert said["findings"] == [{"level": "act", "what": "no worker runs", "do": "runbook NoWorker"}]
