"""Rows that no database has: what a plan would write."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import ormsgpack

from worker.ledger.changes import Key, Row

# Rows that stay in memory: 150 MiB. A million new sales took 0.9 KiB each, and all of the 1 GiB that a plan may take.
MOST: Final = 200_000
_TABLE: Final = "CREATE TABLE spilled (key BLOB PRIMARY KEY, row BLOB)"
_CACHE: Final = "PRAGMA cache_size = -65536"  # KiB


class Rows:
    """Rows by table and primary key, packed: the latest in memory, the others in a temporary file."""

    def __init__(self, columns: dict[str, tuple[str, ...]]) -> None:
        self.columns = columns
        self._latest: dict[bytes, bytes | None] = {}
        self._file: sqlite3.Connection | None = None

    def has(self, table: str, key: Key) -> bool:
        return self._find(table, key) is not None

    def get(self, table: str, key: Key) -> Row | None:
        """The row; None: it was deleted. Raises KeyError unless it was put."""
        found = self._find(table, key)
        if found is None:
            raise KeyError(table, key)
        (packed,) = found
        return None if packed is None else dict(zip(self.columns[table], ormsgpack.unpackb(packed), strict=True))

    def put(self, table: str, key: Key, row: Row | None) -> None:
        self._latest[ormsgpack.packb([table, *key])] = None if row is None else self.packed(table, row)
        if len(self._latest) >= MOST:
            self._spill()

    def packed(self, table: str, row: Row) -> bytes:
        """Raises OverflowError for an integer beyond 64 bits, as Postgres would refuse it."""
        try:
            return ormsgpack.packb([row.get(name) for name in self.columns[table]])
        except ormsgpack.MsgpackEncodeError as error:
            raise OverflowError("an integer beyond 64 bits") from error

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()

    def _find(self, table: str, key: Key) -> tuple[bytes | None] | None:
        at = ormsgpack.packb([table, *key])
        if at in self._latest:
            return (self._latest[at],)
        if self._file is None:
            return None
        found: tuple[bytes | None] | None = self._file.execute(
            "SELECT row FROM spilled WHERE key = ?", (at,)
        ).fetchone()
        return found

    def _spill(self) -> None:
        if self._file is None:
            self._file = sqlite3.connect("", isolation_level=None)  # SQLite removes a file without a name itself
            self._file.execute(_CACHE)
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute(_TABLE)
        self._file.execute("BEGIN")
        self._file.executemany("INSERT OR REPLACE INTO spilled VALUES (?, ?)", self._latest.items())
        self._file.execute("COMMIT")
        self._latest.clear()


@dataclass(slots=True)
class Layer:
    """The rows that a transaction, or a savepoint in it, has written so far."""

    rows: dict[tuple[str, Key], Row | None] = field(default_factory=dict)
    transfers: list[Row] = field(default_factory=list)
    consents: list[Row] = field(default_factory=list)
    policies: list[Row] = field(default_factory=list)

    def add(self, other: "Layer") -> None:
        self.rows |= other.rows
        self.transfers += other.transfers
        self.consents += other.consents
        self.policies += other.policies


def fingerprint(row: Row | None, columns: Sequence[str]) -> bytes:
    """Return a fingerprint of all columns; empty for a row that does not exist."""
    if row is None:
        return b""
    return blake2b(ormsgpack.packb([row[name] for name in columns]), digest_size=8).digest()
