"""A snapshot of a ledger, read without a lock and with plans for whole tables."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from worker.ledger.pool import connect
from worker.ledger.roles import Role

# Plans for whole tables; a worker's sessions look up keys instead. The planner expects few rows in a table that was
# filled and never analysed, and a nested loop would take the square of the real number. So nested loops are off. A
# statement that looks up keys asks for it itself, by LATERAL and LIMIT.
WHOLE: Final = {
    "enable_seqscan": "on", "enable_hashjoin": "on", "enable_mergejoin": "on", "enable_nestloop": "off",
    "work_mem": "256MB", "idle_in_transaction_session_timeout": "0",
}  # fmt: skip
STATEMENT_S: Final = 3600.0


@contextlib.asynccontextmanager
async def snapshot(
    dsn: str, role: Role, name: str, prepare: Callable[[Any], Awaitable[None]] | None = None
) -> AsyncIterator[Any]:
    """Open a connection that reads one snapshot, for as long as the context is open. `name`: the application name in
    Postgres. `prepare` gets the connection before the snapshot is taken, and may write temporary tables.
    """
    pool = await connect(dsn, 1, role, {**WHOLE, "application_name": name}, timeout_s=STATEMENT_S)
    try:
        async with pool.acquire() as connection:
            if prepare is not None:
                await prepare(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield connection
    finally:
        pool.terminate()
