"""Dead letters: the messages for their topics, the entries of the inbox, and the lines of the log. The log never holds
a value of a document.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import structlog

from schemas.reasons import DeadLetterReason
from schemas.registry import DOCUMENTS
from worker.codec import Document, Message, Record, Undecodable
from worker.codec.decode import Decoder, named, shown
from worker.codec.letter import MASKED, dead_letter
from worker.kafka import topics
from worker.ledger.inbox import SAMPLE_BYTES, Entry
from worker.positions import Place
from worker.process import metrics

_INLINE_BYTES: Final = 16_384  # masked within about 2 ms
_IDENTITY: Final = ("orgcode", "type", "subject")
VERSION: Final = version("g3n-crm")
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Place:
    """A record's position, in place of the record: nothing else of it may be shown."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: the message for its topic, and its entry of the inbox."""

    message: Message
    entry: Entry


class DeadLetters:
    """Writes dead letters for the dead-letter topic of their input topic."""

    def __init__(self, consumer_group: str, decoder: Decoder, *, crash: bool = False) -> None:
        """`crash`: as for `Pipeline`."""
        self._group = consumer_group
        self._decoder = decoder
        self._crash = crash

    async def of(self, refused: Sequence[Undecodable], document: Document | None = None) -> list[Letter]:
        """Make the letters. `document`: the decoded document, if there is one record and it could be decoded.

        Large records are masked in a thread, so that heartbeats and other requests go on.
        """
        if sum(len(one.record.value or b"") for one in refused) > _INLINE_BYTES:
            return await asyncio.to_thread(self._all, refused, document)
        return self._all(refused, document)

    async def of_document(self, document: Document, reason: DeadLetterReason) -> Letter:
        """Make the letter of a document that was decoded and can't be accepted."""
        assert document.record is not None  # noqa: S101  only what came from a topic becomes a dead letter
        (letter,) = await self.of([Undecodable(document.record, reason)], document)
        return letter

    def told(self, letters: Iterable[Letter]) -> list[Message]:
        """Log and count letters that are in the ledger; return their messages."""
        for letter in letters:
            entry = letter.entry
            names = {name: getattr(entry, name) for name in _IDENTITY if getattr(entry, name)}
            metrics.DEAD_LETTERS.labels(entry.reason).inc()
            _log.warning("dead_letter", **entry.position._asdict(), reason=entry.reason, detail=entry.detail, **names)
        return [letter.message for letter in letters]

    def _all(self, refused: Sequence[Undecodable], document: Document | None) -> list[Letter]:
        return [self._one(one, document) for one in refused]

    def _one(self, letter: Undecodable, document: Document | None) -> Letter:
        record = letter.record
        names = named(record) if document is None else _names(document)
        message = self._message(record, letter)
        return Letter(message, self._entry(letter, names, message.value))

    def _message(self, record: Record, letter: Undecodable) -> Message:
        topic = topics.dead_letter(record.topic)
        try:
            return dead_letter(letter, topic, self._group, self._decoder.pseudonym)
        except Exception as error:
            if self._crash:
                raise
            metrics.FAILURES.labels("document").inc()
            _log.error("masking_failed", topic=record.topic, partition=record.partition, offset=record.offset,
                       exc_info=error)  # fmt: skip
            return self._emptied(record, letter, topic)

    def _entry(self, letter: Undecodable, names: dict[str, str], sample: bytes | None) -> Entry:
        """`sample` is masked."""
        record, reason = letter.record, letter.reason
        identity, doctype = None, DOCUMENTS.get(names.get("type", ""))
        # A conflict's identity is in the ledger with other content, so finding it there resolves nothing.
        if len(names) == len(_IDENTITY) and reason is not DeadLetterReason.CONFLICT:
            identity = self._decoder.identities(*(names[name] for name in _IDENTITY))[0]
        told = shown(names)
        return Entry(
            Place(record.topic, record.partition, record.offset), record.timestamp, reason.value, letter.detail,
            VERSION, sample and sample[:SAMPLE_BYTES], told.get("type", ""), told.get("orgcode", ""),
            told.get("subject", ""), identity, None if doctype is None else doctype.code, names.get("subject"),
        )  # fmt: skip

    def _emptied(self, record: Record, letter: Undecodable, topic: str) -> Message:
        """Leave out a value that can't be masked. The headers say where the record is."""
        place = _Place(record.topic, record.partition, record.offset, record.timestamp)
        bare = dead_letter(
            Undecodable(place, letter.reason, letter.detail), topic, self._group, self._decoder.pseudonym
        )
        return Message(bare.topic, None, None, (*bare.headers, MASKED))


def _names(document: Document) -> dict[str, str]:
    return {"type": document.type, "subject": document.subject, "orgcode": document.orgcode}
