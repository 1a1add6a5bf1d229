"""The fixtures: each test has its own topics and database, and its documents can be read back."""

import asyncpg
import pytest

from tests.kafka_io import Reading, document, publish
from worker.kafka.topics import Topics


async def test_each_test_has_a_migrated_database_of_its_own(database: str, empty_database: str) -> None:
    tables = []
    for dsn in database, empty_database:
        connection = await asyncpg.connect(dsn)
        tables.append(await connection.fetchval("SELECT to_regclass('migration')::text"))
        await connection.close()
    assert tables == ["migration", None]


async def test_published_records_are_read(bootstrap: str, topics: Topics) -> None:
    records = [document(topics.outcomes, "crm.outcome.x", f"S{n}", {"n": n}, partition=n % 2) for n in range(4)]
    async with Reading(bootstrap, [topics.outcomes, topics.tender_outcomes]) as reading:
        sent = await publish(bootstrap, records)
        assert [(one.partition, one.offset) for one in sent] == [(0, 0), (1, 0), (0, 1), (1, 1)]
        assert {one.subject: one.data["n"] for one in await reading.take(4)} == {"S0": 0, "S1": 1, "S2": 2, "S3": 3}
        assert len(await reading.rest()) == 4
        with pytest.raises(AssertionError, match="4 came"):
            await reading.take(1, within_s=0.1)
