"""Records that become dead letters: told to the log and the metrics, never with a value."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from schemas.reasons import DeadLetterReason
from worker import metrics
from worker.codec import Document, Message, Record, Undecodable
from worker.codec.decode import named
from worker.codec.letter import MASKED, Pseudonym, dead_letter
from worker.kafka import topics

_INLINE_BYTES: Final = 16_384  # masked within about 2 ms
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

    def __init__(self, consumer_group: str, pseudonym: Pseudonym, *, crash: bool = False) -> None:
        """`crash`: as for `Pipeline`."""
        self._group = consumer_group
        self._pseudonym = pseudonym
        self._crash = crash

    async def of(self, letters: Sequence[Undecodable], document: Document | None = None) -> list[Message]:
        """The letters as messages; `document`: what the only one was understood as.

        Large records are masked in a thread, so that heartbeats and other requests go on.
        """
        if sum(len(letter.record.value or b"") for letter in letters) > _INLINE_BYTES:
            return await asyncio.to_thread(self._all, letters, document)
        return self._all(letters, document)

    async def of_document(self, document: Document, reason: DeadLetterReason) -> list[Message]:
        """A document that was understood, and still cannot be taken."""
        assert document.record is not None  # noqa: S101  only what came from a topic becomes a dead letter
        return await self.of([Undecodable(document.record, reason)], document)

    def _all(self, letters: Sequence[Undecodable], document: Document | None) -> list[Message]:
        return [self._one(letter, document) for letter in letters]

    def _one(self, letter: Undecodable, document: Document | None) -> Message:
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
            return dead_letter(letter, topic, self._group, self._pseudonym)
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
        bare = dead_letter(Undecodable(place, letter.reason, letter.detail), topic, self._group, self._pseudonym)
        return Message(bare.topic, None, None, (*bare.headers, MASKED))


def _names(document: Document) -> dict[str, str]:
    return {"type": document.type, "subject": document.subject, "orgcode": document.orgcode}
