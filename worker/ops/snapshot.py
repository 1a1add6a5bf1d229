"""One moment of a ledger, read without a lock and with the plans of whole tables."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from worker.ledger.pool import connect
from worker.ledger.roles import Role

# The plans of whole tables, where a worker's sessions look up keys. Of a table that was filled and never analysed, the
# planner expects a few rows, and a nested loop over those that there are takes the square of them: so there is none. A
# statement that looks up keys says so itself, by LATERAL and LIMIT.
WHOLE: Final = {
    "enable_seqscan": "on", "enable_hashjoin": "on", "enable_mergejoin": "on", "enable_nestloop": "off",
    "work_mem": "256MB", "idle_in_transaction_session_timeout": "0",
}  # fmt: skip
STATEMENT_S: Final = 3600.0


@contextlib.asynccontextmanager
async def snapshot(
    dsn: str, role: Role, name: str, prepare: Callable[[Any], Awaitable[None]] | None = None
) -> AsyncIterator[Any]:
    """A connection that sees one moment, for as long as the context is open. `name`: what Postgres shows of it.
    `prepare` gets the connection before the moment is fixed, and may write what is the session's own.
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
