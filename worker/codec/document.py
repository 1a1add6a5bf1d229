"""The input and the output of the decoder: a record; a document, or a record that becomes a dead letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from schemas.reasons import DeadLetterReason
from schemas.registry import DocumentType
from worker.codec.keyring import Keyring


class Record(Protocol):
    """The parts of a Kafka record that the worker reads; aiokafka's `ConsumerRecord` is one."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Unreadable(bytes):
    """The value of a record that can't be read as it was sent, as far as it could be: the record is a dead letter."""

    reason: DeadLetterReason
    detail: str

    def __new__(cls, value: bytes, reason: DeadLetterReason, detail: str) -> Self:
        made = super().__new__(cls, value)
        made.reason, made.detail = reason, detail
        return made


@dataclass(slots=True, eq=False)
class Document:
    """A decoded document. Its identity is (orgcode, type, subject), for ever (contract §1)."""

    orgcode: str
    type: str
    subject: str
    kind: DocumentType
    model: Any
    digest: bytes
    keyring: Keyring
    record_us: int  # when the record was written to its topic; else when it was read (contract TIME5)
    record: Record | None = None  # None: it came in through an interface, not from a topic
    traceparent: bytes | None = None
    source: str = ""  # the publisher's, of a record
    trusted: bool = False  # came with the scope card:trusted (contract §2.2 Safety)
    stored: bool = False  # read back from crm.accepted: as a duplicate it gets no outcomes, because they are published
    received_us: int | None = None  # when it first came in, if it was read back

    def matches(self, digest: bytes, version: int) -> bool:
        """Return whether a stored digest of this version belongs to this content, under any active key."""
        newest = version == self.kind.digest_version and digest == self.digest
        return newest or self.keyring.matches(self.kind, self.model, digest, version)


@dataclass(slots=True, eq=False)
class Undecodable:
    """A record that becomes a dead letter, and why."""

    record: Record
    reason: DeadLetterReason
    detail: str = ""
