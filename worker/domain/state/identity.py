"""Generated ids. They are functions of a document's identity, so a retry generates the same id."""

from hashlib import blake2b
from typing import Final
from uuid import UUID

_ACCOUNT_ID: Final = blake2b(digest_size=16, person=b"crm-account")  # copied for each id: setting it up costs more


def derived_id(*parts: str) -> str:
    """Return a UUID (version 8 layout) derived from the parts of an identity."""
    digest = bytearray(blake2b("\n".join(parts).encode(), digest_size=16, person=b"crm-id").digest())
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))


def account_id(orgcode: str, type_: int, key: str) -> str:
    """Return the public id of a points account. It never changes, and reveals neither a customer's id nor a pool's."""
    id_ = _ACCOUNT_ID.copy()
    id_.update(f"{orgcode}\n{int(type_)}\n{key}".encode())
    return id_.hexdigest()


def pin_digest(token: bytes, card_id: str) -> bytes:
    """Return the digest that is stored for a PIN: its keyed token, bound to the card, so that equal PINs of two cards
    differ.
    """
    return blake2b(token, key=card_id.encode()[:64], digest_size=16, person=b"crm-pin").digest()
