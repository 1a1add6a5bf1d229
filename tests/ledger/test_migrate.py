"""Migrations run once, in order, from several places at a time; what was applied may not change."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from worker.ledger import migrate as runner
from worker.ledger.migrate import MigrationError

SHAPE = """
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(' ' || column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migration'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'migration'
UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1
"""


async def migrate(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return await runner.migrate(connection)
    finally:
        await connection.close()


async def shape(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch(SHAPE)]
    finally:
        await connection.close()


async def test_a_second_run_does_nothing(empty_database: str) -> None:
    names = [name for _, name, _ in runner.files()]
    assert await migrate(empty_database) == names
    before = await shape(empty_database)
    assert await migrate(empty_database) == []
    assert await shape(empty_database) == before != []


async def test_runs_at_the_same_time_apply_each_file_once(empty_database: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(8)))
    assert sorted(name for names in applied for name in names) == [name for _, name, _ in runner.files()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Migrations of this test's own."""
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (n integer)")
    return tmp_path


async def test_a_file_that_was_changed_is_refused(empty_database: str, folder: Path) -> None:
    await migrate(empty_database)
    (folder / "0001_one.sql").write_text("CREATE TABLE one (n bigint)")
    (folder / "0002_two.sql").write_text("CREATE TABLE two (n integer)")
    with pytest.raises(MigrationError, match="0001_one was changed"):
        await migrate(empty_database)
    assert await shape(empty_database) == ["one.n integer YES"]


async def test_a_new_file_is_applied_after_the_others(empty_database: str, folder: Path) -> None:
    assert await migrate(empty_database) == ["0001_one"]
    (folder / "0002_two.sql").write_text("ALTER TABLE one ADD m text")
    assert await migrate(empty_database) == ["0002_two"]
    assert await shape(empty_database) == ["one.m text YES", "one.n integer YES"]


async def test_a_file_that_fails_leaves_nothing_behind(empty_database: str, folder: Path) -> None:
    (folder / "0002_two.sql").write_text("CREATE TABLE two (n integer); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_database)
    assert await shape(empty_database) == ["one.n integer YES"]
    (folder / "0002_two.sql").write_text("CREATE TABLE two (n integer)")
    assert await migrate(empty_database) == ["0002_two"]


async def test_tables_that_grow_are_vacuumed_often(database: str) -> None:
    """Every table must have it, even one that a later migration created again."""
    connection = await asyncpg.connect(database)
    rows = await connection.fetch(
        "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL"
    )
    await connection.close()
    options = {row["relname"]: dict(option.split("=") for option in row["reloptions"]) for row in rows}
    assert sum(name.startswith("transfer_") for name in options) == 3
    for table in ("event", "account", "tender", "timer", "batch"):
        assert options[table]["autovacuum_vacuum_scale_factor"] == "0.02", table
    for table in ("event", *(name for name in options if name.startswith("transfer_"))):
        assert options[table]["autovacuum_vacuum_insert_scale_factor"] == "0.01", table
