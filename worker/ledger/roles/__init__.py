"""The roles of the ledger, with least privilege for each (docs/security.md, Roles).

`create.sql` makes the roles and `grants.sql` grants their rights; a DBA can run both by hand. A program takes on its
role when it connects. So it never has more rights than the role, whatever its login.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from enum import StrEnum
from hashlib import pbkdf2_hmac, sha256
from pathlib import Path

import asyncpg

_FOLDER = Path(__file__).parent
# The default of Postgres itself (scram_iterations).
_ITERATIONS = 4096


class Missing(Exception):
    """The roles of the ledger are missing, and the connection's user may not create them."""


class Role(StrEnum):
    """A role of the database server."""

    OWNER = "crm_owner"
    WORKER = "crm_worker"
    API = "crm_api"
    OPS = "crm_ops"
    AUDIT = "crm_audit"


def sql() -> str:
    """Return the SQL that a DBA runs if `setup` may not create roles. After that, `setup` as the owner does the
    rest.
    """
    return (_FOLDER / "create.sql").read_text(encoding="utf-8")


async def ensure(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    """Create the roles if the connection's user may, set these passwords, and act as the owner from then on.

    Raises Missing.
    """
    if await connection.fetchval("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"):
        await connection.execute(sql())
        for role, password in passwords.items():
            # Only the verifier crosses the wire: statements end up in server logs.
            await connection.execute(f"ALTER ROLE {role} PASSWORD '{_verifier(password)}'")
    try:
        await connection.execute(f"SET ROLE {Role.OWNER}")
    except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError):
        user = await connection.fetchval("SELECT current_user")
        raise Missing(
            f"the database user {user} may neither act as {Role.OWNER} nor create it; "
            "a DBA runs what `g3n worker setup --print-roles` prints"
        ) from None


async def grant(connection: asyncpg.Connection) -> None:
    """Grant each role the rights that it needs, and revoke all others. The connection acts as the owner."""
    async with connection.transaction():
        await connection.execute((_FOLDER / "grants.sql").read_text(encoding="utf-8"))


def _verifier(password: str) -> str:
    """Return the SCRAM-SHA-256 verifier that Postgres stores for a password (RFC 5803)."""
    salt = secrets.token_bytes(16)
    salted = pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = sha256(hmac.digest(salted, b"Client Key", sha256)).digest()
    server = hmac.digest(salted, b"Server Key", sha256)
    salt_64, stored_64, server_64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_64}${stored_64}:{server_64}"
