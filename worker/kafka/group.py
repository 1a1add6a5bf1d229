"""The group as its broker sees it, over a connection of its own."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.group import LeaveGroupRequest

from worker.kafka.admin import retention_of
from worker.kafka.security import Security
from worker.kafka.topic_ids import topic_ids
from worker.positions import Partition

_log = structlog.get_logger(__name__)
_CLIENT = "g3n-"


def client_id(worker: int) -> str:
    """Return the client id of a worker's consumers: `worker` is the number of the lock that says that it lives."""
    return f"{_CLIENT}{worker}"


def worker_of(name: str) -> int | None:
    """Return the worker to which a consumer belongs; None for other clients."""
    number = name.removeprefix(_CLIENT)
    return int(number) if number != name and number.isdecimal() else None


class Group:
    """One group. Every method raises KafkaError, OSError or TimeoutError if a broker does not answer."""

    def __init__(self, admin: AIOKafkaAdminClient, name: str) -> None:
        self._admin = admin
        self._name = name

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, bootstrap_servers: str, name: str, security: Security) -> "AsyncIterator[Group]":
        """Yield the group, connected while the context is open."""
        admin = AIOKafkaAdminClient(**security, bootstrap_servers=bootstrap_servers, request_timeout_ms=5000)
        try:
            await admin.start()
            yield cls(admin, name)
        finally:
            await admin.close()

    async def members(self) -> dict[str, int]:
        """Return member id → worker, for the dynamic members that are workers' consumers."""
        (answer,) = await self._admin.describe_consumer_groups([self._name])
        ((code, _, _, _, _, listed, *_),) = answer.groups
        if code:
            raise for_code(code)(self._name)
        workers = {member_id: worker_of(name) for member_id, name, *_ in listed}
        return {member_id: worker for member_id, worker in workers.items() if worker is not None}

    async def described(self) -> tuple[str, list[str]]:
        """Return the group's state as Kafka names it, and the client id of each member."""
        (answer,) = await self._admin.describe_consumer_groups([self._name])
        ((code, _, state, _, _, listed, *_),) = answer.groups
        if code:
            raise for_code(code)(self._name)
        return str(state), [name for _, name, *_ in listed]

    async def committed(self) -> dict[Partition, int]:
        """Return the group's offsets."""
        found = await self._admin.list_consumer_group_offsets(self._name)
        return {(at.topic, at.partition): one.offset for at, one in found.items() if one.offset >= 0}

    async def missing(self, topics: Sequence[str]) -> tuple[str, ...]:
        """Return those of the topics that do not exist."""
        known = set(await self._admin.list_topics())
        return tuple(sorted(set(topics) - known))

    async def remove(self, member_id: str) -> None:
        """Remove a member that can't leave by itself. The group divides its partitions again at once."""
        node = await self._admin.find_coordinator(self._name)
        answer = await self._admin._send_request(LeaveGroupRequest(self._name, member_id), node)  # noqa: SLF001
        _log.warning("member_removed", member=member_id, answer=for_code(answer.error_code).__name__)

    async def retention_ms(self, topics: Sequence[str]) -> dict[str, int]:
        """Return how long each of these topics keeps a record, if it exists; -1: for ever."""
        return await retention_of(self._admin, topics)

    async def topic_ids(self, topics: Sequence[str]) -> dict[str, UUID] | None:
        """Return the id of each of these topics that exists; None from a broker before Kafka 2.8, which has no ids."""
        return await topic_ids(self._admin._client, topics)  # noqa: SLF001 - aiokafka's admin has no ids
