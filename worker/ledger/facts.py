"""What is stored of a document beside its identity: versions, when and where it was read, its outcomes."""

from typing import Any, Final

from worker.codec import ENCODER_VERSION
from worker.ledger.work import Work

READ: Final = 7  # parts that tell when and where the document was read; waits and outcomes follow


def facts_row(work: Work) -> list[Any]:
    """What is stored of a document beside its identity: versions, when and where it was read, its outcomes."""
    if work.facts is not None:
        return [*work.facts[:READ], *([work.waits] if work.waits else []), [*work.facts[-1], work.written]]
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


def door_trace(facts: list[Any]) -> bytes | None:
    """The traceparent of a document that came through a door."""
    topic, trace = facts[4:6]
    return trace if topic == "" and isinstance(trace, bytes) else None
