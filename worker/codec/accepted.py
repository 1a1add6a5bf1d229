"""Documents of interfaces as records of the topic `crm.accepted`, from which they can be read again.

A record is a CloudEvent whose data is the document in stored form: tokens instead of card numbers. The token of a PIN
is the same on every card, so here it is encrypted, with a keystream of the card key that differs for each document. The
worker trusts two facts in the record: that the caller was trusted, and when the document came in. So a seal made with
the card key must prove that a worker wrote the record.
"""

import hmac
from collections.abc import Iterator, Mapping
from hashlib import blake2b, sha256
from itertools import count
from typing import Any, Final, NamedTuple

import orjson

from schemas.envelope import SPECVERSION
from schemas.reasons import DeadLetterReason
from schemas.registry import DOCUMENTS
from schemas.scalars import format_instant, parse_instant
from worker.codec.keyring import KEY_ID_BYTES, TOKEN_BYTES, key_id
from worker.codec.parse import Refused, parse

SOURCE: Final = "/crm/accepted"
CONTENT_TYPE: Final = "application/vnd.g3n.stored+json"
HEADER: Final = ("content-type", b"application/cloudevents+json")
SEAL: Final = "crm-seal"
_SEAL_BYTES: Final = 16
_NOT_OURS: Final = "no worker of this ledger wrote it: its seal is missing or made with another card key"


class Accepted(NamedTuple):
    """The content of a record."""

    orgcode: str
    type: str
    subject: str
    received_us: int
    trusted: bool
    traceparent: bytes | None
    model: Any


class Safe:
    """Writes and reads the records, with the card keys, the current one first."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = {key_id(key): key for key in keys}
        self._seals = [sha256(b"accepted seal" + key).digest() for key in keys]

    def key(self, orgcode: str, type_: str, subject: str) -> bytes:
        """Return the key of a document's record: its identity, so that compaction removes only an erased record."""
        return f"{orgcode}/{type_}/{subject}".encode()

    def value(self, document: Any, received_us: int) -> bytes:  # noqa: ANN401  a worker.codec Document
        """Return the value of a document's record."""
        stream = self._keystreams(document.orgcode, document.type, document.subject)
        envelope = {
            "specversion": SPECVERSION,
            "id": blake2b(self.key(document.orgcode, document.type, document.subject), digest_size=16).hexdigest(),
            "source": SOURCE,
            "type": document.type,
            "subject": document.subject,
            "orgcode": document.orgcode,
            "time": format_instant(received_us),
            "datacontenttype": CONTENT_TYPE,
            "crmtrusted": document.trusted,
            **({} if document.traceparent is None else {"traceparent": document.traceparent.decode("latin-1")}),
            "data": _plain(document.doctype.dump(document.model), self, stream),
        }
        return orjson.dumps(envelope)

    def headers(self, value: bytes) -> tuple[tuple[str, bytes], ...]:
        """Return the record's headers, with the seal that proves that a worker with the current card key wrote it."""
        return (HEADER, (SEAL, _sealed(self._seals[0], value)))

    def read(self, value: bytes, headers: Mapping[str, bytes | None]) -> Accepted:
        """Return the content of a record. Raises Refused, or pydantic.ValidationError for data of another version."""
        seal = headers.get(SEAL) or b""
        if not any(hmac.compare_digest(seal, _sealed(key, value)) for key in self._seals):
            raise Refused(DeadLetterReason.INVALID, _NOT_OURS)
        envelope: Any = parse(value)
        doctype = DOCUMENTS.get(envelope["type"])
        if doctype is None:
            raise Refused(DeadLetterReason.UNKNOWN_TYPE)
        orgcode, subject = envelope["orgcode"], envelope["subject"]
        stored = _stored(envelope["data"], self, self._keystreams(orgcode, doctype.name, subject))
        traceparent = envelope.get("traceparent")
        return Accepted(
            orgcode,
            doctype.name,
            subject,
            parse_instant(envelope["time"]),
            envelope["crmtrusted"],
            None if traceparent is None else traceparent.encode("latin-1"),
            doctype.restore(stored),
        )

    # --- PINs

    def _keystreams(self, *identity: str) -> Iterator[bytes]:
        """Yield a name for each PIN of a document, from which its keystream is made."""
        return ("\0".join((*identity, str(place))).encode() for place in count())

    def crypt(self, token: bytes, name: bytes) -> bytes:
        """Encrypt a PIN's token, or decrypt it: the key id stays, the rest is added to a keystream of that key."""
        key = self._keys.get(token[:KEY_ID_BYTES])
        if key is None:  # made with a key that is gone, so it matches nothing
            return token
        stream = hmac.digest(key, b"accepted pin\0" + name, sha256)[:TOKEN_BYTES]
        return token[:KEY_ID_BYTES] + bytes(a ^ b for a, b in zip(token[KEY_ID_BYTES:], stream, strict=True))

    def in_order(self, tokens: list[bytes]) -> tuple[bytes, ...]:
        """Return the tokens in the order of today's keys. A key newer than the document gets the token of another
        key.
        """
        made = {token[:KEY_ID_BYTES]: token for token in tokens}
        return tuple(made.get(id_, tokens[0]) for id_ in self._keys)


def _sealed(key: bytes, value: bytes) -> bytes:
    return blake2b(value, key=key, digest_size=_SEAL_BYTES).hexdigest().encode()


def _plain(value: Any, safe: Safe, names: Iterator[bytes]) -> Any:  # noqa: ANN401  stored form in, JSON out
    """Bytes become {"token": hex}, those of a PIN {"sealed": hex}."""
    match value:
        case dict():
            return {
                name: _sealed_pin(part, safe, names)
                if name == "pin" and isinstance(part, tuple)
                else _plain(part, safe, names)
                for name, part in value.items()
            }
        case list() | tuple():
            return [_plain(part, safe, names) for part in value]
        case bytes():
            return {"token": value.hex()}
        case _:
            return value


def _sealed_pin(pin: Any, safe: Safe, names: Iterator[bytes]) -> list[dict[str, str]]:  # noqa: ANN401  stored form
    name = next(names)
    return [{"sealed": safe.crypt(token, name).hex()} for token in pin[0]]


def _stored(value: Any, safe: Safe, names: Iterator[bytes]) -> Any:  # noqa: ANN401  JSON in, stored form out
    match value:
        case dict():
            return {name: _stored_part(name, part, safe, names) for name, part in value.items()}
        case list():
            return [_stored(part, safe, names) for part in value]
        case _:
            return value


def _stored_part(name: str, part: Any, safe: Safe, names: Iterator[bytes]) -> Any:  # noqa: ANN401  as above
    if name == "pin" and isinstance(part, list):
        stream = next(names)
        return (safe.in_order([safe.crypt(bytes.fromhex(one["sealed"]), stream) for one in part]),)
    if name == "number" and isinstance(part, list):
        tokens, last4, *spelled = part
        return (_tokens(tokens, safe), last4, *(_tokens(one, safe) for one in spelled))
    return _stored(part, safe, names)


def _tokens(tokens: list[dict[str, str]], safe: Safe) -> tuple[bytes, ...]:
    return safe.in_order([bytes.fromhex(one["token"]) for one in tokens])
