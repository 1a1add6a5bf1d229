"""Numbered SQL files, applied once, in order, under an advisory lock. A checksum refuses a changed file."""

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x63726D  # any number, the same for all: "crm"

JOURNAL = """
CREATE TABLE IF NOT EXISTS migration (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(Exception):
    """The database was migrated with different files."""


def files() -> "Iterator[tuple[int, str, str]]":
    """Return (number, name, SQL), in order."""
    for path in sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        yield int(path.name[:4]), path.stem, path.read_text(encoding="utf-8")


async def migrate(connection: asyncpg.Connection, say: "Callable[[str], None]" = lambda _: None) -> list[str]:
    """Bring the schema up to date, and return the names of the migrations that were applied.

    `say` gets a line for each migration when it is applied: a migration that changes large tables takes minutes.

    Safe to run from several connections at once. Raises MigrationError for a migration that was changed.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(JOURNAL)
        known = {row["number"]: row for row in await connection.fetch("SELECT number, name, checksum FROM migration")}
        applied = []
        for number, name, sql in files():
            checksum = sha256(sql.encode()).hexdigest()
            if number in known:
                if known[number]["checksum"] != checksum:
                    raise MigrationError(f"migration {name} was changed after it was applied; add a new file instead")
                continue
            async with connection.transaction():
                await connection.execute(sql)
                await connection.execute(
                    "INSERT INTO migration (number, name, checksum) VALUES ($1, $2, $3)", number, name, checksum
                )
            applied.append(name)
            say(f"migration {name}: applied")
        return applied
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
