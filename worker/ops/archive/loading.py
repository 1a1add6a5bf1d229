"""Load archives beside the ledger: one session sees their transfers as if they were still in the ledger."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from worker.ledger.queries import SQL
from worker.ops.archive.files import COLUMNS, MANIFEST, Archive
from worker.process.errors import OperatorError

_AT_ONCE: Final = 1 << 20  # bytes
_NAMES: Final = ", ".join(COLUMNS)
# Names of a session's own come before those of the schema `public`, so every statement that reads transfers reads
# these. The sums that stand for archived transfers would count them again.
_BESIDE: Final = f"""
CREATE TEMPORARY VIEW transfer AS
    SELECT {_NAMES} FROM public.transfer UNION ALL SELECT {_NAMES} FROM archived_transfer;
CREATE TEMPORARY VIEW archive AS SELECT * FROM public.archive WHERE false;
CREATE TEMPORARY VIEW archived_entry AS SELECT * FROM public.archived_entry WHERE false;
"""  # noqa: S608  names of ours
_VIEWS: Final = ("entry", "imbalance")


def archive_of(directory: Path, name: str, checksum: bytes) -> Archive:
    """Return the archive of this name. Raises OperatorError if it is missing, or not the archive in the ledger's
    record.
    """
    archive = Archive.read(directory / name)
    if archive is None:
        raise OperatorError(f"{directory / name} has no {MANIFEST}: give the directory that has every archive")
    if archive.checksum != checksum:
        raise OperatorError(
            f"{directory / name / MANIFEST} is not the one that the ledger noted when it archived {name}"
        )
    return archive


async def beside(connection: Any, directory: Path) -> None:  # noqa: ANN401  asyncpg
    """Load every archive of the ledger into the session of this connection. The session may not be on a standby.

    Raises OperatorError if an archive is missing, or differs from the ledger's record.
    """
    rows = await connection.fetch(SQL["audit_archives"])
    views = {name: await connection.fetchval("SELECT pg_get_viewdef($1::regclass)", name) for name in _VIEWS}
    await connection.execute("CREATE TEMPORARY TABLE archived_transfer (LIKE public.transfer)")
    for row in rows:
        archive = archive_of(directory, row["name"], row["checksum"])
        await connection.copy_to_table("archived_transfer", source=_chunks(archive), columns=COLUMNS, format="csv")
    await connection.execute("ANALYZE archived_transfer")
    await connection.execute(_BESIDE)
    for name, definition in views.items():
        await connection.execute(f"CREATE TEMPORARY VIEW {name} AS {definition}")


async def nothing_since(connection: Any) -> None:  # noqa: ANN401  asyncpg
    """Raise OperatorError if partitions were archived after `beside` loaded the archives."""
    missing = """
        SELECT name FROM public.archive a
        WHERE a.transfers > 0 AND NOT EXISTS (
            SELECT FROM archived_transfer WHERE no >> 12 >= a.first_batch AND no >> 12 < a.end_batch)
    """
    if name := await connection.fetchval(missing):
        raise OperatorError(f"{name} was archived while the archives were read: audit again")


async def _chunks(archive: Archive) -> AsyncIterator[bytes]:
    lines: list[bytes] = []
    size = 0
    for line in archive.lines():
        lines.append(line)
        size += len(line)
        if size >= _AT_ONCE:
            yield b"".join(lines)
            lines, size = [], 0
    yield b"".join(lines)
