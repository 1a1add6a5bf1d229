"""Publish outcomes and dead letters, and return only when Kafka has acknowledged every one."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed, TopicAuthorizationFailedError
from aiokafka.producer.message_accumulator import BatchBuilder

from worker.kafka.partitioner import BATCH_BYTES, batches
from worker.kafka.security import PLAINTEXT, Security
from worker.process import metrics
from worker.process.errors import Unavailable, Unwritable, describe

if TYPE_CHECKING:
    from worker.codec import Message

_log = structlog.get_logger(__name__)

_SIZE = "max.message.bytes"
# A connection closes once its last bytes are sent: to a broker that is gone without a word, not for many minutes.
_CLOSE_S = 5.0


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
            max_batch_size=BATCH_BYTES,
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
        tally = Counter(message.topic for message in messages)
        try:
            async with asyncio.timeout(self._ack_s):
                counts = {topic: len(await producer.partitions_for(topic)) for topic in tally}
                now_ms = time.time_ns() // 1_000_000
                made = batches(messages, counts, next(self._keyless), now_ms, compressed)
                acks = (_send(producer, topic, partition, parts) for (topic, partition), parts in made.items())
                results = await asyncio.gather(*acks, return_exceptions=True)
        except (KafkaError, TimeoutError) as error:
            await self.stop()
            raise Unavailable(f"Kafka did not acknowledge: {describe(error)}") from error
        if failed := {at: error for at, error in zip(made, results, strict=True) if error is not None}:
            await self.stop()
            raise _failure(failed)
        for topic, count in tally.items():
            metrics.MESSAGES.labels(topic).inc(count)


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
    for close in (producer.client.close, producer.stop):
        with contextlib.suppress(KafkaError, OSError, TimeoutError, KeyError):
            async with asyncio.timeout(_CLOSE_S):
                await close()
