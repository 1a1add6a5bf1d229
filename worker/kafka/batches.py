"""The record batches of a fetch response, in place of aiokafka's `MemoryRecords`. No batch can stop a partition.

aiokafka and its record parsers raise on a header name that is not UTF-8: for ever, at each fetch of the same offset.
They also decompress any number of bytes. Here, a batch is decompressed up to a limit. aiokafka's parser (in C) still
reads all ordinary batches; `lenient` reads those that it refuses.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch

from schemas.reasons import DeadLetterReason
from worker.codec import Unreadable
from worker.kafka import lenient
from worker.kafka.inflate import LIMIT_BYTES, inflate

_OVERHEAD: Final = 12  # base offset and length, which the length does not count
_MAGIC_AT: Final = 16
_MAGIC: Final = 2
_ATTRIBUTES_AT: Final = 21
_HEADER: Final = 61
_CODEC = DefaultRecordBatch.CODEC_MASK
# A record of this size can't have enough headers to fill the memory: aiokafka makes objects of all of them.
_SMALL_BYTES: Final = 1 << 20
# So many decompressed bytes are read from one fetch response; the rest is fetched again.
_RESPONSE_BYTES: Final = 16 << 20
# A checksum that failed in transit is right the next time. After so many failures, it is wrong on the broker's disk.
_CHECKSUM_FAILURES: Final = 3
_BROKEN = DeadLetterReason.NOT_CLOUDEVENT
_TOO_LARGE = Unreadable(b"", DeadLetterReason.TOO_LARGE, f"its batch decompresses to more than {LIMIT_BYTES} bytes")
_NOT_INFLATED = Unreadable(b"", _BROKEN, "its batch can't be decompressed")
_WRONG_CHECKSUM = Unreadable(b"", _BROKEN, "its batch's checksum is wrong")
_failed: Counter[tuple[int, int]] = Counter()


class RecordBatches:
    """A partition's part of one fetch response, with what aiokafka's fetcher uses of a `MemoryRecords`."""

    def __init__(self, response: bytes) -> None:
        self._response = response
        self._at = 0
        self._inflated_bytes = 0

    def size_in_bytes(self) -> int:
        return len(self._response)

    def has_next(self) -> bool:
        """Return whether another batch is complete, and may be read from this response."""
        return self._end() <= len(self._response) and self._inflated_bytes < _RESPONSE_BYTES

    def next_batch(self) -> Any:  # noqa: ANN401  LegacyRecordBatch has no type
        batch = memoryview(self._response)[self._at : self._end()]
        self._at += len(batch)
        if len(batch) <= _MAGIC_AT:
            raise CorruptRecordException("a batch is shorter than its header")
        if batch[_MAGIC_AT] < _MAGIC:  # written before Kafka 0.11; no broker accepts it since 3.0
            return LegacyRecordBatch(batch, batch[_MAGIC_AT])
        if len(batch) < _HEADER:
            raise CorruptRecordException("a batch is shorter than its header")
        return Batch(batch, self)

    def inflated(self, size_bytes: int) -> None:
        """Count decompressed bytes."""
        self._inflated_bytes += size_bytes

    def _end(self) -> int:
        if self._at + _OVERHEAD > len(self._response):
            return len(self._response) + 1
        size: int = struct.unpack_from(">i", self._response, self._at + 8)[0]
        return self._at + _OVERHEAD + max(0, size)


class Batch:
    """One batch of message format 2. Iterating gives every record; unreadable ones are marked."""

    def __init__(self, raw: memoryview, response: RecordBatches) -> None:
        self._raw = raw
        self._response = response
        self._batch = DefaultRecordBatch(raw)
        self._cut: Unreadable | None = None
        self.base_offset: int = self._batch.base_offset
        self.next_offset: int = self._batch.next_offset
        self.producer_id: int = self._batch.producer_id
        self.is_transactional: bool = self._batch.is_transactional
        self.is_control_batch: bool = self._batch.is_control_batch

    def validate_crc(self) -> bool:
        """Return whether the batch may be read. If its checksum fails again and again, it may: as
        unreadable records.
        """
        if self._batch.validate_crc():
            return True
        failed = (self.base_offset, self._batch.crc)
        _failed[failed] += 1
        if _failed[failed] < _CHECKSUM_FAILURES:
            return False
        del _failed[failed]
        self._cut = _WRONG_CHECKSUM
        return True

    def __next__(self) -> Any:  # noqa: ANN401  aiokafka's record; asked for of control batches only
        return next(iter(self._batch))

    def __iter__(self) -> Iterator[Any]:
        codec = self._batch.compression_type
        body = self._raw[_HEADER:]
        if codec:
            inflated = inflate(codec, body)
            self._response.inflated(len(inflated.data))
            body = memoryview(inflated.data)
            if self._cut is None and (inflated.too_large or inflated.broken):
                self._cut = _TOO_LARGE if inflated.too_large else _NOT_INFLATED
        if self._cut is None and len(body) <= _SMALL_BYTES:
            offset = self.base_offset
            try:
                for record in self._uncompressed(body) if codec else self._batch:
                    if record.offset != offset:  # the broker takes any, of a batch that is not compressed
                        break
                    yield record
                    offset += 1
                else:
                    return
            except (CorruptRecordException, ValueError, IndexError):
                pass
        # From the beginning: aiokafka skips records that it already has.
        yield from lenient.records(self._origin(), body, self._cut)

    def _uncompressed(self, body: memoryview) -> Any:  # noqa: ANN401  aiokafka has no types
        header = bytearray(self._raw[:_HEADER])
        (attributes,) = struct.unpack_from(">h", header, _ATTRIBUTES_AT)
        struct.pack_into(">h", header, _ATTRIBUTES_AT, attributes & ~_CODEC)
        return DefaultRecordBatch(bytes(header + body))

    def _origin(self) -> lenient.Origin:
        (records,) = struct.unpack_from(">i", self._raw, _HEADER - 4)
        batch = self._batch
        return lenient.Origin(
            base_offset=self.base_offset,
            last_offset=self.next_offset - 1,
            records=records,
            first_timestamp=batch.first_timestamp,
            append_timestamp=batch.max_timestamp if batch.timestamp_type else None,
        )


def install() -> None:
    """Make every consumer of this process read batches with these classes: aiokafka takes no parser as an argument."""
    fetcher.MemoryRecords = RecordBatches
