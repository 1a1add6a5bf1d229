"""No timeout cancels a COMMIT, and a warning from Postgres about it is an error.

If a COMMIT waits for a synchronous standby and is cancelled, Postgres ends the wait with a warning, and the COMMIT
succeeds. The transaction is visible then, but a failover would lose it, after its outcomes were sent. So no timeout of
ours ends a COMMIT. A caller that gives up drops the connection, and the server goes on waiting.
"""

import asyncio
from typing import Any, Final

import asyncpg

from worker.ledger.queries import SQL, Connection
from worker.process.errors import Unavailable

_NEVER_S: Final = 10 * 365 * 86400.0  # asyncpg reads None as its own timeout
_COMMIT: Final = "COMMIT;"  # as asyncpg's transactions send it


class Committing(asyncpg.Connection):
    """A connection whose COMMIT waits as long as Postgres does.

    No user of a pool leaves settings, locks or cursors in a session, so a released connection needs no reset. asyncpg's
    own takes a round trip to Postgres after each COMMIT, before anybody is answered.
    """

    def get_reset_query(self) -> str:
        """Return nothing to send. asyncpg still rolls back a transaction that was left open."""
        return ""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ANN401, ASYNC109  asyncpg's signature
        """Execute as asyncpg does, but for a COMMIT.

        A COMMIT raises Unavailable if somebody made Postgres stop waiting for its standby: the transaction is visible,
        but may be lost, and applying the batch again is safe. A COMMIT that is cancelled here drops the connection.
        """
        if query == _COMMIT:
            return await self._commit()
        return await super().execute(query, *args, timeout=timeout)

    async def _commit(self) -> str:
        warnings: list[object] = []

        def listen(_connection: object, message: Any) -> None:  # noqa: ANN401  asyncpg's message
            if message.severity_en == "WARNING":
                warnings.append(message)

        self.add_log_listener(listen)
        task = asyncio.ensure_future(super().execute(_COMMIT, timeout=_NEVER_S))
        try:
            done = await asyncio.shield(task)
        except asyncio.CancelledError:
            self.terminate()
            await asyncio.gather(task, return_exceptions=True)
            raise
        finally:
            self.remove_log_listener(listen)
        if warnings:
            raise Unavailable("Postgres stopped waiting for its standby: the transaction may be lost")
        return done


async def write_something(connection: Connection) -> None:
    """Write, so that the COMMIT of a reading transaction confirms that the rows it read are on disk and on the standby.

    Another transaction's rows may be visible before they are safe. A later commit of our own is acknowledged after
    them.
    """
    await connection.execute(SQL["write_something"])
