"""The checks before a process does anything: its settings, the database server, the ledger's guards."""

import asyncpg
import structlog

from worker.app.connect import POSTGRES, reached
from worker.kafka import topics
from worker.ledger import card_keys, guards, safety
from worker.ledger.pool import Pool
from worker.ledger.roles import Role
from worker.process import errors
from worker.process.settings import Settings, SettingsError
from worker.process.status import Status

_log = structlog.get_logger(__name__)


def warn(settings: Settings, status: Status | None = None) -> None:
    """Tell, at every start and in /readyz, of settings that are for development only."""
    for what in settings.for_development_only:
        _log.warning("development_only", what=what)
        if status is not None:
            status.warn(what)


async def examined(settings: Settings, dsn: str, role: Role, status: Status | None = None) -> list[str]:
    """Check that the database keeps what it commits, and the card keys against those of its rows.

    Returns a line for each key that it recorded. Raises SettingsError for another key or an unsafe server,
    OperatorError for a database that was not set up.
    """
    pool = await reached(POSTGRES, lambda: Pool.of_interface(dsn, 1, role))
    try:
        async with pool.transaction() as connection:
            unsafe = await safety.unsafe(connection)
            lines = await card_keys.accept(connection, settings.card_keys, owner=role is Role.OWNER)
            await guards.check(connection, served(settings) if role is Role.WORKER else None)
            _allow(settings, unsafe, status)
            return lines
    except card_keys.WrongKey as error:
        raise SettingsError(f"G3N_CARD_KEY is {error}") from error
    except guards.Refused as error:
        raise SettingsError(str(error)) from error
    except asyncpg.UndefinedTableError as error:
        raise errors.OperatorError("the database lacks a table of this version: run g3n worker setup") from error
    finally:
        await pool.close()


def served(settings: Settings) -> guards.Served:
    """Return the group and the topics that the settings name."""
    return guards.Served(settings.consumer_group, topics.from_settings(settings).read)


def _allow(settings: Settings, unsafe: list[str], status: Status | None) -> None:
    """Raise SettingsError for an unsafe database server; in development, tell of it."""
    if not unsafe:
        return
    what = f"the database server can lose what it has committed: {', '.join(unsafe)}"
    if not settings.development:
        raise SettingsError(f"{what}; G3N_DEVELOPMENT=true allows it for a try")
    _log.warning("development_only", what=what)
    if status is not None:
        status.warn(what)
