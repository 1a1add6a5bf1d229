"""Look ahead in partitions that one tenant floods, so that the tenders of other tenants don't wait behind it.

A partition is read in order, and its offset says which records are done, so a record can't be taken out of its turn.
But a document that is decided twice has one effect. A consumer outside the group reads the same partitions ahead of
the members, and the records of tenants that don't flood them are decided early. When their turn comes, they are
duplicates, which are answered with the same bytes again. Offsets, positions and watermarks know nothing of it.

Every tenant's records wait in one short queue. If it is full, the tenant with the most records in it is left to the
members until they have read past its last record that was left out. So each tenant's records keep their order.
"""

import asyncio
import contextlib
import re
import time
from collections import Counter, deque
from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from schemas import orgcode
from schemas.envelope import HEADER_PREFIX
from worker.codec import is_binary
from worker.kafka.fetch_by_id import fetch_by_id
from worker.kafka.outside import outside_consumer
from worker.kafka.security import Security
from worker.process.errors import describe

_log = structlog.get_logger(__name__)

# Unread records that are worth looking behind: members decide fewer within two batches.
_FLOOD_RECORDS: Final = 1000
_QUEUE_RECORDS: Final = 2000
_LOOK_RECORDS: Final = 4000
# A larger record leaves its tenant to the members, so the queue holds at most 32 MiB.
_MOST_BYTES: Final = 16 << 10
# So many tenants are left to the members at once, and those of the last look. Then looking ahead waits for the members.
_MOST_LEFT: Final = 1000
_START_S: Final = 5.0
# aiokafka's consumer may wait for ever for its fetch task: while the task cancels the fetches of an old assignment, it
# misses that it is cancelled itself. A second cancellation reaches it.
_STOP_S: Final = 1.0
# How long the members go on alone after a failure: a broker that is gone is not asked for each batch.
_PAUSE_S: Final = 5.0
NOBODY: Final = ""
_ORGCODE: Final = re.compile(orgcode.PATTERN).fullmatch
_ORGCODE_HEADER: Final = HEADER_PREFIX + "orgcode"


class Scout:
    """Does nothing, and has no connection, until a backlog is long. Raises nothing: the members read every record."""

    def __init__(self, bootstrap_servers: str, security: Security, topic_ids: dict[str, UUID]) -> None:
        """`topic_ids`: by which the members fetch."""
        self._bootstrap_servers = bootstrap_servers
        self._security = security
        self._topic_ids = topic_ids
        self._pause_until = 0.0
        self._consumer: AIOKafkaConsumer | None = None
        self._starting: asyncio.Task[None] | None = None
        self._queue: deque[tuple[str, ConsumerRecord]] = deque()
        self._waiting: Counter[str] = Counter()
        self._left: dict[str, dict[TopicPartition, int]] = {}  # by tenant: the last offsets that were left out
        self._generation = 0
        self._assigned = False  # the consumer reads on from where the members do

    async def look(self, read: Mapping[TopicPartition, int], unread: int) -> None:
        """Look on from where this stopped. `read`: where the members read on. `unread`: how many records they have
        before them.
        """
        if unread < _FLOOD_RECORDS:
            if self._consumer is not None and unread == 0:
                await self.stop()
            return
        try:
            await self._look(read)
        except (KafkaError, IllegalStateError) as error:
            self._failed(error)
            await self.stop()

    def _failed(self, error: Exception) -> None:
        _log.warning("looks_ahead_no_more", why=describe(error))
        self._pause_until = time.monotonic() + _PAUSE_S

    async def _look(self, read: Mapping[TopicPartition, int]) -> None:
        if self._consumer is None:
            if self._starting is None and time.monotonic() >= self._pause_until:
                self._starting = asyncio.create_task(self._start())
            return
        if not self._assigned or self._consumer.assignment() != read.keys():
            self._begin(self._consumer, read)
        self.readmit(read)
        if len(self._left) >= _MOST_LEFT:
            return
        fetched = await self._consumer.getmany(max_records=_LOOK_RECORDS)
        for at, records in fetched.items():
            for record in records:
                self.sort(at, record)

    async def _start(self) -> None:
        consumer = outside_consumer(
            self._bootstrap_servers, self._security, "g3n-scout",
            # As the members read: no document of an aborted transaction, and no jump over records.
            isolation_level="read_committed", auto_offset_reset="none",
        )  # fmt: skip
        fetch_by_id(consumer._client, self._topic_ids)  # noqa: SLF001 - aiokafka fetches by name
        try:
            async with asyncio.timeout(_START_S):
                await consumer.start()
            self._consumer = consumer
        except (KafkaError, TimeoutError) as error:
            self._failed(error)
        finally:
            if self._consumer is None:  # it failed, or was cancelled
                await consumer.stop()
            self._starting = None

    def _begin(self, consumer: AIOKafkaConsumer, read: Mapping[TopicPartition, int]) -> None:
        self._forget()
        self._assigned = True
        consumer.assign(list(read))
        for at, offset in read.items():
            consumer.seek(at, offset)

    def sort(self, at: TopicPartition, record: ConsumerRecord) -> None:
        """Let the record wait in the queue, or leave it to the members."""
        tenant = tenant_of(record)
        if tenant in self._left:
            self._left[tenant][at] = record.offset
            return
        self._queue.append((tenant, record))
        self._waiting[tenant] += 1
        if len(record.value or b"") > _MOST_BYTES:
            self._leave({tenant})
        elif len(self._queue) > _QUEUE_RECORDS:
            self._leave_most()

    def _leave_most(self) -> None:
        """Leave the tenants with the most records to the members, until half of the queue is free."""
        rest, most = len(self._queue), set()
        for tenant, records in self._waiting.most_common():
            if rest <= _QUEUE_RECORDS // 2:
                break
            rest -= records
            most.add(tenant)
        self._leave(most)

    def _leave(self, tenants: Collection[str]) -> None:
        if not self._left:
            _log.warning("looks_ahead", why="a tenant floods the topic of tenders", orgcodes=sorted(tenants)[:3])
        self._left |= {tenant: {} for tenant in tenants}
        kept: deque[tuple[str, ConsumerRecord]] = deque()
        for tenant, record in self._queue:
            if tenant in tenants:
                self._left[tenant][TopicPartition(record.topic, record.partition)] = record.offset
            else:
                kept.append((tenant, record))
        self._queue = kept
        for tenant in tenants:
            del self._waiting[tenant]

    def readmit(self, read: Mapping[TopicPartition, int]) -> None:
        """Look out again for tenants that the members have read past."""
        for tenant, last in list(self._left.items()):
            if all(offset < read.get(at, 0) for at, offset in last.items()):
                del self._left[tenant]

    def take(self, room: int, read: Mapping[TopicPartition, int]) -> list[ConsumerRecord]:
        """Return the next records that are to be decided early: none unless a tenant was left to the members."""
        taken: list[ConsumerRecord] = []
        while self._left and self._queue and len(taken) < room:
            tenant, record = self._queue.popleft()
            self._waiting[tenant] -= 1
            if not self._waiting[tenant]:
                del self._waiting[tenant]
            offset = read.get(TopicPartition(record.topic, record.partition))
            if offset is None:  # the partition has halted
                self.restart()
            elif tenant != NOBODY and record.offset >= offset:
                taken.append(record)
        return taken

    def follow(self, generation: int) -> None:
        """Begin again if the group has assigned the members' partitions anew: batches with what was taken may be
        dropped.
        """
        if generation != self._generation:
            self._generation = generation
            self.restart()

    def restart(self) -> None:
        """Begin again from where the members read on: what was taken may not have been decided."""
        self._forget()
        self._assigned = False

    def _forget(self) -> None:
        self._queue.clear()
        self._waiting.clear()
        self._left.clear()

    async def stop(self) -> None:
        """Disconnect."""
        self._forget()
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()  # a broker that does not answer would delay the end of the process
            await asyncio.gather(starting, return_exceptions=True)
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):  # KafkaError: its fetch task had failed
                async with asyncio.timeout(_STOP_S):
                    await consumer.stop()


def tenant_of(record: ConsumerRecord) -> str:
    """Return the tenant that the record's header or envelope names. NOBODY: it names none, so it is a dead letter."""
    if is_binary(record):
        name = next((value or b"" for name, value in record.headers if name == _ORGCODE_HEADER), b"").decode("latin-1")
    else:
        try:
            name = orjson.loads(record.value or b"")["orgcode"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return NOBODY
    return name if isinstance(name, str) and _ORGCODE(name) else NOBODY
