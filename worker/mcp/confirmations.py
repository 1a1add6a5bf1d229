"""Previews that wait for a confirmation: each for a few minutes, once, and only for the same caller and arguments."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

VALID_S: Final = 300
KEPT: Final = 32  # per caller; the oldest goes, so that one caller's previews don't displace another's


@dataclass(frozen=True, slots=True)
class Asked:
    """`caller` is who asked; `body` has the arguments in canonical form (`arguments.canonical`)."""

    caller: bytes
    tool: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    digest: bytes
    document_id: str
    until_s: float


class Confirmations:
    """The tokens of previews, in this process. Neither a token nor its arguments are stored, only digests."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._waiting: dict[bytes, dict[bytes, _Waiting]] = {}  # by caller and digest of the token, the oldest first

    def give(self, asked: Asked, document_id: str) -> str:
        """Return a token that confirms the request, as the document with this id."""
        self._forget_late()
        token = secrets.token_urlsafe(32)
        mine = self._waiting.setdefault(asked.caller, {})
        mine[_digest(token.encode())] = _Waiting(_of(asked), document_id, self._now_s() + VALID_S)
        if len(mine) > KEPT:
            del mine[next(iter(mine))]
        return token

    def take(self, asked: Asked, token: str) -> str | None:
        """Return the document's id if the token was issued for exactly this. The token is used up in either case."""
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
