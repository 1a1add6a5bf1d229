"""Archived partitions leave the ledger, and every sum stays; kill -9 at any step neither loses nor doubles anything."""

import asyncio
import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.domain.stage import BASE
from tests.kafka_io import ORGCODE
from tests.ops.commands import g3n
from tests.ops.conftest import Desk
from tests.ops.replaying import settings_of
from worker.app import operators
from worker.ops.archive import execute
from worker.ops.archive.files import MANIFEST, Archive, Parts
from worker.ops.audit import audit as auditing
from worker.ops.audit.audit import audit
from worker.ops.audit.finance import Finance
from worker.ops.explain import explain
from worker.process.errors import OperatorError

# Each goes to a partition of its own, a day apart.
DAYS = (
    ("issue I1 G 5000", "earn E1 C 100", "sale S1 C 1:1099", "request T1 card G 700", "sale S2 - 1:900>G"),
    ("return R1 S1 C 1:500", "issue I2 H 300", "transfer K1 G H 50", "earn E2 C 7", "redeem K2 C 3"),
    ("earn E3 C 5", "void S2", "reload K3 G 300", "sale S3 C 1:250"),
)
PUBLISHED = "UPDATE batch SET published_at = now()"
A_DAY_LATER = "UPDATE batch SET decided_at = decided_at + $1 * interval '1 day' WHERE no >= $2"
NUMBERS = "SELECT kind, key, balance, held, version, last_no FROM account ORDER BY kind, key"
SUMS = "SELECT * FROM archived_entry ORDER BY account_id, contra"
POINTS = ("archive_closed", "archive_parts", "archive_written", "archive_dropped")


@dataclass
class Old:
    """A ledger with three partitions; the first two are over. `environment`: settings of commands on it."""

    desk: Desk
    connection: asyncpg.Connection
    environment: dict[str, str]
    directory: Path
    ends: list[datetime]  # when the latest batch of each day was decided

    async def archive(self, before: datetime) -> tuple[int | None, list[str]]:
        """Plan and execute; what the plan says."""
        settings = settings_of(self.environment)
        id_, lines = await operators.plan_archive(settings, before, self.directory, "years ago")
        if id_ is not None:
            assert await operators.run_operation(settings, id_, "years ago", None, lines.append) == 0, lines
        return id_, lines

    async def audited(self, as_of: datetime | None = None, archives: Path | None = None) -> Finance:
        """The reports of an audit that finds nothing."""
        report = await audit(self.environment["G3N_POSTGRES_DSN"], as_of, archives=archives)
        assert report.findings == []
        return report.finance

    async def numbers(self) -> list[asyncpg.Record]:
        return list(await self.connection.fetch(NUMBERS))

    async def partitions(self) -> list[str]:
        rows = await self.connection.fetch("SELECT name FROM transfer_partition ORDER BY first_batch")
        return [row["name"] for row in rows]


@pytest.fixture
async def old(desk: Desk, connection: asyncpg.Connection, environment: dict[str, str], tmp_path: Path) -> Old:
    await desk.apply("customer C")
    ends = []
    for day, texts in enumerate(DAYS):
        first = await connection.fetchval("SELECT last_value FROM batch_no")
        for text in texts:
            await desk.apply(text)
        await connection.execute(A_DAY_LATER, day, first + 1 if day else 0)
        ends.append(await connection.fetchval("SELECT max(decided_at) FROM batch"))
        if day < len(DAYS) - 1:
            end = await connection.fetchval(
                "SELECT end_batch FROM transfer_partition, (SELECT last_value AS at FROM batch_no) n"
                " WHERE at >= first_batch AND at < end_batch"
            )
            await connection.execute("SELECT setval('batch_no', $1)", end)
            await connection.execute("SELECT add_transfer_partition()")
    await connection.execute(PUBLISHED)
    assert ends[0] == BASE
    return Old(desk, connection, environment, tmp_path, ends)


async def test_the_books_balance_with_archived_partitions(old: Old) -> None:
    names = await old.partitions()
    before = await old.audited(), await old.audited(old.ends[1]), await old.audited(old.ends[0]), await old.numbers()
    explained = [
        await old.desk.explain("scm.sale.completed", "S2"),
        await old.desk.explain("crm.giftcard.transfer", "K1"),
    ]
    transfers = await old.connection.fetchval("SELECT count(*) FROM transfer")

    _, lines = await old.archive(old.ends[2])
    assert lines[0] == (f"{names[0]}: 4 transfers of batches 0 to 65,536, the latest of 2026-03-01 12:00:00 UTC")
    assert lines[2:4] == [
        f"then no more: {names[2]} is in use", f"to {old.directory}"
    ]  # fmt: skip
    assert await old.partitions() == names[2:]
    left = await old.connection.fetchval("SELECT count(*) FROM transfer")
    assert 0 < left < transfers
    assert await old.connection.fetchval("SELECT sum(transfers) FROM archive") == transfers - left
    journal = await old.connection.fetch("SELECT target, reason FROM operator_journal WHERE action = 'archive'")
    assert [tuple(row) for row in journal] == [(name, "years ago") for name in names[:2]]

    assert (await old.audited(), await old.audited(old.ends[1])) == before[:2]
    assert await old.numbers() == before[3]
    with pytest.raises(
        OperatorError, match="--as-of: transfers until 2026-03-02T12:00:00Z are archived: give --archive"
    ):
        await old.audited(old.ends[0])
    read_again = (
        await old.audited(archives=old.directory), await old.audited(old.ends[1], old.directory),
        await old.audited(old.ends[0], old.directory),
    )  # fmt: skip
    assert read_again == before[:3]

    for document, was in zip((("scm.sale.completed", "S2"), ("crm.giftcard.transfer", "K1")), explained, strict=True):
        now = await old.desk.explain(*document)
        assert (now.transfers, now.archived is not None) == ([], True)
        again = await explain(old.desk.pool, old.desk.outlet, ORGCODE, *document, old.directory)
        assert again == was

    await old.desk.apply("void S1", "earn E4 C 1", "return R3 S3 C 1:50")
    await old.connection.execute(PUBLISHED)
    await old.audited()
    await old.audited(archives=old.directory)


async def test_no_partition_is_dropped_while_an_audit_reads(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit's snapshot would have neither its transfers nor their sums."""
    reaches = auditing._reaches

    async def dropping(connection: asyncpg.Connection, as_of: datetime | None) -> None:
        await old.connection.execute("SET lock_timeout = '100ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await old.connection.execute("ALTER TABLE transfer DETACH PARTITION transfer_0")
        await reaches(connection, as_of)

    monkeypatch.setattr(auditing, "_reaches", dropping)
    await old.audited()


async def test_a_later_archive_adds_to_an_earlier_one(old: Old, tmp_path: Path) -> None:
    """As one archive of both would have it."""
    before = await old.audited(), await old.audited(old.ends[0])
    _, lines = await old.archive(old.ends[1])
    assert "has transfers until 2026-03-02 12:00:00 UTC" in lines[1]
    assert (await old.audited(), await old.audited(old.ends[0])) == before
    await old.archive(old.ends[2])
    assert await old.audited() == before[0]
    assert await old.audited(old.ends[0], tmp_path) == before[1]


async def test_kill_9_at_each_step(old: Old) -> None:
    before, names = await old.audited(), await old.partitions()
    arguments = "--before", old.ends[2].isoformat(), "--reason", "years ago", "--yes"
    ended = await g3n({**old.environment, "G3N_FAULT": POINTS[0]}, "worker", "archive", str(old.directory), *arguments)
    assert ended.code == 137, ended.err
    for point in POINTS[1:]:
        await old.audited()
        ended = await g3n({**old.environment, "G3N_FAULT": point}, "worker", "operations", "resume", "1")
        assert ended.code == 137, (point, ended.err)
    assert await old.partitions() == names[1:]
    ended = await g3n(old.environment, "worker", "operations", "resume", "1")
    assert (ended.code, await old.partitions()) == (0, names[2:]), ended.err
    assert await old.audited() == before
    assert await old.audited(archives=old.directory) == before
    done = await old.connection.fetchrow("SELECT state, done = planned AS whole FROM operation")
    assert tuple(done or ()) == ("done", True)


async def test_nothing_is_dropped_that_cannot_be_read_back(old: Old) -> None:
    names, before = await old.partitions(), await old.audited()
    ended = await g3n(
        {**old.environment, "G3N_FAULT": "archive_written"}, "worker", "archive", str(old.directory), "--before",
        old.ends[2].isoformat(), "--reason", "years ago", "--yes",
    )  # fmt: skip
    assert ended.code == 137, ended.err
    (part,) = (old.directory / names[0]).glob("part-*")
    text = gzip.decompress(part.read_bytes())
    part.write_bytes(gzip.compress(text.replace(b",5000,", b",5001,")))
    settings = settings_of(old.environment)
    said: list[str] = []
    assert await operators.run_operation(settings, 1, "", None, said.append) == 1
    assert "is not what manifest.json says" in said[0]
    assert (await old.partitions(), await old.audited()) == (names, before)
    assert await old.connection.fetchval("SELECT count(*) FROM archive") == 0
    (old.directory / names[0]).rename(old.directory / "broken")
    assert await operators.run_operation(settings, 1, "", None, said.append) == 0
    assert await old.audited(archives=old.directory) == before


async def test_a_long_read_is_waited_for_and_nobody_waits_for_it(
    old: Old, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "_WAIT_S", 0)
    names = await old.partitions()
    reading = await asyncpg.connect(database)
    async with reading.transaction():
        await reading.fetch("SELECT * FROM transfer")
        archiving = asyncio.create_task(old.archive(old.ends[2]))
        while not await old.connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            assert not archiving.done()
        await old.desk.apply("earn E9 C 1")
        assert await old.partitions() == names
    await archiving
    await reading.close()
    assert await old.partitions() == names[2:]
    await old.audited()


async def test_an_archive_that_is_not_the_one_of_before_is_refused(old: Old, tmp_path: Path) -> None:
    names = await old.partitions()
    await old.archive(old.ends[2])
    with pytest.raises(OperatorError, match=r"no manifest\.json: give the directory that has every archive"):
        await old.audited(archives=tmp_path / "elsewhere")
    manifest = old.directory / names[0] / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b'"amount"', b'"amounts"'))
    with pytest.raises(OperatorError, match="is not the one that the ledger noted"):
        await old.audited(archives=old.directory)


async def test_an_open_partition_stays(old: Old) -> None:
    names = await old.partitions()
    with pytest.raises(OperatorError, match="--before: at least a day ago"):
        await old.archive(datetime.now(UTC) - timedelta(hours=23))
    assert await old.archive(old.ends[0]) == (
        None, [f"nothing to archive: {names[0]} has transfers until 2026-03-01 12:00:00 UTC"]
    )  # fmt: skip
    await old.connection.execute("UPDATE batch SET published_at = NULL WHERE no = (SELECT min(no) FROM batch)")
    assert await old.archive(old.ends[2]) == (
        None, [f"nothing to archive: {names[0]} has batches that are not published"]
    )  # fmt: skip
    await old.connection.execute(PUBLISHED)
    await old.connection.execute("ALTER TABLE transfer DETACH PARTITION transfer_rest")  # it takes any number now
    await old.connection.execute(
        "INSERT INTO transfer_rest (no, debit, credit, amount, org) VALUES (4096, -1, 1, 1, 1)"
    )
    assert await old.archive(old.ends[2]) == (
        None, [f"nothing to archive: transfer_rest has transfers of the time of {names[0]}"]
    )  # fmt: skip


def test_files_come_back_as_they_were_written(tmp_path: Path) -> None:
    """For any pieces that Postgres sends, and any number of parts that they make."""
    lines = [f"{n << 12},-1,{n},{n * 10},1,,{n}\n".encode() for n in range(1, 8)]
    text = b"".join(lines)
    for size in (1, 13, len(text)):
        parts = Parts(tmp_path / "one", rows=3)
        for start in range(0, len(text), size):
            asyncio.run(parts.write(text[start : start + size]))
        parts.close()
        assert Archive.read(tmp_path / "one") is None
        parts.manifest({"format": 1})
        archive = Archive.read(tmp_path / "one")
        assert archive is not None
        assert [part["rows"] for part in archive.manifest["parts"]] == [3, 3, 1]
        assert list(archive.lines()) == lines
        assert list(archive.lines(5 << 12)) == lines[3:6]
        assert archive.transfers(5 << 12) == [(1, -1, 5, 50)]
        assert archive.sums() == {(1, -1): (7, 280, 0)}
        (tmp_path / "one" / MANIFEST).unlink()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "one")
    asyncio.run(parts.write(b"4096,-1,1,5,1,,\n"))
    parts.close()
    parts.manifest({"format": 1})
    archive = Archive.read(tmp_path / "one")
    assert archive is not None
    path = tmp_path / "one" / "part-0001.csv.gz"
    whole = path.read_bytes()
    for broken, said in (
        (gzip.compress(b"4096,-1,1,6,1,,\n"), "is not what manifest.json says: 1 rows"),
        (gzip.compress(b""), "is not what manifest.json says: 0 rows"),
        (whole[:-9], "can't be read"),
    ):
        path.write_bytes(broken)
        with pytest.raises(OperatorError, match=rf"part-0001.csv.gz {said}"):
            list(archive.lines())
    path.unlink()
    with pytest.raises(OperatorError, match=r"part-0001.csv.gz can't be read"):
        list(archive.lines())
    (tmp_path / "one" / MANIFEST).write_bytes(b'{"format": 2}')
    with pytest.raises(OperatorError, match="is of another format"):
        Archive.read(tmp_path / "one")
