"""Compare the outcomes of the ledger with those on the outcome topics: each is there, byte for byte, and no other."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import blake2b
from typing import Any, Final

import orjson
from aiokafka.structs import ConsumerRecord

from worker.codec import Message
from worker.kafka.ends import Bounds, Ends
from worker.kafka.ranges import Range, Ranges
from worker.ledger.queries import SQL
from worker.ops.audit.finding import Finding, document_name
from worker.positions import Partition

_AT_ONCE: Final = 2000
_NO_BYTES: Final = 8
_SEEN, _EXPECTED, _EXCUSED = b"s", b"e", b"x"
Id = bytes


class Found(Enum):
    """Whether an outcome is on its topic. EXCUSED: nobody can tell, or it is still to be published."""

    AS_STORED = auto()
    OTHERWISE = auto()
    MISSING = auto()
    EXCUSED = auto()


@dataclass(slots=True)
class Told:
    """`expect` each message of the ledger, then `read` the topics. `before`: their bounds before the snapshot was
    taken; a later message may belong to a later document.

    It keeps about 200 bytes for each message.
    """

    connection: Any
    kafka: Ranges
    ends: Ends
    topics: tuple[str, ...]
    before: Mapping[Partition, Bounds]
    progress: Callable[[str], None]
    kept_since_us: int = 0  # earlier outcomes may be gone by retention
    forged: dict[Id, Mapping[str, Any]] = field(default_factory=dict)  # the `data` that the topic has instead
    _unpublished: frozenset[int] = frozenset()
    _messages: dict[Id, bytes] = field(default_factory=dict)  # → digest, number of the document, state

    async def begin(self, places: int) -> None:
        """Learn what need not be on the topics. `places`: bits of a document's number below its batch's number."""
        rows = await self.connection.fetch("SELECT no FROM batch WHERE published_at IS NULL")
        self._unpublished = frozenset(row["no"] << places for row in rows)
        bounds = await self.ends.of(self.topics)
        shortened = [Range(*at, one.begin, one.begin + 1) for at, one in bounds.items() if 0 < one.begin < one.end]
        if any(0 < one.begin == one.end for one in bounds.values()):
            self.kept_since_us = 1 << 62
        async for part in self.kafka.slices(shortened, _AT_ONCE):
            latest_us = max(record.timestamp for record in part.records) * 1000
            self.kept_since_us = max(self.kept_since_us, latest_us)

    def expect(self, no: int, batch: int, decided_us: int, messages: Iterable[Message]) -> tuple[Id, ...]:
        """Note a document's messages, and return their ids. `batch`: the document's number without its place in it."""
        excused = batch in self._unpublished or decided_us < self.kept_since_us
        ids = []
        for message in messages:
            value = message.value or b"{}"
            id_ = bytes.fromhex(orjson.loads(value)["id"])
            self._messages[id_] = _digest(value) + no.to_bytes(_NO_BYTES) + (_EXCUSED if excused else _EXPECTED)
            ids.append(id_)
        return tuple(ids)

    async def read(self) -> AsyncIterator[Finding]:
        """Return each message on a topic that the ledger lacks or has otherwise, then those that no topic has."""
        bounds = await self.ends.of(self.topics)
        ranges = [Range(*at, one.begin, one.end) for at, one in sorted(bounds.items()) if one.begin < one.end]
        total, done = sum(one.end - one.start for one in ranges), 0
        async for part in self.kafka.slices(ranges, _AT_ONCE):
            done += len(part.records)
            self.progress(f"published: {done:,} of {total:,} records")
            for record in part.records:
                if (what := self._wrong(record)) is not None:
                    envelope = _envelope(record)
                    about = f"{record.topic}-{record.partition} offset {record.offset}"
                    said = " ".join(str(envelope[name]) for name in ("type", "subject") if name in envelope)
                    yield Finding("published", str(envelope.get("orgcode", "")), about, f"{said or 'a record'} {what}")
        async for finding in self._missing():
            yield finding

    def found(self, ids: Iterable[Id]) -> Found:
        """Return what became of a document's messages, of the one that fared worst."""
        states = {self._messages[id_][-1:] for id_ in ids}
        if any(id_ in self.forged for id_ in ids):
            return Found.OTHERWISE
        if _EXPECTED in states:
            return Found.MISSING
        return Found.EXCUSED if _EXCUSED in states else Found.AS_STORED

    def _wrong(self, record: ConsumerRecord) -> str | None:
        value = record.value or b""
        id_ = _id(_envelope(record))
        stored = self._messages.get(id_)
        if stored is None:
            bounds = self.before.get((record.topic, record.partition))
            known_then = bounds is not None and record.offset < bounds.end
            return "is not an outcome of the ledger" if known_then else None
        if stored[:_NO_BYTES] != _digest(value):
            self.forged[id_] = _envelope(record).get("data") or {}
            return "is not what the ledger says under its id"
        self._messages[id_] = stored[:-1] + _SEEN
        return None

    async def _missing(self) -> AsyncIterator[Finding]:
        missing = [
            int.from_bytes(stored[_NO_BYTES:-1])
            for id_, stored in self._messages.items()
            if stored.endswith(_EXPECTED) and id_ not in self.forged
        ]
        for start in range(0, len(missing), _AT_ONCE):
            for row in await self.connection.fetch(SQL["audit_named"], missing[start : start + _AT_ONCE]):
                about = document_name(row["type"], row["subject"])
                yield Finding("published", row["orgcode"], about, "has an outcome that is on no topic")


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=_NO_BYTES).digest()


def _envelope(record: ConsumerRecord) -> Mapping[str, Any]:
    try:
        found = orjson.loads(record.value or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _id(envelope: Mapping[str, Any]) -> Id:
    try:
        return bytes.fromhex(envelope.get("id", ""))
    except (TypeError, ValueError):
        return b""
