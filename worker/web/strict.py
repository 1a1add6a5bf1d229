"""Refuse requests that a proxy in front might understand differently.

llhttp refuses bare LF, folded headers, Content-Length beside Transfer-Encoding, and versions other than 0.9, 1.0, 1.1
and 2.0. This module refuses the rest. No good client sends it, and it can smuggle a request past a proxy's rules.
"""

import re
from collections.abc import Sequence
from typing import Final

_TARGET: Final = re.compile(rb"(?:https?://[^/?#]+)?(?:/|(?:/[A-Za-z0-9_-][A-Za-z0-9._~:@-]*)+/?)(?:\?[^#]*)?")
_ANY_ROUTE: Final = b"*"  # the target of OPTIONS
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_ONCE: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"transfer-encoding",
    }
)


class Fault(Exception):
    """Why a head is refused, for a person and without a value."""


def check(target: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise Fault if the head can be read in two ways. Header names are in lower case."""
    if version not in _VERSIONS:
        raise Fault("the version is neither HTTP/1.1 nor HTTP/1.0")
    if target != _ANY_ROUTE and _TARGET.fullmatch(target) is None:
        raise Fault("the request target: routes are plain characters, without escapes, empty or dot segments")
    seen = set[bytes]()
    for name, value in headers:
        if name in _ONCE:
            if name in seen:
                raise Fault(f"{name.decode()}: more than one")
            seen.add(name)
            if name == b"transfer-encoding" and (value.lower() != b"chunked" or version != "1.1"):
                raise Fault("transfer-encoding: only chunked is understood, and only in HTTP/1.1")
    if b"host" not in seen and version == "1.1":
        raise Fault("host: missing")
