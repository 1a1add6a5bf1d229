"""Records that become dead letters: told to the log and the metrics, never with a value."""

import structlog

from schemas.reasons import DeadLetterReason
from worker import metrics
from worker.codec import Document, Message, Outlet, Undecodable
from worker.kafka import topics

_log = structlog.get_logger(__name__)


class DeadLetters:
    """Writes dead letters for the topic beside the one that they came from."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def of(self, letter: Undecodable) -> Message:
        record = letter.record
        metrics.DEAD_LETTERS.labels(letter.reason.value).inc()
        _log.warning(
            "dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=letter.reason.value,
            detail=letter.detail,
        )
        return self._outlet.dead_letter(letter, topics.dead_letter(record.topic))

    def of_document(self, document: Document, reason: DeadLetterReason) -> Message:
        """A document that was understood, and still cannot be taken."""
        assert document.record is not None  # noqa: S101  only what came from a topic becomes a dead letter
        return self.of(Undecodable(document.record, reason))
