"""The input and the output of the decoder: a record; a document, or a record that becomes a dead letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


class Document:
    """A decoded document. Its identity is (orgcode, type, subject), for ever (contract §1).

    No dataclass: mypyc leaves the constructor of one to the interpreter, and there is one for each record.
    """

    __slots__ = (
        "digest", "doctype", "keyring", "model", "orgcode", "received_us", "record", "record_us", "source", "stored",
        "subject", "traceparent", "trusted", "type",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917  its members
        self,
        orgcode: str,
        type_: str,
        subject: str,
        doctype: DocumentType,
        model: Any,  # noqa: ANN401  one model a type
        digest: bytes,
        keyring: Keyring,
        record_us: int,  # when the record was written to its topic; else when it was read (contract TIME5)
        record: Record | None = None,  # None: it came in through an interface, not from a topic
        traceparent: bytes | None = None,
        *,
        source: str = "",  # the publisher's, of a record
        trusted: bool = False,  # came with the scope card:trusted (contract §2.2 Safety)
        stored: bool = False,  # read back from crm.accepted: as a duplicate it gets no outcomes: they are published
        received_us: int | None = None,  # when it first came in, if it was read back
    ) -> None:
        self.orgcode = orgcode
        self.type = type_
        self.subject = subject
        self.doctype = doctype
        self.model = model
        self.digest = digest
        self.keyring = keyring
        self.record_us = record_us
        self.record = record
        self.traceparent = traceparent
        self.source = source
        self.trusted = trusted
        self.stored = stored
        self.received_us = received_us

    def matches(self, digest: bytes, version: int) -> bool:
        """Return whether a stored digest of this version belongs to this content, under any active key."""
        newest = version == self.doctype.digest_version and digest == self.digest
        return newest or self.keyring.matches(self.doctype, self.model, digest, version)


@dataclass(slots=True, eq=False)
class Undecodable:
    """A record that becomes a dead letter, and why."""

    record: Record
    reason: DeadLetterReason
    detail: str = ""
