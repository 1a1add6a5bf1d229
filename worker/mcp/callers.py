"""Find the key for a request: always the caller's own, unless the operator lends the server's."""

import hashlib
import json
from typing import Final

import httpx
from starlette.datastructures import Headers

from worker.client.client import Client
from worker.client.connection import Connection, ConnectionInvalid
from worker.mcp.calls import Caller

PATIENCE_S: Final = 20.0  # the calling programs give up after a minute or less
_NAMES: Final = ("X-Orgcode", "X-Api-Key", "Authorization")


class NoCaller(Exception):
    """The headers have no key or no tenant. The message says which headers are missing and never holds a key."""


def caller(connection: Connection, over: httpx.AsyncClient) -> Caller:
    """Return the caller who has this key."""
    key = json.dumps([connection.url, connection.orgcode, connection.is_session, connection.api_key])
    identity = hashlib.sha256(key.encode()).digest()
    return Caller(Client(connection, patience_s=PATIENCE_S, over=over), identity, connection.orgcode)


def connection(url: str, headers: Headers, lent: Connection | None) -> Connection:
    """Return the connection for the key in the headers, which are those of the API (contract §5), else for the lent
    key.

    Raises NoCaller. A request with any such header never gets the lent key.
    """
    orgcode, key, authorization = (_single(headers, name) for name in _NAMES)
    if lent is not None and orgcode is None and key is None and authorization is None:
        return lent
    if orgcode is None:
        raise NoCaller("X-Orgcode is missing")
    if key is None and authorization is None:
        raise NoCaller("X-Api-Key is missing, and Authorization too")
    try:
        if key is not None:  # beside X-Api-Key, Authorization belongs to somebody else, such as a gateway in front
            return Connection(url, orgcode, key)
        return Connection(url, orgcode, _token(authorization or ""), is_session=True)
    except ConnectionInvalid as error:
        raise NoCaller(str(error)) from None


def _single(headers: Headers, name: str) -> str | None:
    """Return the header's value, or None. If it is there twice, nobody knows which one counts: raise NoCaller."""
    values = headers.getlist(name)
    if len(values) > 1:
        raise NoCaller(f"{name}: more than one")
    return values[0] if values else None


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise NoCaller("Authorization is not Bearer and a session's token")
    return token.strip()
