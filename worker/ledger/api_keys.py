"""API keys and their sessions: who may do what, for which tenant. Only digests of secrets are stored.

A secret is `g3nk_` (a key) or `g3ns_` (a session), its tenant, and 192 random bits. People and scanners for leaked
secrets recognise it. So much randomness needs no slow hash: SHA-256 is enough.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from schemas import orgcode
from worker.ledger import load
from worker.ledger.queries import SQL, Connection

KEY: Final = "g3nk_"
SESSION: Final = "g3ns_"
_SECRET: Final = re.compile(rf"({KEY}|{SESSION})({orgcode.PATTERN})_[0-9a-f]{{48}}")
_FIND: Final = {KEY: "find_api_key", SESSION: "find_session"}
_RANDOM_BYTES: Final = 24
_ID_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, without its secret."""

    orgcode: str
    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a request's secret: a key, or a session of it."""

    orgcode: str
    key_id: str
    scopes: frozenset[str]
    session_id: str | None = None
    until: datetime | None = None  # end of the key's validity; None: valid until it is revoked


@dataclass(frozen=True, slots=True)
class Session:
    """A session, without its token; `parent` is the session that opened it."""

    id: str
    parent: str | None
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


def _secret(prefix: str, orgcode: str) -> str:
    return f"{prefix}{orgcode}_{secrets.token_hex(_RANDOM_BYTES)}"


def digest(secret: str) -> bytes:
    """Return the digest that is stored for a secret, and finds it."""
    return sha256(secret.encode()).digest()


async def caller(connection: Connection, secret: str) -> Caller | None:
    """Return the secret's owner, or None if the secret is unknown, revoked or expired."""
    match = _SECRET.fullmatch(secret)
    if match is None:
        return None
    prefix, orgcode = match.groups()
    rows = await connection.fetch(SQL[_FIND[prefix]], orgcode, digest(secret))
    if not rows:
        return None
    (row,) = rows
    return Caller(orgcode, row["key_id"], frozenset(row["scopes"]), row["session_id"], row["until"])


# --- keys ------------------------------------------------------------------------------------------------------------


async def create(
    connection: Connection, orgcode: str, name: str, scopes: tuple[str, ...], valid: timedelta | None = None
) -> tuple[Key, str]:
    """Create a key. Return it and its secret, which is shown once. `valid` None: the key is valid until it is
    revoked.
    """
    orgs = await load.orgs(connection, {orgcode})
    return await _insert(connection, orgs[orgcode], orgcode, name, scopes, valid)


async def _insert(
    connection: Connection, org: int, orgcode: str, name: str, scopes: tuple[str, ...], valid: timedelta | None
) -> tuple[Key, str]:
    id_, secret = f"k-{secrets.token_hex(_ID_BYTES)}", _secret(KEY, orgcode)
    arguments = org, id_, digest(secret), name, list(scopes), valid
    (row,) = await connection.fetch(SQL["insert_api_key"], *arguments)
    return Key(orgcode, id_, name, scopes, row["created_at"], row["expires_at"]), secret


async def listed(connection: Connection, orgcode: str | None = None) -> list[Key]:
    """Return the keys of a tenant, or of all tenants, including revoked ones."""
    return [_key(row) for row in await connection.fetch(SQL["read_api_keys"], orgcode, None)]


def _key(row: Any) -> Key:  # noqa: ANN401  an asyncpg record
    return Key(**{**dict(row), "scopes": tuple(row["scopes"])})


async def revoke(connection: Connection, orgcode: str, key_id: str) -> bool:
    """Revoke a key and its sessions. Doing it again changes nothing. Return False if the tenant has no such key."""
    return bool(await connection.fetch(SQL["revoke_api_key"], orgcode, key_id))


async def rotate(
    connection: Connection, orgcode: str, key_id: str, overlap: timedelta, valid: timedelta | None = None
) -> tuple[Key, str] | None:
    """Create a key with the name and the scopes of another one, which stays valid for `overlap`. Return None if that
    key is unknown, revoked or expired.
    """
    rows = await connection.fetch(SQL["expire_api_key"], orgcode, key_id, overlap)
    if not rows:
        return None
    (row,) = rows
    return await _insert(connection, row["org"], orgcode, row["name"], tuple(row["scopes"]), valid)


# --- sessions --------------------------------------------------------------------------------------------------------


async def open_session(
    connection: Connection, of: Caller, scopes: tuple[str, ...], ttl_s: int, most: int
) -> tuple[Session, str] | None:
    """Open a session of the caller's key. Return it and its token, which is shown once. It ends when the caller does.

    Returns None if the key has `most` sessions already. Expired sessions of the tenant are removed. Raises
    asyncpg.ForeignKeyViolationError if the caller is a session that has ended.
    """
    id_, token = f"s-{secrets.token_hex(_ID_BYTES)}", _secret(SESSION, of.orgcode)
    await connection.fetchval(SQL["lock_sessions"], of.orgcode, of.key_id)
    await connection.execute(SQL["delete_expired_sessions"], of.orgcode)
    until = timedelta(seconds=ttl_s), of.until
    arguments = of.orgcode, id_, digest(token), of.key_id, list(scopes), *until, of.session_id, most
    rows = await connection.fetch(SQL["insert_session"], *arguments)
    return (Session(id_, of.session_id, scopes, rows[0]["created_at"], rows[0]["expires_at"]), token) if rows else None


async def sessions(connection: Connection, of: Caller) -> list[Session]:
    """Return the sessions that the caller may see and end: for a key, all of its own; for a session, itself and those
    that it opened.
    """
    rows = await connection.fetch(SQL["read_sessions"], of.orgcode, of.key_id, of.session_id)
    return [Session(**{**dict(row), "scopes": tuple(row["scopes"])}) for row in rows]


async def end_session(connection: Connection, of: Caller, session_id: str) -> set[str]:
    """End a session that the caller may end, and those that it opened. Return their ids."""
    if of.session_id is not None and session_id not in {one.id for one in await sessions(connection, of)}:
        return set()
    rows = await connection.fetch(SQL["delete_session"], of.orgcode, session_id, of.key_id)
    return {row["id"] for row in rows}
