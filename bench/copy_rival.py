"""The speed of Postgres alone: COPY the rows that the worker wrote for its sales, with as many rows in a transaction.

The rows are read from the ledger before the clock starts, as the bytes that COPY takes. They go into tables with the
same columns, constraints and indexes. Nothing is decoded, decided, locked, updated or published.
"""

import asyncio
import io

import asyncpg
import structlog

from schemas.registry import DOCUMENTS
from worker.process import log, settings

SALE = DOCUMENTS["scm.sale.completed"].code
TABLES = ("event", "transfer")
# Sales come in batches of their own. A batch's number is the upper part of the number of each of its rows.
BATCHES = f"SELECT DISTINCT no >> 12 FROM event WHERE type = {SALE} ORDER BY 1"  # noqa: S608  a constant
ROWS = "SELECT * FROM {table} WHERE no >= {batch}::bigint << 12 AND no < ({batch}::bigint + 1) << 12"
_log = structlog.get_logger(__name__)


async def copy(dsn: str) -> None:
    """Copy the rows of all sales of the ledger into tables `copied_…` beside it."""
    connection = await asyncpg.connect(dsn)
    try:
        numbers = [number for (number,) in await connection.fetch(BATCHES)]
        batches = [{table: await _rows(connection, table, number) for table in TABLES} for number in numbers]
        for table in TABLES:
            await connection.execute(f"CREATE TABLE copied_{table} (LIKE {table} INCLUDING ALL)")
        _log.info("assigned")
        for batch in batches:
            async with connection.transaction():
                for table, rows in batch.items():
                    await connection.copy_to_table(f"copied_{table}", source=io.BytesIO(rows), format="binary")
    finally:
        await connection.close()


async def _rows(connection: asyncpg.Connection, table: str, batch: int) -> bytes:
    taken = io.BytesIO()
    await connection.copy_from_query(ROWS.format(table=table, batch=batch), output=taken, format="binary")
    return taken.getvalue()


if __name__ == "__main__":
    chosen = settings.load()
    log.configure(chosen.log_level, "json")
    asyncio.run(copy(chosen.dsn))
