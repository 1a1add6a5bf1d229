"""Compare the outcomes of the ledger with those on the outcome topics: each is there, byte for byte, and no other."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

import orjson
from aiokafka.structs import ConsumerRecord

from worker.codec import Message
from worker.kafka.ends import Bounds, Ends
from worker.kafka.ranges import Range, Ranges
from worker.ledger.queries import SQL
from worker.ops.audit.expected import Expected, State
from worker.ops.audit.finding import Finding, document_name
from worker.positions import Partition

_AT_ONCE: Final = 2000
_DIGEST_BYTES: Final = 8
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
    _expected: Expected = field(default_factory=Expected)

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
        state = State.EXCUSED if excused else State.EXPECTED
        values = [message.value or b"{}" for message in messages]
        ids = tuple(bytes.fromhex(orjson.loads(value)["id"]) for value in values)
        self._expected.add((id_, _digest(value), no, state) for id_, value in zip(ids, values, strict=True))
        return ids

    async def read(self) -> AsyncIterator[Finding]:
        """Return each message on a topic that the ledger lacks or has otherwise, then those that no topic has."""
        self._expected.complete()
        bounds = await self.ends.of(self.topics)
        ranges = [Range(*at, one.begin, one.end) for at, one in sorted(bounds.items()) if one.begin < one.end]
        total, done = sum(one.end - one.start for one in ranges), 0
        async for part in self.kafka.slices(ranges, _AT_ONCE):
            done += len(part.records)
            self.progress(f"published: {done:,} of {total:,} records")
            seen: list[int] = []
            for record in part.records:
                if (what := self._wrong(record, seen)) is not None:
                    envelope = _envelope(record)
                    about = f"{record.topic}-{record.partition} offset {record.offset}"
                    names = " ".join(str(envelope[name]) for name in ("type", "subject") if name in envelope)
                    yield Finding("published", str(envelope.get("orgcode", "")), about, f"{names or 'a record'} {what}")
            self._expected.see(seen)
        async for finding in self._missing():
            yield finding

    def found(self, ids: Iterable[Id]) -> Found:
        """Return what became of a document's messages, of the one that fared worst."""
        states = {found.state for id_ in ids if (found := self._expected.find(id_)) is not None}
        if any(id_ in self.forged for id_ in ids):
            return Found.OTHERWISE
        if State.EXPECTED in states:
            return Found.MISSING
        return Found.EXCUSED if State.EXCUSED in states else Found.AS_STORED

    def _wrong(self, record: ConsumerRecord, seen: list[int]) -> str | None:
        """Return what is wrong with the message. If its id is expected, add its place to `seen`."""
        value = record.value or b""
        id_ = _id(_envelope(record))
        expected = self._expected.find(id_)
        if expected is None:
            bounds = self.before.get((record.topic, record.partition))
            known_then = bounds is not None and record.offset < bounds.end
            return "is not an outcome of the ledger" if known_then else None
        seen.append(expected.place)
        if expected.digest != _digest(value):
            self.forged[id_] = _envelope(record).get("data") or {}
            return "is not what the ledger says under its id"
        return None

    async def _missing(self) -> AsyncIterator[Finding]:
        missing = self._expected.missing()
        while numbers := list(islice(missing, _AT_ONCE)):
            for row in await self.connection.fetch(SQL["audit_named"], numbers):
                about = document_name(row["type"], row["subject"])
                yield Finding("published", row["orgcode"], about, "has an outcome that is on no topic")


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=_DIGEST_BYTES).digest()


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
