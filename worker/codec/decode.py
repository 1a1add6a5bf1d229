"""A Kafka record → a document, or a dead letter (contract §1 Envelope, §3 Dead-letter reasons)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic import ValidationError

from schemas.envelope import CONTENT_TYPE, HEADER_PREFIX, SPECVERSION
from schemas.errors import detail, did_you_mean
from schemas.reasons import DeadLetterReason
from schemas.registry import DOCUMENTS
from schemas.scalars import DAY_US
from schemas.structs import Struct
from worker.codec import events
from worker.codec.accepted import SOURCE, Safe
from worker.codec.document import Document, Record, Undecodable
from worker.codec.events import Event, Parsed
from worker.codec.keyring import Keyring, identity, pseudonym
from worker.codec.mask import names_secret
from worker.codec.parse import Refused, parse
from worker.codec.unreadable import Unreadable
from worker.process.topic_rules import ORGCODE, Rule, allowed

_ORGCODE = ORGCODE.fullmatch
_SUBJECT = re.compile(r"[ -~]{1,128}").fullmatch
_TYPE = re.compile(r"[a-z][a-z.]{0,63}").fullmatch
_MOST_NAMED_BYTES: Final = 1 << 20
_CLOUDEVENTS_JSON = CONTENT_TYPE.encode()
_REQUIRED = ("id", "source", "type")
_VERSION_HEADER = HEADER_PREFIX + "specversion"
# A valid one has 55. A much longer one would make every outcome too large for its topic.
_TRACEPARENT_BYTES: Final = 256
_TYPE_LETTERS: Final = 64


class Decoder:
    """Decodes records of the tenants that are served. It keeps a keyring for each tenant."""

    def __init__(
        self,
        keys: tuple[bytes, ...],
        orgcodes: frozenset[str],
        max_bytes: int,
        rules: Sequence[Rule] = (),
        accepted: str = "",
    ) -> None:
        """`rules`: of the input topics, by full name. Raises ValueError for a rule that allows no type.
        `accepted`: the topic of documents in stored form.
        """
        self.safe = Safe(keys)
        self.accepted = accepted
        self._keys = keys
        self._orgcodes = orgcodes
        self._max_bytes = max_bytes
        self._allowed = allowed(rules, DOCUMENTS)
        self._keyrings: dict[str, Keyring] = {}

    def keyring(self, orgcode: str) -> Keyring:
        keyring = self._keyrings.get(orgcode)
        if keyring is None:
            keyring = self._keyrings[orgcode] = Keyring(orgcode, self._keys)
        return keyring

    def identities(self, orgcode: str, type_: str, subject: str) -> list[bytes]:
        """Return an identity as the inbox of dead letters stores it: under each card key, the newest first."""
        return [identity(key, orgcode, type_, subject) for key in self._keys]

    def pseudonym(self, key: bytes) -> bytes:
        """Return the pseudonym of a record's secret key. The same key always gets the same pseudonym."""
        return pseudonym(self._keys[0], key)

    def decode(self, record: Record, now_us: int) -> Document | Undecodable:
        """Return the document of a record, or the dead letter. `now_us`: the worker's clock."""
        try:
            return self._read_back(record) if self._is_accepted(record) else self._decode(record, now_us)
        except Refused as refused:
            return Undecodable(record, refused.reason, refused.detail)
        except ValidationError as error:
            return Undecodable(record, DeadLetterReason.INVALID, detail(error))

    def _decode(self, record: Record, now_us: int) -> Document:
        value = record.value
        if isinstance(value, Unreadable):
            raise Refused(value.reason, value.detail)
        if not value:
            raise Refused(DeadLetterReason.NOT_CLOUDEVENT, "value: a CloudEvent, not nothing")
        if len(value) > self._max_bytes:
            raise Refused(DeadLetterReason.TOO_LARGE, f"value: at most {self._max_bytes} bytes")
        event = _event(record, value)
        type_, orgcode, subject, data = event.type, event.orgcode, event.subject, event.data
        doctype = DOCUMENTS.get(type_)
        if doctype is None:
            raise Refused(DeadLetterReason.UNKNOWN_TYPE, f"type: a type of the contract{_alike(type_[:_TYPE_LETTERS])}")
        if not isinstance(orgcode, str) or not _ORGCODE(orgcode):
            raise Refused(DeadLetterReason.INVALID, "orgcode: 1 to 32 of a-z, 0-9, - and _")
        if self._orgcodes and orgcode not in self._orgcodes:
            raise Refused(DeadLetterReason.UNKNOWN_ORG, "orgcode: a tenant that this worker serves")
        if self._allowed and not self._may_carry(record.topic, type_, orgcode):
            raise Refused(DeadLetterReason.NOT_ALLOWED_HERE, "topic: one that may carry this type and tenant")
        if not isinstance(subject, str) or not _SUBJECT(subject):
            raise Refused(DeadLetterReason.INVALID, "subject: 1 to 128 printable ASCII characters")
        keyring = self.keyring(orgcode)
        model: Any = data if isinstance(data, Struct) else doctype.validate(data, keyring)
        if getattr(model, doctype.id_field) != subject:
            raise Refused(DeadLetterReason.INVALID, f"{doctype.id_field}: the same as the envelope's subject")
        return Document(
            orgcode,
            type_,
            subject,
            doctype,
            model,
            keyring.digest(doctype, model),
            keyring,
            _record_us(record, model.occurred_at, now_us),
            record,
            _traceparent(record, event.traceparent),
            source=event.source,
        )

    def _read_back(self, record: Record) -> Document:
        """Return a document that this ledger has accepted, of any tenant, type and size."""
        if not record.value or isinstance(record.value, Unreadable):
            raise Refused(DeadLetterReason.INVALID, "value: a document in stored form")
        read = self.safe.read(record.value, dict(record.headers))
        doctype, keyring = DOCUMENTS[read.type], self.keyring(read.orgcode)
        return Document(
            read.orgcode, read.type, read.subject, doctype, read.model, keyring.digest(doctype, read.model), keyring,
            read.received_us, record, read.traceparent, source=SOURCE, trusted=read.trusted, stored=True,
            received_us=read.received_us,
        )  # fmt: skip

    def is_erased(self, record: Record) -> bool:
        """Return whether the record is a tombstone: it erases earlier records with its key."""
        return record.value is None and self._is_accepted(record)

    def _is_accepted(self, record: Record) -> bool:
        return bool(self.accepted) and record.topic == self.accepted

    def _may_carry(self, topic: str, type_: str, orgcode: str) -> bool:
        of_topic = self._allowed.get(topic)
        if of_topic is None:
            return True
        orgcodes = of_topic.get(type_)
        return orgcodes is not None and (not orgcodes or orgcode in orgcodes)


def _event(record: Record, value: bytes) -> Event:
    """Return the event of a record in either content mode."""
    event = None if is_binary(record) else events.read(value)
    if event is not None:
        return event
    envelope = _envelope(record, value)
    return Parsed(
        envelope["type"], envelope["source"], envelope.get("subject"), envelope.get("orgcode"),
        envelope.get("traceparent"), envelope.get("data"),
    )  # fmt: skip


@lru_cache(1000)  # a flood has few types, and each search takes a millisecond
def _alike(type_: str) -> str:
    return did_you_mean(type_.lower(), DOCUMENTS)


def is_binary(record: Record) -> bool:
    """Return the content mode. Structured: the header says so, or a JSON object with `specversion`; binary: `ce_`
    headers, the value is the data. A tracer's `ce_traceparent` alone makes nothing binary.
    """
    headers = record.headers
    if not headers:
        return False
    content_type = next((text or b"" for name, text in headers if name.lower() == "content-type"), b"")
    structured = content_type.lower().startswith(_CLOUDEVENTS_JSON)
    return not structured and any(name == _VERSION_HEADER for name, _ in headers)


def _envelope(record: Record, value: bytes) -> dict[str, Any]:
    """Return the attributes with `data`, of either content mode."""
    if is_binary(record):
        envelope = _binary(record)
        _check(envelope)
        envelope["data"] = events.document(envelope["type"], value) or parse(value)
        return envelope
    parsed = parse(value)
    if not isinstance(parsed, dict):
        raise Refused(DeadLetterReason.NOT_CLOUDEVENT, "value: a CloudEvent, which is one JSON object")
    if "specversion" not in parsed:
        raise Refused(
            DeadLetterReason.NOT_CLOUDEVENT, "specversion is missing, in the value or as a header ce_specversion"
        )
    _check(parsed)
    return parsed


def named(record: Record) -> dict[str, str]:
    """Return type, subject and orgcode of a refused record, as far as they can be read.

    The subject may be a card number or personal data: `shown` masks it.
    """
    value = record.value
    if not isinstance(value, bytes) or len(value) > _MOST_NAMED_BYTES:
        return {}
    try:
        envelope = _envelope(record, value)
    except Refused:
        return {}
    found = {name: envelope.get(name) for name in _NAMES}
    return {name: text for name, text in found.items() if isinstance(text, str) and _NAMES[name](text)}


def store_of(record: Record) -> str | None:
    """Return the store that a record's document names; None: it names none, or can't be read."""
    try:
        data = _envelope(record, record.value or b"").get("data")
    except Refused:
        return None
    store_id = data.get("store_id") if isinstance(data, dict) else None
    return store_id if isinstance(store_id, str) else None


_NAMES: Final = {"type": _TYPE, "subject": _SUBJECT, "orgcode": _ORGCODE}


def shown(names: dict[str, str]) -> dict[str, str]:
    """Return the names, with *** for a subject that may be a secret."""
    return {name: "***" if name == "subject" and names_secret(text.encode()) else text for name, text in names.items()}


def _binary(record: Record) -> dict[str, Any]:
    envelope: dict[str, Any] = {}
    try:
        for name, text in record.headers:
            if name.startswith(HEADER_PREFIX):
                value = (text or b"").decode()
                if envelope.setdefault(name.removeprefix(HEADER_PREFIX), value) != value:
                    raise Refused(DeadLetterReason.INVALID, "headers: each ce_ header once")
    except UnicodeDecodeError:
        raise Refused(DeadLetterReason.NOT_CLOUDEVENT, "headers: ce_ headers in UTF-8") from None
    return envelope


def _check(envelope: dict[str, Any]) -> None:
    if envelope.get("specversion") != SPECVERSION:
        raise Refused(DeadLetterReason.NOT_CLOUDEVENT, "specversion: 1.0")
    for name in _REQUIRED:
        if not envelope.get(name) or not isinstance(envelope[name], str):
            raise Refused(DeadLetterReason.NOT_CLOUDEVENT, f"{name} is missing")


def _traceparent(record: Record, attribute: object) -> bytes | None:
    for name, text in record.headers:
        if name in ("traceparent", "ce_traceparent") and text and len(text) <= _TRACEPARENT_BYTES:
            return text
    if isinstance(attribute, str) and attribute.isascii() and len(attribute) <= _TRACEPARENT_BYTES:
        return attribute.encode()
    return None


def _record_us(record: Record, occurred_at: int, now_us: int) -> int:
    """Return when the record was written: now, if it has no timestamp, or one of a clock that is off."""
    record_us = record.timestamp * 1000
    if not 0 < record_us <= now_us + DAY_US:  # perhaps in microseconds
        return now_us
    if occurred_at > record_us + DAY_US:
        raise Refused(DeadLetterReason.CLOCK_AHEAD, "occurred_at: at most 24 hours after the record's timestamp")
    return record_us
