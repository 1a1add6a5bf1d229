"""Rows that exist only in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import ormsgpack

from worker.ledger.changes import Key, Row


class Rows:
    """Rows by table and primary key, packed. A million rows take some hundred MiB."""

    def __init__(self, columns: dict[str, tuple[str, ...]]) -> None:
        self.columns = columns
        self._packed: dict[str, dict[bytes, bytes | None]] = {name: {} for name in columns}

    def has(self, table: str, key: Key) -> bool:
        return ormsgpack.packb(key) in self._packed[table]

    def get(self, table: str, key: Key) -> Row | None:
        packed = self._packed[table][ormsgpack.packb(key)]
        return None if packed is None else dict(zip(self.columns[table], ormsgpack.unpackb(packed), strict=True))

    def put(self, table: str, key: Key, row: Row | None) -> None:
        self._packed[table][ormsgpack.packb(key)] = None if row is None else self.packed(table, row)

    def packed(self, table: str, row: Row) -> bytes:
        """Raises OverflowError for an integer beyond 64 bits, as Postgres would refuse it."""
        try:
            return ormsgpack.packb([row.get(name) for name in self.columns[table]])
        except ormsgpack.MsgpackEncodeError as error:
            raise OverflowError("an integer beyond 64 bits") from error


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
