"""The ids of topics. aiokafka does not ask for them. A topic that is deleted and created again gets a new id.

Version 10 of Kafka's metadata request (Kafka 2.8) is the first with ids.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaTimeoutError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_TEXT = CompactString("utf-8")
_WORD = 1 << 64
# A broker that is gone without a word must not keep the partitions of the others waiting for aiokafka's 40 s.
_ANSWER_S: Final = 5.0


class _Response(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields)),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("id_high", Int64),
                ("id_low", Int64),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _Request(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("topics", CompactArray(("id_high", Int64), ("id_low", Int64), ("name", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIds(Request[_Request]):  # type: ignore[misc]
    """The request for these topics; `of` reads its answer."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_Request]) -> _Request:
        """Build the request. aiokafka calls it with the version that the broker speaks."""
        return request_struct_class([(0, 0, name, {}) for name in self._topics], False, False, False, {})  # noqa: FBT003

    @staticmethod
    def of(answer: Any) -> dict[str, UUID]:  # noqa: ANN401
        """Return the id of each existing topic."""
        return {
            name: UUID(int=(high % _WORD) * _WORD + low % _WORD)
            for code, name, high, low, *_ in answer.topics
            if not code
        }


async def topic_ids(client: AIOKafkaClient, topics: Sequence[str]) -> dict[str, UUID] | None:
    """Return the id of each of these topics that exists; None from a broker before Kafka 2.8, which has no ids.

    Asks any broker. Raises KafkaError; if that broker was silent, another one may answer.
    """
    try:
        async with asyncio.timeout(_ANSWER_S):
            return TopicIds.of(await client.send(client.get_random_node(), TopicIds(topics)))
    except NotImplementedError:
        return None
    except TimeoutError:
        raise KafkaTimeoutError(f"no broker told the ids of the topics within {_ANSWER_S:g} s") from None
