"""Only the owner may archive: no other role may drop tables of the ledger."""

import contextlib
from collections.abc import Iterator

import asyncpg

from worker.ledger.roles import Role
from worker.process.errors import OperatorError


@contextlib.contextmanager
def as_owner() -> Iterator[None]:
    """Raise OperatorError, with what to do, if the login may not act as the owner."""
    try:
        yield
    except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError):
        raise OperatorError(f"to archive is to act as {Role.OWNER}: set G3N_POSTGRES_ADMIN_DSN, as for setup") from None
