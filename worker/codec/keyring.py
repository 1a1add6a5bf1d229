"""Keyed digests: card numbers and PINs become HMACs while a document is decoded, and content gets its digest."""

import hmac
from hashlib import blake2b, sha256

import ormsgpack

from schemas.registry import DocumentType
from schemas.scalars import CardToken, PinToken, canonical_number
from schemas.structs import Model

KEY_ID_BYTES = 2
TOKEN_BYTES = 16
# ISO/IEC 7812: 6 stands for merchandising, and 19 digits are the maximum: too many to be guessed, or to collide.
CARD_PREFIX = "6"
CARD_DIGITS = 19
SEAL_BYTES = 8


def key_id(key: bytes) -> bytes:
    """Return the beginning of a token, which tells the key that made it."""
    return sha256(b"id" + key).digest()[:KEY_ID_BYTES]


class Keyring:
    """One tenant's view of the active keys, the current key first. A context of `schemas` validation."""

    stored = False

    def __init__(self, orgcode: str, keys: tuple[bytes, ...]) -> None:
        self.orgcode = orgcode
        self._org = orgcode.encode()
        self._keys = [(key_id(key), key) for key in keys]
        digest_keys = [sha256(b"digest" + key).digest() for key in keys]
        self._seal_key = digest_keys[0]
        self._digests = [blake2b(key=key, digest_size=TOKEN_BYTES) for key in digest_keys]  # copied for each document

    def number(self, plain: str, /) -> CardToken:
        """Return key id and HMAC of a card number under each active key."""
        canonical = canonical_number(plain)
        spelled = () if plain == canonical else self._tokens(b"number", plain)
        return CardToken(self._tokens(b"number", canonical), canonical[-4:], spelled)

    def pin(self, plain: str, /) -> PinToken:
        return PinToken(self._tokens(b"pin", plain))

    def _tokens(self, what: bytes, plain: str) -> tuple[bytes, ...]:
        text = b"\0".join((what, self._org, plain.encode()))
        return tuple(key_id + hmac.digest(key, text, sha256)[:TOKEN_BYTES] for key_id, key in self._keys)

    def generated_numbers(self, issue_id: str) -> tuple[str, ...]:
        """Return the card number of an issue that names none, under each active key: a function of its identity."""
        text = b"\0".join((b"issue", self._org, issue_id.encode()))
        return tuple(_card_number(hmac.digest(key, text, sha256)) for _, key in self._keys)

    def digest(self, doctype: DocumentType, model: Model, key_index: int = 0, version: int | None = None) -> bytes:
        """Return the digest of a document's content, under the current key or an older one; `version` None is the
        newest version.
        """
        digest = self._digests[key_index].copy()
        digest.update(ormsgpack.packb(doctype.content(model, key_index, version or doctype.digest_version)))
        return digest.digest()

    def matches(self, doctype: DocumentType, model: Model, digest: bytes, version: int) -> bool:
        """Return whether a stored digest of this version belongs to this content, under any active key."""
        return any(self.digest(doctype, model, index, version) == digest for index in range(len(self._digests)))

    def seal(self, content: bytes) -> bytes:
        """Return a proof that these bytes were issued for this tenant by a holder of the current key."""
        return blake2b(self._org + b"\0" + content, key=self._seal_key, digest_size=8, person=b"crm-seal").digest()


def pseudonym(key: bytes, text: bytes) -> bytes:
    """Return the HMAC of a record's key under the card key, in hex. All spellings of a card number give the same."""
    canonical = canonical_number(text.decode("latin-1"))
    digest = hmac.digest(key, b"record key\0" + canonical.encode("utf-8"), sha256)
    return digest[:TOKEN_BYTES].hex().encode()


def identity(key: bytes, orgcode: str, type_: str, subject: str) -> bytes:
    """Return the HMAC of a document's identity under the card key: a subject that nobody may read still finds its
    document.
    """
    return hmac.digest(key, f"identity\0{orgcode}\0{type_}\0{subject}".encode(), sha256)[:TOKEN_BYTES]


def _card_number(random: bytes) -> str:
    digits = CARD_DIGITS - len(CARD_PREFIX) - 1
    body = f"{CARD_PREFIX}{int.from_bytes(random) % 10**digits:0{digits}d}"
    return body + luhn(body)


def luhn(body: str) -> str:
    """Return the check digit of a card number (ISO/IEC 7812-1 annex B)."""
    doubled = (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-sum(part // 10 + part % 10 for part in doubled) % 10)
