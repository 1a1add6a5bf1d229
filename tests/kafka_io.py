"""The outside world's side of Kafka: documents published, what the worker publishes read.

async with Reading(bootstrap, [topics.outcomes]) as outcomes:
    await publish(bootstrap, [document(topics.inputs[0], "scm.sale.completed", "S1", {"sale_id": "S1", …})])
    [outcome] = await outcomes.take(1)
"""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.structs import RecordMetadata

ORGCODE = "acme"
LARGEST_BYTES = 32 * 1024 * 1024
WITHIN_S = 30.0
_ids = itertools.count(1)


@dataclass(frozen=True)
class Record:
    """A Kafka record to publish; without a `partition` its key chooses one."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int | None = None
    partition: int | None = None


def document(  # one parameter an attribute of the envelope
    topic: str,
    kind: str,
    subject: str,
    data: Mapping[str, object],
    *,
    orgcode: str = ORGCODE,
    key: str | None = None,
    timestamp_ms: int | None = None,
    partition: int | None = None,
    **attributes: object,
) -> Record:
    """A structured CloudEvent (contract §1); `attributes` add to its envelope or replace what stands there."""
    envelope = {
        "specversion": "1.0",
        "id": f"e{next(_ids)}",
        "source": "/tests",
        "type": kind,
        "subject": subject,
        "orgcode": orgcode,
        "datacontenttype": "application/json",
        **attributes,
        "data": data,
    }
    return Record(
        topic=topic,
        value=json.dumps(envelope).encode(),
        key=(key or str(data.get("customer_id") or subject)).encode(),
        headers=[("content-type", b"application/cloudevents+json")],
        timestamp_ms=timestamp_ms,
        partition=partition,
    )


async def publish(bootstrap: str, records: Iterable[Record]) -> list[RecordMetadata]:
    """Publish in order, and return once the broker has them all: where each one is."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=LARGEST_BYTES) as producer:
        sent = [
            await producer.send(
                record.topic,
                record.value,
                key=record.key,
                headers=list(record.headers),
                timestamp_ms=record.timestamp_ms,
                partition=record.partition,
            )
            for record in records
        ]
        return list(await asyncio.gather(*sent))


@dataclass(frozen=True)
class Published:
    """A message of the worker. `data` and `envelope` are empty if the value is not a JSON object."""

    record: ConsumerRecord = field(repr=False)
    envelope: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.envelope.get("type", ""))

    @property
    def subject(self) -> str:
        return str(self.envelope.get("subject", ""))

    @property
    def data(self) -> Mapping[str, Any]:
        return self.envelope.get("data") or {}

    @property
    def at(self) -> tuple[str, int, int]:
        return self.record.topic, self.record.partition, self.record.offset

    @property
    def headers(self) -> dict[str, str]:
        return {name: value.decode() for name, value in self.record.headers if value is not None}


def parsed(record: ConsumerRecord) -> Published:
    try:
        value = json.loads(record.value or b"null")
    except ValueError:
        value = None
    return Published(record, value if isinstance(value, dict) else {})


class Reading:
    """Reads topics from their beginning, without a group; `seen` has everything read so far, in order of arrival."""

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        self.seen: list[Published] = []
        self._taken = 0
        self._consumer = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=LARGEST_BYTES,
            fetch_max_bytes=LARGEST_BYTES,
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def take(self, count: int, within_s: float = WITHIN_S) -> list[Published]:
        """The next `count` records, once they are there; fails with what did come otherwise."""
        taken = self._taken + count
        await self.until(lambda seen: len(seen) >= taken, within_s)
        self._taken = taken
        return self.seen[taken - count : taken]

    async def until(self, enough: Callable[[list[Published]], bool], within_s: float = WITHIN_S) -> list[Published]:
        """Return all messages read so far, once they are `enough`. Otherwise fail with the messages that came."""
        try:
            async with asyncio.timeout(within_s):
                while not enough(self.seen):
                    self._keep(await self._consumer.getmany(timeout_ms=1000))
        except TimeoutError:
            came = "\n".join(f"  {one.type} {one.subject} {dict(one.data)}" for one in self.seen)
            message = f"not enough within {within_s} s; {len(self.seen)} came:\n{came}"
            raise AssertionError(message) from None
        return self.seen

    async def rest(self) -> list[Published]:
        """Return all messages in the topics at this moment."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        for partition, end in ends.items():
            while await self._consumer.position(partition) < end:
                self._keep(await self._consumer.getmany(timeout_ms=1000))
        return self.seen

    def _keep(self, fetched: Mapping[Any, Sequence[ConsumerRecord]]) -> None:
        self.seen += [parsed(record) for records in fetched.values() for record in records]
