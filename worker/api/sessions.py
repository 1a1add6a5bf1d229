"""Sessions: tokens that do for a while what their key may do, or less."""

from typing import Final

from schemas.problems import DoorReason
from schemas.scalars import format_instant
from schemas.scopes import Scope
from schemas.views import Revoked, SessionCreate, SessionRevoke, SessionView
from worker.api.asking import Asked, Told
from worker.api.body import validated
from worker.api.callers import Callers, allow
from worker.api.problem import own
from worker.ledger import keys
from worker.ledger.pool import Pool

_SCOPES: Final = frozenset(scope.value for scope in Scope)


class Sessions:
    """Opens and ends sessions of the caller's own key."""

    def __init__(self, pool: Pool, callers: Callers) -> None:
        self._pool = pool
        self._callers = callers

    async def answer(self, asked: Asked) -> Told:
        """What was asked for. Raises Problem."""
        return await (self._create(asked) if asked.operation.name == "session.create" else self._revoke(asked))

    async def _create(self, asked: Asked) -> Told:
        """A session of a session ends with it at the latest, and may do no more. Raises Problem."""
        request: SessionCreate = validated(SessionCreate, asked.body, asked.keyring)
        caller = asked.caller
        scopes = sorted(caller.scopes) if request.scopes is None else list(dict.fromkeys(request.scopes))
        for place, scope in enumerate(scopes):
            if scope not in _SCOPES:
                raise own(DoorReason.INVALID, f"scopes[{place}]: enum")
            allow(caller, Scope(scope))
        async with self._pool.transaction() as connection:
            session, token = await keys.open_session(connection, caller, tuple(scopes), request.ttl_s)
        expires_us = round(session.expires_at.timestamp() * 1_000_000)
        view = SessionView(
            session_id=session.id, token=token, expires_at=format_instant(expires_us), scopes=tuple(scopes)
        )
        return Told(view.model_dump_json().encode())

    async def _revoke(self, asked: Asked) -> Told:
        """One that is over already, or never was, is over. Raises Problem."""
        request: SessionRevoke = validated(SessionRevoke, asked.body, asked.keyring)
        session_id = request.session_id or asked.caller.session_id
        if session_id is None:
            raise own(DoorReason.INVALID, "session_id: missing")
        async with self._pool.transaction() as connection:
            await keys.end_session(connection, asked.caller, session_id)
        self._callers.forget_sessions(asked.caller, {session_id})
        return Told(Revoked(session_id=session_id).model_dump_json().encode())
