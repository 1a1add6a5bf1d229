"""Records that become dead letters: told to the log and the metrics, never with a value."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from schemas.reasons import DeadLetterReason
from worker import metrics
from worker.codec import Document, Message, Outlet, Record, Undecodable
from worker.codec.decode import named
from worker.kafka import topics

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Place:
    """A record of which nothing may be shown but where it is."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


class DeadLetters:
    """Writes dead letters for the topic beside the one that they came from."""

    def __init__(self, outlet: Outlet, *, crash: bool = False) -> None:
        """`crash`: as for `Pipeline`."""
        self._outlet = outlet
        self._crash = crash

    def of(self, letter: Undecodable, document: Document | None = None) -> Message:
        """The dead letter of a record; `document`: what it was understood as."""
        record = letter.record
        metrics.DEAD_LETTERS.labels(letter.reason.value).inc()
        _log.warning(
            "dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=letter.reason.value,
            detail=letter.detail,
            **(named(record) if document is None else _names(document)),
        )
        topic = topics.dead_letter(record.topic)
        try:
            return self._outlet.dead_letter(letter, topic)
        except Exception as error:
            if self._crash:
                raise
            metrics.FAILURES.labels("document").inc()
            _log.error("masking_failed", topic=record.topic, partition=record.partition, offset=record.offset,
                       exc_info=error)  # fmt: skip
            return self._emptied(record, letter, topic)

    def _emptied(self, record: Record, letter: Undecodable, topic: str) -> Message:
        """What can't be masked is left out; the headers say where the record is."""
        place = _Place(record.topic, record.partition, record.offset, record.timestamp)
        bare = self._outlet.dead_letter(Undecodable(place, letter.reason, letter.detail), topic)
        return Message(bare.topic, None, None, (*bare.headers, ("crm-masked", b"true")))

    def of_document(self, document: Document, reason: DeadLetterReason) -> Message:
        """A document that was understood, and still cannot be taken."""
        assert document.record is not None  # noqa: S101  only what came from a topic becomes a dead letter
        return self.of(Undecodable(document.record, reason), document)


def _names(document: Document) -> dict[str, str]:
    return {"type": document.type, "subject": document.subject, "orgcode": document.orgcode}
