"""Find the scopes of a key."""

from typing import Final

from schemas.operations import OPERATIONS
from schemas.problems import Code
from worker.client.client import Client
from worker.client.failure import ApiError

_SESSION_S: Final = 60  # the shortest that the API gives


async def scopes(client: Client, *, patience_s: float) -> tuple[str, ...]:
    """Return the scopes of the client's key or session. Raises ApiError.

    No route lists them. A session has all the scopes of its key, and creating one needs none, so we create a session,
    read its scopes and revoke it.
    """
    body = {"ttl_s": _SESSION_S}
    session = (await client.call(OPERATIONS["session.create"], body, patience_s=patience_s)).json()
    try:
        ended = {"session_id": session["session_id"]}
        await client.call(OPERATIONS["session.revoke"], ended, patience_s=patience_s)
    except ApiError as error:
        if error.code is not Code.UNAVAILABLE:  # it ends by itself within a minute
            raise
    return tuple(session["scopes"])
