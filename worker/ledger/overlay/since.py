"""The changes since a snapshot: the rows that decisions read then, compared with the present rows."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import NamedTuple

import ormsgpack

from worker.ledger.changes import TABLES, Key
from worker.ledger.overlay.rows import fingerprint
from worker.ledger.overlay.statements import WHOLE
from worker.ledger.queries import Connection

_AT_ONCE = 2000


class Changed(NamedTuple):
    """A row that has changed. `key` begins with the tenant's number."""

    table: str
    key: Key


async def changed(
    connection: Connection, reads: Iterable[tuple[bytes, bytes]], columns: Mapping[str, Sequence[str]]
) -> AsyncIterator[Changed]:
    """Yield each of the reads (`Overlay.reads`) whose fingerprint has changed."""
    part: dict[str, dict[Key, bytes]] = {table: {} for table in TABLES}
    for count, (packed, print_) in enumerate(reads, 1):
        table, *key = ormsgpack.unpackb(packed)
        part[table][tuple(key)] = print_
        if count % _AT_ONCE == 0:
            async for one in _differ(connection, part, columns):
                yield one
            part = {table: {} for table in TABLES}
    async for one in _differ(connection, part, columns):
        yield one


async def _differ(
    connection: Connection, reads: dict[str, dict[Key, bytes]], columns: Mapping[str, Sequence[str]]
) -> AsyncIterator[Changed]:
    for table, prints in reads.items():
        if not prints:
            continue
        keys = list(prints)
        now = dict.fromkeys(keys, b"")
        for row in await connection.fetch(WHOLE[table], *zip(*keys, strict=True)):
            now[keys[row["place"] - 1]] = fingerprint(row, columns[table])
        for key in keys:
            if now[key] != prints[key]:
                yield Changed(table, key)
