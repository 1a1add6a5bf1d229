"""Publish outcomes and dead letters, and return only when Kafka has acknowledged every one."""

import asyncio
import contextlib
import itertools
import struct
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed, TopicAuthorizationFailedError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from worker.kafka.security import PLAINTEXT, Security
from worker.process import metrics
from worker.process.errors import Unavailable, Unwritable, describe

if TYPE_CHECKING:
    from worker.codec import Message

_log = structlog.get_logger(__name__)

# The broker accepts 1 MiB + 12 bytes in one record batch, unless a topic allows more. A larger message goes alone.
_BATCH_BYTES = 1 << 20
# With more in one request, the broker closes the connection (its socket.request.max.bytes is 100 MiB), so compress.
_REQUEST_BYTES = 64 << 20
_SIZE = "max.message.bytes"
_GZIP = DefaultRecordBatch.CODEC_GZIP  # a codec that every client can read
_U32 = 0xFFFFFFFF


class _TooLarge(Unwritable):
    """Topics that refuse a message because of its size."""

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__(f"{', '.join(sorted(topics))} refuses a message for its size: raise the topic's {_SIZE}")
        self.topics = topics


class Publisher:
    """An idempotent producer. It is created again after each failure, because a producer that lost its sequence can't
    go on.
    """

    def __init__(self, bootstrap_servers: str, *, ack_s: float = 30.0, security: Security = PLAINTEXT) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._security = security
        self._ack_s = ack_s
        self._producer: AIOKafkaProducer | None = None
        self._keyless = itertools.count()

    async def start(self) -> None:
        """Connect. Raises Unavailable if no broker answers."""
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=int(self._ack_s * 1000),
            **self._security,
        )
        try:
            await asyncio.wait_for(producer.start(), self._ack_s)
        except (KafkaError, TimeoutError) as error:
            await _discard(producer)
            raise Unavailable(f"Kafka does not answer: {describe(error)}") from error
        self._producer = producer

    async def stop(self) -> None:
        """Close the connections. Messages for which `publish` has returned are in Kafka."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await _discard(producer)

    async def publish(self, messages: Sequence["Message"]) -> None:
        """Publish all messages, in order for each key. Return when all in-sync replicas have acknowledged every one.

        If a topic refuses a message because of its size, it is sent compressed: a dead letter's record arrived so, and
        fitted. Raises Unavailable (the same call may work later; some may have been published) or Unwritable (a topic
        refuses).
        """
        try:
            await self._publish(messages)
        except _TooLarge as refused:
            await self._publish(messages, refused.topics)

    async def _publish(self, messages: Sequence["Message"], compressed: frozenset[str] = frozenset()) -> None:
        await self.start()
        producer = self._producer
        assert producer is not None  # noqa: S101 - start() made it
        try:
            async with asyncio.timeout(self._ack_s):
                batches = await self._batches(producer, messages, compressed)
                acks = (_send(producer, topic, partition, parts) for (topic, partition), parts in batches.items())
                results = await asyncio.gather(*acks, return_exceptions=True)
        except (KafkaError, TimeoutError) as error:
            await self.stop()
            raise Unavailable(f"Kafka did not acknowledge: {describe(error)}") from error
        if failed := {at: error for at, error in zip(batches, results, strict=True) if error is not None}:
            await self.stop()
            raise _failure(failed)
        for topic, count in _tally(messages).items():
            metrics.MESSAGES.labels(topic).inc(count)

    async def _batches(
        self, producer: AIOKafkaProducer, messages: Sequence["Message"], compressed: frozenset[str]
    ) -> dict[tuple[str, int], list[BatchBuilder]]:
        """Return record batches by partition, in the order in which they must arrive."""
        counts = {topic: len(await producer.partitions_for(topic)) for topic in _tally(messages)}
        keyless = next(self._keyless)
        batches: dict[tuple[str, int], list[BatchBuilder]] = defaultdict(list)
        now_ms = time.time_ns() // 1_000_000
        for message in messages:
            key, count = message.key, counts[message.topic]
            partition = (keyless if key is None else partition_hash(key)) % count
            parts = batches[message.topic, partition]
            if parts and _append(parts[-1], message, now_ms):
                continue
            large = message.topic in compressed or len(message.value or b"") > _REQUEST_BYTES
            parts.append(BatchBuilder(_BATCH_BYTES, _GZIP if large else 0))
            _append(parts[-1], message, now_ms)  # the first message is added whatever its size
        return batches


def _append(batch: BatchBuilder, message: "Message", now_ms: int) -> bool:
    added = batch.append(timestamp=now_ms, key=message.key, value=message.value, headers=list(message.headers))
    return added is not None


def _tally(messages: Iterable["Message"]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for message in messages:
        counts[message.topic] += 1
    return counts


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, batches: list[BatchBuilder]) -> None:
    acks = []
    for batch in batches:
        batch.close()
        acks.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*acks)


def _failure(failed: dict[tuple[str, int], BaseException]) -> Exception:
    """Return the worst of the partitions' errors."""
    if large := frozenset(topic for (topic, _), error in failed.items() if isinstance(error, MessageSizeTooLargeError)):
        return _TooLarge(large)
    for (topic, _), error in failed.items():
        if isinstance(error, TopicAuthorizationFailedError):
            return Unwritable(f"not allowed to write to {topic}")
    (topic, partition), error = next(iter(failed.items()))
    failure = Unavailable(f"{topic}-{partition} did not acknowledge: {describe(error)}")
    failure.__cause__ = error
    return failure


async def _discard(producer: AIOKafkaProducer) -> None:
    """Close without sending the rest. stop() alone would wait for ever for a broker that does not answer."""
    accumulator = producer._message_accumulator  # noqa: SLF001 - no public way to give up
    accumulator.fail_all(ProducerClosed())
    accumulator._batches.clear()  # noqa: SLF001 - or the sender, which still runs, trips over them
    with contextlib.suppress(KafkaError, OSError, TimeoutError, KeyError):
        await producer.client.close()
        await asyncio.wait_for(producer.stop(), 5)


def partition_hash(key: bytes) -> int:
    """Return Kafka's murmur2 of a key, made positive: the same partition as the default of every other client.

    aiokafka's own function takes twice as long, byte by byte.
    """
    h = 0x9747B28C ^ len(key)
    for word in struct.unpack_from(f"<{len(key) >> 2}I", key):
        k = (word * 0x5BD1E995) & _U32
        h = ((h * 0x5BD1E995) & _U32) ^ (((k ^ (k >> 24)) * 0x5BD1E995) & _U32)
    if rest := len(key) & 3:
        h = ((h ^ int.from_bytes(key[-rest:], "little")) * 0x5BD1E995) & _U32
    h = ((h ^ (h >> 13)) * 0x5BD1E995) & _U32
    return (h ^ (h >> 15)) & 0x7FFFFFFF
