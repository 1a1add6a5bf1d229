"""Find the caller of a request: an API key or a session, its tenant and its scopes."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final

from starlette.datastructures import Headers

from schemas.problems import ApiReason
from schemas.scopes import Scope
from worker.api.problem import own
from worker.api.strangers import Strangers
from worker.ledger import api_keys
from worker.ledger.api_keys import Caller
from worker.ledger.pool import Pool

REMEMBERED_S: Final = 5.0  # a key that was revoked elsewhere is refused after this time at the latest
REMEMBERED: Final = 10_000
_BEARER: Final = "bearer "
_CHALLENGE: Final[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class Callers:
    """Looks callers up in the ledger, and remembers them for a few seconds by the digest of their secret.

    A secret that was accepted before is always looked up again. So an address that sends many wrong ones shuts out
    nobody with a good one.
    """

    def __init__(self, pool: Pool, orgcodes: frozenset[str], strangers: Strangers, lookups: int) -> None:
        """At most `lookups` secrets that were never accepted are looked up at a time."""
        self._pool = pool
        self._orgcodes = orgcodes
        self._strangers = strangers
        self._lookups = asyncio.Semaphore(lookups)
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    async def of(self, headers: Headers, address: str) -> Caller:
        """Return the caller of a request. Raises Problem: 400, 401, 403 or 429."""
        caller = await self._caller(_secret(headers), address)
        orgcode = single(headers, "X-Orgcode")
        if orgcode is None:
            raise own(ApiReason.INVALID_HEADER)
        if orgcode != caller.orgcode:
            raise own(ApiReason.ORGCODE_NOT_OF_KEY)
        return caller

    async def _caller(self, secret: str | None, address: str) -> Caller:
        digest = api_keys.digest(secret or "")
        until, caller = self._known.get(digest, (0.0, None))
        if caller is not None and time.monotonic() < until:
            return caller
        if caller is not None:
            caller = await self._look_up(digest, secret)
        else:
            self._strangers.count(address)
            if secret is not None and not self._strangers.is_refused(digest):
                async with self._lookups:
                    caller = await self._look_up(digest, secret)
            if caller is not None:
                self._strangers.uncount(address)
        if caller is None:
            raise own(ApiReason.CREDENTIALS_NOT_ACCEPTED, headers=_CHALLENGE)
        return caller

    async def _look_up(self, digest: bytes, secret: str | None) -> Caller | None:
        async with self._pool.reading() as connection:
            caller = await api_keys.caller(connection, secret or "")
        if caller is None or (self._orgcodes and caller.orgcode not in self._orgcodes):
            self._known.pop(digest, None)
            self._strangers.refuse(digest)
            return None
        rest_s = REMEMBERED_S if caller.until is None else caller.until.timestamp() - time.time()
        self._known[digest] = (time.monotonic() + min(rest_s, REMEMBERED_S), caller)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return caller

    def forget_sessions(self, of: Caller, session_ids: Collection[str]) -> None:
        """Forget sessions that have ended. Other processes forget them within seconds."""
        gone = [
            digest
            for digest, (_, caller) in self._known.items()
            if (caller.orgcode, caller.key_id) == (of.orgcode, of.key_id) and caller.session_id in session_ids
        ]
        for digest in gone:
            del self._known[digest]


def allow(caller: Caller, scope: Scope | None) -> None:
    """Raise Problem, 403, unless the caller has the scope."""
    if scope is not None and scope.value not in caller.scopes:
        raise own(ApiReason.SCOPE_MISSING, scope=scope)


def single(headers: Headers, name: str) -> str | None:
    """Return the header's value, or None. Raises Problem if it is there twice: nobody knows which one counts."""
    values = headers.getlist(name)
    if len(values) > 1:
        raise own(ApiReason.INVALID_HEADER, f"{name}: more than one")
    return values[0] if values else None


def _secret(headers: Headers) -> str | None:
    """Return the key, else the token of a session. Beside a key, Authorization belongs to somebody else, such as a
    gateway.
    """
    key = single(headers, "X-Api-Key")
    if key is not None:
        return key if key.startswith(api_keys.KEY) else None
    authorization = single(headers, "Authorization")
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    token = authorization[len(_BEARER) :].strip()
    return token if token.startswith(api_keys.SESSION) else None
