"""Sessions: tokens with the scopes of their key, or fewer, for a limited time."""

from datetime import datetime
from typing import Final

import asyncpg

from schemas.problems import ApiReason
from schemas.requests import SessionCreate, SessionList, SessionRevoke
from schemas.scalars import format_instant
from schemas.scopes import Scope
from schemas.views import Revoked, SessionEntry, SessionPage, SessionView
from worker.api.admitted import AdmittedRequest, Reply
from worker.api.body import validated
from worker.api.callers import Callers, allow
from worker.api.problem import own
from worker.ledger import api_keys
from worker.ledger.pool import Pool

_SCOPES: Final = frozenset(scope.value for scope in Scope)


class Sessions:
    """Opens, lists and ends sessions of the caller's key, which may have `most`."""

    def __init__(self, pool: Pool, callers: Callers, most: int) -> None:
        self._pool = pool
        self._callers = callers
        self._most = most

    async def answer(self, asked: AdmittedRequest) -> Reply:
        """Return the answer. Raises Problem."""
        answers = {"session.create": self._create, "session.list": self._list, "session.revoke": self._revoke}
        return await answers[asked.operation.name](asked)

    async def _create(self, asked: AdmittedRequest) -> Reply:
        """Open a session. A session's session ends with it at the latest, and has no more scopes."""
        request: SessionCreate = validated(SessionCreate, asked.body, asked.keyring)
        caller = asked.caller
        scopes = sorted(caller.scopes) if request.scopes is None else list(dict.fromkeys(request.scopes))
        for place, scope in enumerate(scopes):
            if scope not in _SCOPES:
                raise own(ApiReason.INVALID, f"scopes[{place}]: one of {', '.join(sorted(_SCOPES))}")
            allow(caller, Scope(scope))
        try:
            async with self._pool.transaction() as connection:
                opened = await api_keys.open_session(connection, caller, tuple(scopes), request.ttl_s, self._most)
        except asyncpg.ForeignKeyViolationError:  # the calling session ended a moment ago
            self._callers.forget_sessions(caller, {caller.session_id or ""})
            raise own(ApiReason.CREDENTIALS_NOT_ACCEPTED, headers={"WWW-Authenticate": "Bearer"}) from None
        if opened is None:
            raise own(ApiReason.SESSIONS_LIMITED, most=self._most, headers={"Retry-After": "60"})
        session, token = opened
        view = SessionView(
            session_id=session.id, token=token, expires_at=_instant(session.expires_at), scopes=session.scopes
        )
        return Reply(view.model_dump_json().encode())

    async def _list(self, asked: AdmittedRequest) -> Reply:
        validated(SessionList, asked.body, asked.keyring)
        async with self._pool.reading() as connection:
            sessions = await api_keys.sessions(connection, asked.caller)
        entries = tuple(
            SessionEntry(
                session_id=one.id,
                parent_id=one.parent,
                scopes=one.scopes,
                created_at=_instant(one.created_at),
                expires_at=_instant(one.expires_at),
            )
            for one in sessions
        )
        return Reply(SessionPage(sessions=entries).model_dump_json(exclude_none=True).encode())

    async def _revoke(self, asked: AdmittedRequest) -> Reply:
        """End a session. Ending one that has ended, or never existed, succeeds."""
        request: SessionRevoke = validated(SessionRevoke, asked.body, asked.keyring)
        session_id = request.session_id or asked.caller.session_id
        if session_id is None:
            raise own(ApiReason.INVALID, "session_id is missing")
        async with self._pool.transaction() as connection:
            ended = await api_keys.end_session(connection, asked.caller, session_id)
        self._callers.forget_sessions(asked.caller, ended)
        return Reply(Revoked(session_id=session_id).model_dump_json().encode())


def _instant(at: datetime) -> str:
    return format_instant(round(at.timestamp() * 1_000_000))
