"""What was previewed and waits for its confirmation: for a while, once, and only for who asked for exactly this."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

VALID_S: Final = 300
KEPT: Final = 32  # of one caller; the oldest goes, so that nobody's previews crowd out another's


@dataclass(frozen=True, slots=True)
class Asked:
    """`caller` is who asked, `body` the arguments in their one form (`arguments.canonical`)."""

    caller: bytes
    tool: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    digest: bytes
    document_id: str
    until_s: float


class Confirmations:
    """Tokens for previews, kept in this process; the token itself is never kept, nor is what it is for."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._waiting: dict[bytes, dict[bytes, _Waiting]] = {}  # by caller, by the token's digest; oldest first

    def give(self, asked: Asked, document_id: str) -> str:
        """A token that will do what was asked, as the document with this id."""
        self._forget_late()
        token = secrets.token_urlsafe(32)
        mine = self._waiting.setdefault(asked.caller, {})
        mine[_digest(token.encode())] = _Waiting(_of(asked), document_id, self._now_s() + VALID_S)
        if len(mine) > KEPT:
            del mine[next(iter(mine))]
        return token

    def take(self, asked: Asked, token: str) -> str | None:
        """The document's id, if the token was given for just this; it is good for nothing afterwards, either way."""
        self._forget_late()
        waiting = self._waiting.get(asked.caller, {}).pop(_digest(token.encode(errors="replace")), None)
        if waiting is None or not secrets.compare_digest(waiting.digest, _of(asked)):
            return None
        return waiting.document_id

    def _forget_late(self) -> None:
        now_s = self._now_s()
        for caller, mine in list(self._waiting.items()):
            for digest, waiting in list(mine.items()):
                if waiting.until_s <= now_s:
                    del mine[digest]
            if not mine:
                del self._waiting[caller]


def _of(asked: Asked) -> bytes:
    return _digest(asked.tool.encode() + b"\0" + asked.body)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
