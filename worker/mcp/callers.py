"""On whose behalf a request is: always with a key of the caller's own, except where the operator lends the server's."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

import httpx

from worker.client.client import Client
from worker.client.connection import Connection, ConnectionInvalid
from worker.mcp.calls import Caller

PATIENCE_S: Final = 20.0  # the programs that ask give up after a minute or less
_BEARER: Final = "bearer "


class NoCaller(Exception):
    """The headers do not say as whom to ask; the message says which are missing and never holds a key."""


def caller(connection: Connection, over: httpx.AsyncClient) -> Caller:
    """Who asks with this key."""
    key = json.dumps([connection.url, connection.orgcode, connection.is_session, connection.api_key])
    identity = hashlib.sha256(key.encode()).digest()
    return Caller(Client(connection, patience_s=PATIENCE_S, over=over), identity, connection.orgcode)


def connection(url: str, headers: Mapping[str, str], lent: Connection | None) -> Connection:
    """The key that the headers have, as the API itself takes it (contract §5), else the one that is lent.

    Raises NoCaller. Who says anything of whom they are is never given the lent key.
    """
    orgcode, key, bearer = (headers.get(name) for name in ("x-orgcode", "x-api-key", "authorization"))
    if lent is not None and orgcode is None and key is None and bearer is None:
        return lent
    if orgcode is None:
        raise NoCaller("X-Orgcode is missing")
    if (key is None) == (bearer is None):
        raise NoCaller("either X-Api-Key or Authorization is wanted")
    if bearer is not None and not bearer.lower().startswith(_BEARER):
        raise NoCaller("Authorization is not Bearer and a session's token")
    said = key if bearer is None else bearer[len(_BEARER) :].strip()
    try:
        return Connection(url, orgcode, said or "", is_session=bearer is not None)
    except ConnectionInvalid as error:
        raise NoCaller(str(error)) from None
