"""Publish documents to Kafka fast: the client gathers records into batches, and a limit bounds those in flight."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Self

import orjson
from aiokafka import AIOKafkaProducer

from examples.online_retail.documents import Document

_IN_FLIGHT = 2000


class Record(NamedTuple):
    """A document as bytes, ready to send; `topic` without prefix."""

    topic: str
    type: str
    subject: str
    key: bytes
    value: bytes


def record_of(document: Document) -> Record:
    """Return the structured CloudEvent as compact UTF-8 JSON."""
    return Record(
        document.topic, document.type, document.subject, document.key.encode(), orjson.dumps(document.envelope())
    )


class Publisher:
    """A context that sends to the topics of a run."""

    def __init__(self, bootstrap_servers: str, topic_prefix: str) -> None:
        self._servers = bootstrap_servers
        self._prefix = topic_prefix
        self._producer: AIOKafkaProducer

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers, acks="all", linger_ms=5, max_batch_size=1 << 20
        )
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def publish(self, records: Sequence[Record], sent: Callable[[int], None]) -> None:
        """Send all documents, in order for each key. `sent` is called with the number of newly acknowledged ones."""
        for start in range(0, len(records), _IN_FLIGHT):
            part = records[start : start + _IN_FLIGHT]
            await asyncio.gather(*[await self._send(record.topic, record.key, record.value) for record in part])
            sent(len(part))

    async def send(self, topic: str, key: bytes | None, value: bytes) -> None:
        """Send one record and wait until it is acknowledged."""
        await (await self._send(topic, key, value))

    async def _send(self, topic: str, key: bytes | None, value: bytes) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await self._producer.send(self._prefix + topic, value, key)
        return future
