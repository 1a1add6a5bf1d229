"""Cursors: the position of the next page, in a form that only this engine can make or read.

A cursor is a position in an order that writes don't change, never a number of rows. It is valid only for its operation,
its tenant, and its customer, card or filter.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import ormsgpack

from worker.codec import Keyring
from worker.codec.keyring import SEAL_BYTES
from worker.views.context import Invalid


def write(keyring: Keyring, question: object, position: object) -> str:
    packed = ormsgpack.packb(position)
    return urlsafe_b64encode(_seal(keyring, question, packed) + packed).decode().rstrip("=")


def read(keyring: Keyring, question: object, cursor: str) -> Any:  # noqa: ANN401  whatever was written
    """Return the position. Raises Invalid for a cursor that was not issued for this request."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raw = b""
    seal, packed = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
    if not packed or not hmac.compare_digest(seal, _seal(keyring, question, packed)):
        raise Invalid("cursor: not one of this question")
    return ormsgpack.unpackb(packed)


def _seal(keyring: Keyring, question: object, packed: bytes) -> bytes:
    return keyring.seal(ormsgpack.packb(question) + packed)
