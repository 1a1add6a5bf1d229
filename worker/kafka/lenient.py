"""Read the records of a batch (message format 2) that the client's own parser refuses, as far as possible.

Every record of the batch is returned, in order. A broken one has an `Unreadable` value, which says why, and becomes a
dead letter. So a publisher's mistake costs one document and never stops a partition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.reasons import DeadLetterReason
from worker.codec import Unreadable

HEADERS: Final = 1000
_HEADERS_BYTES: Final = 1 << 20
_SHOWN_BYTES: Final = 1 << 20
_TOO_LARGE = DeadLetterReason.TOO_LARGE
_BROKEN = DeadLetterReason.NOT_CLOUDEVENT


class Origin(NamedTuple):
    """What a batch's header says about its records."""

    base_offset: int
    last_offset: int
    records: int
    first_timestamp: int
    append_timestamp: int | None  # None: each record has its publisher's timestamp


@dataclass(slots=True)
class Lenient:
    """A record with the attributes of aiokafka's own records."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp_type: int
    checksum: None = None


class _Malformed(Exception):
    """A length points outside of the record."""


def records(origin: Origin, body: memoryview, cut: Unreadable | None) -> Iterator[Lenient]:
    """Return every record that the header counts. `cut` is the value of those that an incomplete `body` lacks."""
    at, offset = 0, origin.base_offset - 1
    for index in range(origin.records):
        try:
            start, end = _bounds(body, at)
        except _Malformed:
            rest = Unreadable(bytes(body[at : at + _SHOWN_BYTES]), _BROKEN, "a record's length is wrong")
            yield from _missing(origin, index, rest if cut is None else cut)
            return
        record = _record(origin, index, body[start:end], cut)
        # A publisher may write any offset. One that leaves no room for the batch's other records can't be right.
        if not offset < record.offset <= origin.last_offset - (origin.records - 1 - index):
            record.offset = offset + 1
        at, offset = end, record.offset
        yield record


def _record(origin: Origin, index: int, raw: memoryview, cut: Unreadable | None) -> Lenient:
    record = _blank(origin, index, None)
    try:
        at = 1  # attributes: none are defined
        delta, at = _varint(raw, at)
        if origin.append_timestamp is None:
            record.timestamp = origin.first_timestamp + delta
        delta, at = _varint(raw, at)
        record.offset = origin.base_offset + delta
        record.key, at = _bytes(raw, at)
        record.value, at = _bytes(raw, at)
        why = _read_headers(record, raw, at)
    except _Malformed:
        record.offset = origin.base_offset + index
        record.key, record.headers = None, []
        record.value = Unreadable(bytes(raw[:_SHOWN_BYTES]), _BROKEN, "a length inside the record is wrong")
        return record
    if why is not None:
        record.value = Unreadable(record.value or b"", *why)
    elif cut is not None and cut.reason is _BROKEN:
        record.value = Unreadable(record.value or b"", cut.reason, cut.detail)
    return record


def _read_headers(record: Lenient, raw: memoryview, at: int) -> tuple[DeadLetterReason, str] | None:
    """Read the headers into the record. Return why the record is refused, or None. Bytes that are not UTF-8 are
    escaped.
    """
    count, at = _varint(raw, at)
    if count < 0:
        raise _Malformed
    if count > HEADERS or len(raw) - at > _HEADERS_BYTES:
        return _TOO_LARGE, f"headers: more than {HEADERS}, or than {_HEADERS_BYTES} bytes"
    refused = None
    for _ in range(count):
        name, at = _bytes(raw, at)
        value, at = _bytes(raw, at)
        if name is None:
            raise _Malformed
        try:
            text = name.decode()
        except UnicodeDecodeError:
            text = name.decode(errors="backslashreplace")
            refused = _BROKEN, "headers: a name is not UTF-8"
        record.headers.append((text, value))
    return refused


def _missing(origin: Origin, index: int, first: Unreadable) -> Iterator[Lenient]:
    """Return a record for each one that can't be told from its neighbours. The first has the rest of the batch."""
    value = first
    for absent in range(index, origin.records):
        yield _blank(origin, absent, value)
        value = Unreadable(b"", first.reason, first.detail)


def _blank(origin: Origin, index: int, value: bytes | None) -> Lenient:
    # Offsets count up by one. If compaction left gaps, the last ones end where the batch ends.
    offset = max(origin.base_offset + index, origin.last_offset - origin.records + 1 + index)
    if origin.append_timestamp is None:
        return Lenient(offset, origin.first_timestamp, None, value, [], 0)
    return Lenient(offset, origin.append_timestamp, None, value, [], 1)


def _bytes(raw: memoryview, at: int) -> tuple[bytes | None, int]:
    size, at = _varint(raw, at)
    if size < 0:
        return None, at
    if at + size > len(raw):
        raise _Malformed
    return bytes(raw[at : at + size]), at + size


def _bounds(raw: memoryview, at: int) -> tuple[int, int]:
    """Return where bytes that are preceded by their length begin and end."""
    size, at = _varint(raw, at)
    if not 0 <= size <= len(raw) - at:
        raise _Malformed
    return at, at + size


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    result = shift = 0
    for place in range(at, min(at + 10, len(raw))):
        byte = raw[place]
        result |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (result >> 1) ^ -(result & 1), place + 1
        shift += 7
    raise _Malformed
