"""Migrations run once, in order, from several places at a time; what was applied may not change."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from worker.domain.lots import NEVER, Account, CardFacts, Kind
from worker.ledger import migrate as runner
from worker.ledger.migrate import MigrationError, migrate
from worker.ledger.pack import owner_of, pack_extra

SHAPE = """
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(' ' || column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migration'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'migration'
UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1
"""


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


TRANSFERS = [(4096, -1, 1), (4096, 1, -2), (8192, 1, 2), (8193, -1, 3), (12288, -1, 1), (12288, 2, 1)]


async def test_what_was_booked_before_becomes_histories_too(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = [name for number, name, _ in runner.files() if number == 1]
    shutil.copy(runner.FOLDER / f"{name}.sql", tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(runner, "FOLDER", tmp_path)
        await migrate(empty_database)
    connection = await asyncpg.connect(empty_database)
    accounts = list(old_accounts())
    for number, account in enumerate(accounts, 1):
        await connection.execute(
            "INSERT INTO account VALUES ($1, 0, 0, 0, 1, 1, $2, 1, $3, '', NULL, NULL, $4)",
            number, account.kind, account.key, pack_extra(account),
        )  # fmt: skip
    await connection.executemany("INSERT INTO transfer VALUES ($1, $2, $3, 5, 1)", TRANSFERS)
    await migrate(empty_database)
    rows = await connection.fetch("SELECT owner, last_no FROM account ORDER BY id")
    assert [row["owner"] for row in rows] == [owner_of(account) for account in accounts]
    assert [row["last_no"] for row in rows[:4]] == [12288, 12288, 8193, None]
    links = await connection.fetch("SELECT debit_before, credit_before FROM transfer ORDER BY no, debit, credit")
    expected = {(4096, -1): (None, None), (4096, 1): (None, None), (8192, 1): (4096, None), (8193, -1): (None, None),
                (12288, -1): (None, 8192), (12288, 2): (8192, 8192)}  # fmt: skip
    assert [tuple(link) for link in links] == list(expected.values())
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await connection.execute("DELETE FROM transfer")
    await connection.close()


def old_accounts() -> Iterator[Account]:
    """Of every shape that `extra` has."""
    for number in range(3):
        yield Account(Kind.POINTS, f"C{number}")
    for place, customer_id in enumerate(("", "C", "c" * 31, "c" * 32, "c" * 128)):
        for pin in (b"", b"p" * 16):
            card = Account(Kind.CARD, f"G{place}{len(pin)}")
            card.card = CardFacts("" if place else "0017", (0, 100, 200, 20_000, NEVER)[place], pin, customer_id)
            card.card.pin_failures = place
            yield card
    for target in ((Kind.POINTS, "D"), (Kind.POOL, "f" * 128)):
        moved = Account(Kind.POINTS, f"M{target[0]}")
        moved.target = target
        moved.owner_log = [(1_700_000_000_000_000, 2), (1_800_000_000_000_000, 1)]
        yield moved
    blocked = Account(Kind.POINTS, "B")
    blocked.owner_log = [(1_700_000_000_000_000, 2)]
    yield blocked


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
