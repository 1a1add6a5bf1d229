"""Transfers are in partitions, one of which is always ahead; old batches are folded."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.ledger.conftest import Open
from tests.ledger.measure import buffers_of, worker_session
from tests.ledger.test_failures import failures
from worker.ledger import housekeeping, migrate, roles
from worker.ledger.pool import Pool
from worker.ledger.setup import set_up

SIZE = 65_536
INSERT = "INSERT INTO transfer (no, debit, credit, amount, org) VALUES ($1::bigint << 12, -1, 1, 1, 1)"
WHERE = "SELECT tableoid::regclass::text FROM transfer WHERE no = $1::bigint << 12"
BATCHES = """
INSERT INTO batch (no, worker, decided_at, documents, published_at)
SELECT n, 7, now() - interval '2 days' + n * interval '1 ms', n % 9, CASE WHEN n <> 3 THEN now() END
FROM generate_series(1, $1::bigint) n
"""
# Two accounts whose 60 transfers are as far apart; those of the second are in twenty partitions.
MOVE = """
INSERT INTO transfer (no, debit, credit, amount, org, credit_before)
    SELECT n << 12, -1, CASE WHEN n % 1000 = 0 THEN 1 ELSE 3 END, 1, 1, CASE WHEN n > 1000 THEN n - 1000 << 12 END
    FROM generate_series(1, 60000) n;
INSERT INTO transfer (no, debit, credit, amount, org, credit_before)
    SELECT n * 21 << 12, -1, CASE WHEN n % 1000 = 0 THEN 2 ELSE 3 END, 1, 1, (n - 1000) * 21 << 12
    FROM generate_series(60001, 120000) n;
"""


LONG_AGO = "INSERT INTO batch_past VALUES ($1, now() - interval '31 days', '{}', '{}', '{}')"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await Pool.open(database)
    yield opened
    await opened.close()


async def _partitions(connection: asyncpg.Connection) -> list[tuple[int, int]]:
    rows = await connection.fetch("SELECT first_batch, end_batch FROM transfer_partition ORDER BY 1")
    return [tuple(row) for row in rows]


async def _come_to(connection: asyncpg.Connection, batch: int) -> None:
    await connection.execute("SELECT setval('batch_no', $1)", batch)


async def test_the_table_of_before_is_the_first_partition_as_it_is(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not written anew."""
    connection = await asyncpg.connect(empty_database)
    before = [file for file in migrate.files() if file[1] < "0028"]
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "files", lambda: iter(before))
        await roles.ensure(connection, {})
        await migrate.migrate(connection)
    await _come_to(connection, 5000)
    await connection.executemany(INSERT, [(1,), (5000,)])
    file = await connection.fetchval("SELECT pg_relation_filenode('transfer')")
    await set_up(empty_database)
    assert await connection.fetchval("SELECT pg_relation_filenode('transfer_0')") == file
    assert await connection.fetchval("SELECT sum(amount) FROM transfer") == 2
    assert await _partitions(connection) == [(0, 5000 + SIZE), (5000 + SIZE, 5000 + 2 * SIZE)]
    await connection.close()


async def test_a_partition_is_there_before_its_first_batch(connection: asyncpg.Connection, pool: Pool) -> None:
    first = await _partitions(connection)
    await housekeeping.keep(pool)
    assert await _partitions(connection) == first
    await _come_to(connection, first[-1][0])
    await asyncio.gather(*(housekeeping.keep(pool) for _ in range(4)))
    assert await _partitions(connection) == [*first, (first[-1][1], first[-1][1] + first[-1][0])]


async def test_a_partition_has_the_batches_of_thirty_days(connection: asyncpg.Connection, pool: Pool) -> None:
    await connection.execute(LONG_AGO, 1_000_000)
    await connection.execute(LONG_AGO.replace("31", "29"), 1_100_000)
    await _come_to(connection, 1_200_000)
    await housekeeping.keep(pool)
    (start, end) = (await _partitions(connection))[-1]
    assert (start, end - start) == (1_200_000 + SIZE, 200_000)


async def test_the_default_partition_takes_other_rows(connection: asyncpg.Connection, pool: Pool) -> None:
    """No housekeeping was done for long; then the next partition begins after what the default one has."""
    ahead = (await _partitions(connection))[-1][1] + 1_000_000
    await _come_to(connection, ahead)
    await connection.execute(INSERT, ahead)
    assert await connection.fetchval(WHERE, ahead) == "transfer_rest"
    await housekeeping.keep(pool)
    start, _ = (await _partitions(connection))[-1]
    assert start > ahead
    await connection.execute(INSERT, start)
    assert await connection.fetchval(WHERE, start) == f"transfer_{start}"


async def test_a_long_read_puts_the_next_partition_off(
    database: str, connection: asyncpg.Connection, pool: Pool
) -> None:
    """Nobody who inserts waits for either."""
    first = await _partitions(connection)
    await _come_to(connection, first[-1][0])
    reading = await asyncpg.connect(database)
    async with reading.transaction():
        await reading.fetch("SELECT * FROM transfer")
        await housekeeping.keep(pool)
        await connection.execute(INSERT, first[-1][0])
        assert await _partitions(connection) == first
    await housekeeping.keep(pool)
    assert len(await _partitions(connection)) == len(first) + 1
    await reading.close()


async def test_housekeeping_that_fails_stops_nobody(connection: asyncpg.Connection, another: Open) -> None:
    """Somebody detached the latest partition by hand, so its name is taken."""
    start, _ = (await _partitions(connection))[-1]
    await connection.execute(f"ALTER TABLE transfer DETACH PARTITION transfer_{start}")
    worker = await another(crash=False)
    before = failures("housekeeping")
    with capture_logs() as logs:
        assert await worker.catch_up() is None
    assert failures("housekeeping") == before + 1
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["housekeeping_failed"]


async def test_setup_goes_on_although_the_next_partition_has_to_wait(
    database: str, connection: asyncpg.Connection
) -> None:
    await _come_to(connection, (await _partitions(connection))[-1][0])
    async with connection.transaction():
        await connection.fetch("SELECT * FROM transfer")
        await set_up(database)


async def test_a_row_that_the_next_partition_would_take_puts_it_off(connection: asyncpg.Connection, pool: Pool) -> None:
    """It came while housekeeping looked where the next one begins."""
    end = (await _partitions(connection))[-1][1]
    await connection.execute(INSERT, end)
    await _come_to(connection, end - 2)
    await housekeeping.keep(pool)
    assert (await _partitions(connection))[-1][1] == end
    await _come_to(connection, end)
    await housekeeping.keep(pool)
    assert (await _partitions(connection))[-1][0] == end + SIZE


async def test_a_history_costs_the_same_in_any_number_of_partitions(
    database: str, connection: asyncpg.Connection
) -> None:
    for start in range(0, 2_600_000, SIZE):
        await _come_to(connection, start + 2)
        await connection.execute(LONG_AGO, start)
        await connection.execute("SELECT add_transfer_partition()")
    await connection.execute(MOVE)
    assert len(await _partitions(connection)) > 20
    session = await worker_session(database)
    touched = [
        await buffers_of(session, "read_chain", "1", account, latest, "0", "51")
        for account, latest in (("1", "60000::bigint << 12"), ("2", f"{120_000 * 21}::bigint << 12"))
    ]
    await session.close()
    assert touched[1] <= touched[0], touched


async def test_batches_that_are_folded_are_read_as_before(connection: asyncpg.Connection, pool: Pool) -> None:
    """All but those that are not published, those of today, and what is left of a thousand."""
    every = "SELECT no, decided_at, documents FROM every_batch ORDER BY no"
    await connection.execute(BATCHES, 2500)
    await connection.execute("INSERT INTO batch SELECT 3000 + n, 1, now(), 1, now() FROM generate_series(1, 2000) n")
    before = await connection.fetch(every)
    await asyncio.gather(*(housekeeping.keep(pool) for _ in range(3)))
    assert await connection.fetch(every) == before
    assert await connection.fetchval("SELECT count(*) FROM batch_past") == 2
    left = [row["no"] for row in await connection.fetch("SELECT no FROM batch ORDER BY no")]
    assert left == [3, *range(2002, 2501), *range(3001, 5001)]
    folded = await connection.fetchval("SELECT sum(pg_column_size(p.*)) / 2000 FROM batch_past p")
    assert folded <= 20, folded


async def test_too_few_batches_to_fold_are_left_alone(connection: asyncpg.Connection, pool: Pool) -> None:
    """A lock is written, and so are the pages of the rows that are locked."""
    await connection.execute(BATCHES, 999)
    await housekeeping.keep(pool)
    assert await connection.fetchval("SELECT count(*) FROM batch WHERE xmax <> 0") == 0


async def test_folded_batches_stay(connection: asyncpg.Connection, pool: Pool) -> None:
    await connection.execute(BATCHES, 1500)
    await housekeeping.keep(pool)
    for statement in ("DELETE FROM batch_past", "UPDATE batch_past SET nos = '{}'", "TRUNCATE batch_past"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)


@pytest.mark.parametrize("partition", ["transfer_0", "transfer_rest", f"transfer_{SIZE + 1}"])
async def test_a_partition_is_append_only_too(connection: asyncpg.Connection, partition: str) -> None:
    for statement in (f"DELETE FROM {partition}", f"UPDATE {partition} SET amount = 1", f"TRUNCATE {partition}"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)
