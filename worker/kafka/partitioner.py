"""Messages → record batches, each for the partition of its key."""

import struct
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from worker.codec import Message

# The broker accepts 1 MiB + 12 bytes in one record batch, unless a topic allows more. A larger message goes alone.
BATCH_BYTES: Final = 1 << 20
# With more in one request, the broker closes the connection (its socket.request.max.bytes is 100 MiB), so compress.
_REQUEST_BYTES: Final = 64 << 20
_GZIP: Final = DefaultRecordBatch.CODEC_GZIP  # a codec that every client can read
_U32: Final = 0xFFFFFFFF
# The 32-bit words of keys of up to 255 bytes. Making a format and looking it up would take half as long as the hash.
_WORDS: Final = tuple(struct.Struct(f"<{words}I").unpack_from for words in range(64))

if TYPE_CHECKING:
    from mypy_extensions import i64  # a number of the processor in the compiled build; it never exceeds 63 bits here

Batches = dict[tuple[str, int], list[Any]]
"""aiokafka's `BatchBuilder`s by topic and partition, in the order in which they must arrive."""


def batches(
    messages: Sequence[Message], counts: Mapping[str, int], keyless: int, now_ms: int, compressed: Collection[str] = ()
) -> Batches:
    """Return the record batches of these messages.

    `counts`: of each topic's partitions. `keyless`: chooses the partition of messages without a key. `compressed`:
    topics that refuse a batch for its size.
    """
    made: Batches = defaultdict(list)
    for topic, key, value, headers in messages:
        partition = (keyless if key is None else partition_hash(key)) % counts[topic]
        parts = made[topic, partition]
        if parts and parts[-1].append(timestamp=now_ms, key=key, value=value, headers=list(headers)) is not None:
            continue
        large = topic in compressed or len(value or b"") > _REQUEST_BYTES
        parts.append(BatchBuilder(BATCH_BYTES, _GZIP if large else 0))
        parts[-1].append(timestamp=now_ms, key=key, value=value, headers=list(headers))  # the first, whatever its size
    return made


def partition_hash(key: bytes) -> int:
    """Return Kafka's murmur2 of a key, made positive: the same partition as the default of every other client.

    aiokafka's own function takes twice as long, byte by byte.
    """
    h: i64 = 0x9747B28C ^ len(key)
    word: i64
    words = len(key) >> 2
    for word in _WORDS[words](key) if words < len(_WORDS) else struct.unpack_from(f"<{words}I", key):
        k = (word * 0x5BD1E995) & _U32
        h = ((h * 0x5BD1E995) & _U32) ^ (((k ^ (k >> 24)) * 0x5BD1E995) & _U32)
    if rest := len(key) & 3:
        h = ((h ^ int.from_bytes(key[-rest:], "little")) * 0x5BD1E995) & _U32
    h = ((h ^ (h >> 13)) * 0x5BD1E995) & _U32
    return (h ^ (h >> 15)) & 0x7FFFFFFF
