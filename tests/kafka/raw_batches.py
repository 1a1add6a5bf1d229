"""Record batches made byte by byte: what no client would send, and the broker takes all the same."""

import gzip
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.codec import lz4_encode, snappy_encode, zstd_encode
from aiokafka.errors import NotLeaderForPartitionError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c, encode_varint

from tests.kafka.conftest import Cluster

Header = tuple[bytes, bytes | None]
CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (0, bytes),
    "gzip": (1, lambda body: gzip.compress(body, 9)),
    "snappy": (2, snappy_encode),
    "raw-snappy": (2, lambda body: snappy_encode(body, xerial_compatible=False)),
    "lz4": (3, lz4_encode),
    "zstd": (4, zstd_encode),
}


def varint(number: int) -> bytes:
    out = bytearray()
    encode_varint(number, out.append)
    return bytes(out)


def sized(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


def record(
    index: int, value: bytes | None, key: bytes | None = None, headers: Sequence[Header] = (), count: int | None = None
) -> bytes:
    """One record; `count`: how many headers it says that it has."""
    body = b"\0" + varint(0) + varint(index) + sized(key) + sized(value)
    body += varint(len(headers) if count is None else count)
    body += b"".join(sized(name) + sized(text) for name, text in headers)
    return sized(body)


def batch(
    records: Sequence[bytes],
    codec: str = "none",
    *,
    timestamp_ms: int | None = None,
    count: int | None = None,
    offset: int = 0,
    after: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """A batch of message format 2 with a right checksum; `after`: what happens to the records once compressed."""
    timestamp_ms = int(time.time() * 1000) if timestamp_ms is None else timestamp_ms
    number, compress = CODECS[codec]
    count = len(records) if count is None else count
    fields = (number, max(0, count - 1), timestamp_ms, timestamp_ms, -1, -1, -1, count)
    rest = struct.pack(">hiqqqhii", *fields) + after(compress(b"".join(records)))
    return struct.pack(">qiibI", offset, len(rest) + 9, -1, 2, calc_crc32c(rest)) + rest


async def send(cluster: Cluster, topic: str, raw: bytes, partition: int = 0) -> int:
    """Produce the batch as it is, and return its first offset. Raises what the broker says to it."""
    await cluster.producer.partitions_for(topic)  # so that it knows the leader
    client: Any = cluster.producer.client
    while True:
        node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        answer = await client.send(node, ProduceRequest(None, -1, 60_000, [(topic, [(partition, raw)])]))
        (_, ((_, code, offset, *_),)), *_ = answer.topics
        if for_code(code) in (NotLeaderForPartitionError, UnknownTopicOrPartitionError):  # just created
            continue
        if code:
            raise for_code(code)
        return int(offset)
