"""Fetch the records of topics by their ids, in place of aiokafka's fetches by name.

A topic that is deleted and created again keeps its name, and holds other records. A fetch by name at the old offset
returns them as if nothing had happened. Version 13 of Kafka's fetch request (Kafka 3.1, KIP-516) names the topic's id.
For a topic that is gone the broker answers UNKNOWN_TOPIC_ID and no record. So no batch holds a record of another topic:

1. Each fetch names the ids that the consumer has at that moment, and an answer counts only if they are still the same
   when it arrives. So every fetched record is of the topic with that id: the broker says so together with the record.
2. `Checks` changes an id only when partitions are assigned, or when `Watch` has found a topic that was created again.
   It drops the records that were fetched by the old id, and seeks.
3. A batch's position carries that id, and `ledger.write.watermarks` refuses a position whose id is not the ledger's.
   That rolls back the documents of the same transaction: a worker that was frozen meanwhile commits nothing.

Nothing is asked before or after a batch, so a lone tender waits for nothing. With a broker before Kafka 3.1, fetches
go by name: then up to half a second passes until `Watch` notices.
"""

import asyncio
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)  # fmt: skip

from worker.kafka.topic_ids import topic_ids

_VERSION: Final = 13
_UNKNOWN_ID, _OTHER_ID = 100, 103  # error codes that aiokafka does not know
# A broker answers at once if a topic is gone. So ask again a little later.
_LATER_S: Final = 0.05


class _Id(AbstractType[UUID]):  # type: ignore[misc]  # aiokafka has no types
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class _Response(Response):  # type: ignore[misc]
    API_KEY = FetchRequest.API_KEY
    API_VERSION = _VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("session_id", Int32),
        (
            "topics",
            CompactArray(
                ("id", _Id),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("high_watermark", Int64),
                        ("last_stable_offset", Int64),
                        ("log_start_offset", Int64),
                        (
                            "aborted",
                            CompactArray(("producer_id", Int64), ("first_offset", Int64), ("tags", TaggedFields)),
                        ),
                        ("preferred_read_replica", Int32),
                        ("records", CompactBytes),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Struct(RequestStruct):  # type: ignore[misc]
    API_KEY = FetchRequest.API_KEY
    API_VERSION = _VERSION
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("replica_id", Int32),
        ("max_wait_ms", Int32),
        ("min_bytes", Int32),
        ("max_bytes", Int32),
        ("isolation_level", Int8),
        ("session_id", Int32),
        ("session_epoch", Int32),
        (
            "topics",
            CompactArray(
                ("id", _Id),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("current_leader_epoch", Int32),
                        ("offset", Int64),
                        ("last_fetched_epoch", Int32),
                        ("log_start_offset", Int64),
                        ("max_bytes", Int32),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("forgotten", CompactArray(("id", _Id), ("partitions", CompactArray(Int32)), ("tags", TaggedFields))),
        ("rack_id", CompactString("utf-8")),
        ("tags", TaggedFields),
    )


class _ById(Request[_Struct]):  # type: ignore[misc]
    """aiokafka's request, with the ids of its topics if the broker takes them."""

    API_KEY = FetchRequest.API_KEY

    def __init__(self, by_name: FetchRequest, ids: Mapping[str, UUID]) -> None:
        self._by_name = by_name
        self._ids = ids

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> RequestStruct:
        """Build the request for a broker that speaks these versions."""
        least, most = versions[self.API_KEY]
        return self.build(_Struct) if least <= _VERSION <= most else self._by_name.prepare(versions)

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        """Build the request by id."""
        named = self._by_name
        topics: list[Any] = [
            (self._ids[topic], [(number, -1, offset, -1, -1, size, {}) for number, offset, size in partitions], {})
            for topic, partitions in named.topics
            if topic in self._ids
        ]
        limits = named._max_wait_ms, named._min_bytes, named._max_bytes, named._isolation_level  # noqa: SLF001
        return request_struct_class(-1, *limits, 0, -1, topics, [], "", {})  # no session


def fetch_by_id(client: AIOKafkaClient, ids: dict[str, UUID]) -> None:
    """Make this client fetch by `ids`. Their owner may change them; ids that are missing are asked for and added."""
    send = client.send

    async def sent(node: int, request: Request[Any], **options: Any) -> Any:  # noqa: ANN401  aiokafka has no types
        if not isinstance(request, FetchRequest):
            return await send(node, request, **options)
        if not await _complete(client, [topic for topic, _ in request.topics], ids):
            return await send(node, request, **options)
        asked = {topic: ids[topic] for topic, _ in request.topics if topic in ids}
        answer = await send(node, _ById(request, asked), **options)
        if answer.API_VERSION != _VERSION:
            return answer
        gone = any(part[1] in {_UNKNOWN_ID, _OTHER_ID} for _, parts, _ in answer.topics for part in parts)
        if gone or not asked:
            await asyncio.sleep(_LATER_S)
        names = {id_: topic for topic, id_ in asked.items() if ids.get(topic) == id_}
        answer.topics = [
            (names[id_], [_by_name(part) for part in parts]) for id_, parts, _ in answer.topics if id_ in names
        ]
        return answer

    client.send = sent


async def _complete(client: AIOKafkaClient, topics: Sequence[str], ids: dict[str, UUID]) -> bool:
    """Ask for the ids that are missing. Return False if the broker has none (before Kafka 2.8)."""
    missing = [topic for topic in topics if topic not in ids]
    if not missing:
        return True
    found = await topic_ids(client, missing)
    for topic, id_ in (found or {}).items():
        ids.setdefault(topic, id_)
    return found is not None


def _by_name(part: Sequence[Any]) -> tuple[Any, ...]:
    """Return a partition's part of the answer as version 11 has it, which aiokafka reads."""
    number, error, high_watermark, last_stable_offset, log_start, aborted, replica, records, _ = part
    if error in {_UNKNOWN_ID, _OTHER_ID}:
        error = UnknownTopicOrPartitionError.errno
    transactions = [(producer, first) for producer, first, _ in aborted or ()]
    return number, error, high_watermark, last_stable_offset, log_start, transactions, replica, records or b""
