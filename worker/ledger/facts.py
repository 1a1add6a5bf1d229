"""What is stored of a document beside its identity: versions, when and where it was read, its outcomes."""

from typing import Any, Final

from worker.codec import ENCODER_VERSION
from worker.codec.encode import Facts
from worker.ledger.work import Work

READ: Final = 7  # parts that tell when and where the document was read; waits and outcomes follow

Told = tuple[int, Facts]
"""One outcome that was told: the version of its encoder, its facts."""


def facts_row(work: Work) -> list[Any]:
    """The stored form. Its first part is the encoder of all outcomes, or a list where an upgrade came between them."""
    if work.facts is not None:
        versions = [*(version for version, _ in told(work.facts)), ENCODER_VERSION]
        encoder = versions if len(set(versions)) > 1 else ENCODER_VERSION
        read = work.facts[1:READ]
        return [encoder, *read, *([work.waits] if work.waits else []), [*work.facts[-1], work.written]]
    document = work.document
    record = None if document is None else document.record
    source: tuple[Any, ...] = ("", 0, 0)
    if record is not None:
        source = (record.topic, record.partition, record.offset)
    elif work.traceparent is not None:  # it came through a door, and whoever publishes its outcome has only this row
        source = ("", work.traceparent, 0)
    version = 0 if document is None else document.kind.digest_version
    return [
        ENCODER_VERSION,
        version,
        work.received_us,
        (work.record_us - work.received_us) // 1000,
        *source,
        [work.written],
    ]


def told(facts: list[Any]) -> list[Told]:
    """The outcomes that are stored, each with the version that its bytes were encoded by."""
    encoder, outcomes = facts[0], facts[-1]
    versions = encoder if isinstance(encoder, list) else [encoder] * len(outcomes)
    return list(zip(versions, outcomes, strict=True))


def digest_version(facts: list[Any] | None) -> int:
    """Of the stored digest; a row without facts has none, and no content but that of version 1 to be compared with."""
    return facts[1] if facts is not None and facts[1] else 1


def door_trace(facts: list[Any]) -> bytes | None:
    """The traceparent of a document that came through a door."""
    topic, trace = facts[4:6]
    return trace if topic == "" and isinstance(trace, bytes) else None
