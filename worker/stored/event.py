"""`event.facts`: versions, when and where a document was read, what it waited for, and its outcomes."""

from typing import Any, Final, NamedTuple

from worker.stored.outcome import OutcomeV1
from worker.stored.packing import pack, unpack

VersionedOutcome = tuple[int, OutcomeV1]
"""The version of the encoder, and the outcome that it encodes."""


class Wait(NamedTuple):
    """A wait that is over."""

    waits_for: str  # sale or tender
    key: str
    ended_by: int | None  # `event.no` of the document that ended it; None: the deadline did


class ReadV1(NamedTuple):
    """The members before the waits and the outcomes.

    `encoder` is the version of all outcomes, or a list with one for each if an upgrade came between them. `topic` is
    empty for a document from an interface; its `partition` is then its traceparent (bytes) or 0.
    """

    encoder: int | list[int]
    digest_version: int
    received_us: int
    record_ms: int  # the record's timestamp less `received_us`, rounded down
    topic: str
    partition: int | bytes
    offset: int


_READ: Final = len(ReadV1._fields)


class Source(NamedTuple):
    """The record's position."""

    topic: str
    partition: int
    offset: int


class EventFacts(NamedTuple):
    """`record_ms` is as in `ReadV1`. If `source` is None, the document came through an interface, perhaps with a
    `traceparent`.
    """

    digest_version: int
    received_us: int
    record_ms: int
    source: Source | None
    traceparent: bytes | None
    waits: list[Wait]
    outcomes: list[VersionedOutcome]

    @property
    def last(self) -> OutcomeV1:
        """The latest outcome."""
        return self.outcomes[-1][1]

    def pack(self, waits: list[Wait], latest: VersionedOutcome) -> bytes:
        """Return the bytes with one more outcome, and all waits that are over."""
        outcomes = [*self.outcomes, latest]
        encoders = [encoder for encoder, _ in outcomes]
        read = ReadV1(
            encoders if len(set(encoders)) > 1 else encoders[0],
            self.digest_version,
            self.received_us,
            self.record_ms,
            *(self.source or ("", 0 if self.traceparent is None else self.traceparent, 0)),
        )
        stored = [outcome.members() for _, outcome in outcomes]
        return pack((*read, waits, stored) if waits else (*read, stored))


def pack_first(
    latest: VersionedOutcome,
    digest_version: int,
    received_us: int,
    record_us: int,
    source: Source | None,
    traceparent: bytes | None,
) -> bytes:
    """Return the bytes of a document that is decided for the first time, as `EventFacts.pack` makes them."""
    encoder, outcome = latest
    topic, partition, offset = source or ("", 0 if traceparent is None else traceparent, 0)
    record_ms = (record_us - received_us) // 1000
    return pack(
        (encoder, digest_version, received_us, record_ms, topic, partition, offset, (outcome.members(),))
    )  # fmt: skip


def facts_of(packed: bytes) -> EventFacts:
    parts = unpack(packed)
    read = ReadV1(*parts[:_READ])
    waits = [Wait(*wait) for wait in parts[_READ]] if len(parts) > _READ + 1 else []
    outcomes: list[Any] = parts[-1]
    encoders = read.encoder if isinstance(read.encoder, list) else [read.encoder] * len(outcomes)
    told = [(encoder, OutcomeV1.restore(outcome)) for encoder, outcome in zip(encoders, outcomes, strict=True)]
    source = traceparent = None
    if isinstance(read.partition, bytes):
        traceparent = read.partition
    elif read.topic:
        source = Source(read.topic, read.partition, read.offset)
    return EventFacts(read.digest_version, read.received_us, read.record_ms, source, traceparent, waits, told)


def source_of(packed: bytes) -> Source | None:
    """Return the position of the document's record. None: it came through an interface."""
    read = ReadV1(*unpack(packed)[:_READ])
    return Source(read.topic, int(read.partition), read.offset) if read.topic else None


def plain_change(packed: bytes) -> tuple[int, int | None] | None:
    """Return (status, points) of a document with one outcome that shows at most points, its own; else None.

    For checks of whole tables. It builds no objects, so it takes a fifth of the time of `facts_of`.
    """
    outcomes = unpack(packed)[-1]
    if len(outcomes) > 1:
        return None
    return OutcomeV1.plain_change(outcomes[0])


def digest_version_of(facts: EventFacts | None) -> int:
    """Return the version of the stored digest. A row without facts has no digest: only content of version 1 is compared
    with it.
    """
    return facts.digest_version if facts is not None and facts.digest_version else 1
