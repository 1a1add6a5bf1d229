"""Measure the server: buffers touched and bytes of WAL. They are the same on any machine."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from tests.codec.records import Record
from tests.ledger.conftest import Open
from worker.ledger.pool import SESSION
from worker.ledger.queries import SQL

BUFFERS = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass
class Cost:
    """The numbers of the statements inside `measured`."""

    buffers: int = 0
    wal_bytes: int = 0


@asynccontextmanager
async def measured(connection: asyncpg.Connection) -> AsyncIterator[Cost]:
    """Fill in the cost at the end. Sessions that worked inside must be closed by then: that is when they report."""
    cost = Cost()
    buffers = await _buffers(connection)
    lsn = await connection.fetchval("SELECT pg_current_wal_insert_lsn()")
    yield cost
    cost.wal_bytes = int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - $1", lsn))
    cost.buffers = await _buffers(connection) - buffers


async def cost_of(another: Open, connection: asyncpg.Connection, records: Iterable[Record]) -> Cost:
    """Measure documents that come one at a time."""
    async with measured(connection) as cost:
        worker = await another()
        for one in records:
            await worker.read([one])
        await worker.close()
    return cost


async def _buffers(connection: asyncpg.Connection) -> int:
    while await connection.fetchval(OTHERS):
        await connection.execute("SELECT pg_stat_clear_snapshot()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    return int(await connection.fetchval(BUFFERS))


async def worker_session(dsn: str) -> asyncpg.Connection:
    """A connection as a worker has it."""
    return await asyncpg.connect(dsn, server_settings=SESSION)


async def buffers_of(
    connection: asyncpg.Connection, name: str, *arguments: str, mode: str = "force_generic_plan"
) -> int:
    """Buffers that a statement of worker/ledger/sql touches with these arguments, as SQL; it does take effect."""
    plan = await explained(connection, name, arguments, mode, "ANALYZE, BUFFERS, ")
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def explained(
    connection: asyncpg.Connection, name: str, arguments: Sequence[str], mode: str, options: str = ""
) -> dict[str, Any]:
    """The plan of a statement of worker/ledger/sql, as the server caches it in this mode. `options`: of EXPLAIN."""
    await connection.execute(f"SET plan_cache_mode = {mode}")
    await connection.execute(f"PREPARE explained AS {SQL[name]}")
    try:
        call = f"EXECUTE explained ({', '.join(arguments)})" if arguments else "EXECUTE explained"
        text = await connection.fetchval(f"EXPLAIN ({options}FORMAT JSON) {call}")
    finally:
        await connection.execute("DEALLOCATE explained")
    plan: dict[str, Any] = orjson.loads(text)[0]["Plan"]
    return plan
