"""Set up the ledger's database: roles, schema, rights."""

import contextlib
from collections.abc import Callable, Mapping

import asyncpg

from worker.ledger import housekeeping, roles, unfolded
from worker.ledger.migrate import migrate
from worker.ledger.queries import SQL


async def set_up(
    dsn: str, passwords: Mapping[str, str] | None = None, say: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Create the roles with these passwords, bring the schema up to date, and grant each role its rights. Then fold the
    profiles that an earlier version wrote, and add the next partition of transfers if it is time and no long read is in
    the way. `say` gets a line for
    each thing when it is done.

    Returns the names of the migrations that were applied. Running it again, or several at once, is safe. Raises
    MigrationError for a migration that was changed, and roles.Missing if the roles are missing and the user of the DSN
    may not create them.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await roles.ensure(connection, passwords or {})
        applied = await migrate(connection, say)
        await roles.grant(connection)
        await unfolded.fold(connection, say)
        with contextlib.suppress(*housekeeping.NOT_NOW):
            await connection.fetchval(SQL["add_transfer_partition"])
    finally:
        await connection.close()
    return applied
