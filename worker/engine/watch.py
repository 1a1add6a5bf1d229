"""Watches whether Kafka and Postgres answer, and whether the other workers of the group live.

A killed worker can't leave the group, and Kafka waits a session timeout (10 s) for it. Postgres knows at once, because
the worker's advisory lock is free. So each worker looks for consumers whose worker's lock is free, and removes these
members from the group. The group then divides their partitions within a second.

A worker whose sessions are ended loses its lock, and lives. So it takes the lock again at once, whatever its stream
waits for: a member that is removed while it joins the group gets no answer from Kafka for more than a minute.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

import structlog
from aiokafka.errors import KafkaError

from schemas.reasons import DeadLetterReason
from worker.kafka.group import Group
from worker.kafka.reader import Reader
from worker.kafka.topics import Topics
from worker.ledger import inbox, retried
from worker.ledger.inbox import Open
from worker.ledger.pool import Pool
from worker.process import errors, metrics
from worker.process.status import Status

_log = structlog.get_logger(__name__)

_EVERY_S: Final = 0.5
_ANSWER_S: Final = 3.0
# A broker answers every fetch within half a second, with or without records. No fetch is sent while fetched records are
# decided.
_SILENT_S: Final = 10.0
# How often the inbox of dead letters is counted.
_INBOX_EVERY_S: Final = 30.0
_T = TypeVar("_T")


# The topic of tenders' outcomes, and the topic of all others.
_OUTCOMES: Final = (
    "outcomes of scm.tender.*, crm.hold.expired and crm.tender.changed",
    "outcomes of sales, returns and commands, and their notices",
)


class Watch:
    """Tells the reader which topics to start again, and operators which records are lost."""

    def __init__(self, group: Group, pool: Pool, status: Status, reader: Reader, topics: Topics) -> None:
        self._group = group
        self._pool = pool
        self._status = status
        self._reader = reader
        self._topics = topics
        self._ids: dict[str, UUID] = {}
        self._gone: set[int] = set()
        self._inbox_at = 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            members = await self._asked("kafka", self._group.members) or {}
            self._look_at_fetches()
            await self.look_at_topics()
            await self._look_at_the_inbox()
            await self._asked("postgres", partial(retried.write, self._pool))
            await self._asked("halted", self._reader.go_on)
            workers = set(members.values()) - {self._pool.worker}
            gone = await self._asked("postgres", partial(self._known, workers)) or set()
            for member, worker in members.items():
                if worker in gone & self._gone:  # twice: a lost connection is made again within a second
                    await self._asked("kafka", partial(self._group.remove, member))
            self._gone = gone
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._pool.unknown.wait()

    async def _known(self, workers: set[int]) -> set[int]:
        """Hold this worker's lock, and return those workers whose locks are free."""
        await self._pool.stay_known()
        return await self._pool.gone(workers, _ANSWER_S)

    async def _look_at_the_inbox(self) -> None:
        if time.monotonic() < self._inbox_at:
            return
        self._inbox_at = time.monotonic() + _INBOX_EVERY_S
        letters = await self._asked("postgres", self._open_letters)
        if letters is None:
            return
        topics = sorted({one.topic for one in letters})
        retention_ms = await self._asked("kafka", partial(self._group.retention_ms, topics)) if topics else {}
        show_inbox(letters, retention_ms or {}, time.time() * 1000)

    async def _open_letters(self) -> list[Open]:
        async with self._pool.transaction() as connection:
            return await inbox.counts(connection)

    async def look_at_topics(self) -> None:
        """Report missing topics, and start again with topics that were deleted and created again."""
        names = (*self._topics.read, *self._topics.outputs)
        ids = await self._asked("kafka", partial(self._group.topic_ids, names))
        if ids is None:
            return
        missing = sorted(set(names) - ids.keys())
        if missing:
            self._status.down("topics", f"no such topic: {', '.join(missing)}")
        else:
            self._status.up("topics")
        for topic, id_ in ids.items():
            # The partitions were assigned on the old topic, which may be gone by now.
            read = self._reader.topic_ids.get(topic, id_)
            if self._ids.setdefault(topic, read) == read == id_:
                continue
            if topic not in self._topics.read:
                lost = self._lost_with(topic)
                _log.error("topic_made_anew", alert=True, topic=topic, why=f"gone with the old one: {lost} until now")
            else:
                _log.error("topic_made_anew", alert=True, topic=topic, why="an input topic: read from its beginning")
                if await self._asked("kafka", partial(self._started_over, topic, id_)) is None:
                    continue  # tried again
            self._ids[topic] = id_

    def _lost_with(self, topic: str) -> str:
        """Return the messages that an output topic took with it when it was deleted."""
        if topic in self._topics.dead_letters:
            return "all dead letters"
        return f"all {_OUTCOMES[topic == self._topics.outcomes]}"

    async def _started_over(self, topic: str, topic_id: UUID) -> bool:
        await self._reader.start_over(topic, topic_id)
        return True

    def _look_at_fetches(self) -> None:
        if self._reader.silent_s() > _SILENT_S:  # the broker that leads the group may answer while others don't
            self._status.down("fetch", f"no broker has answered a fetch for {_SILENT_S:g} s")
        else:
            self._status.up("fetch")

    async def _asked(self, part: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        """Return the answer. None: there was none in time, and the part is down."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await question()
        except KafkaError as error:
            if error.retriable:  # the coordinator moves, or is not there yet
                return None
            self._status.down(part, errors.describe(error))
        except TimeoutError:
            self._status.down(part, f"no answer within {_ANSWER_S:g} s")
        except Exception as error:  # noqa: BLE001  whatever it is, it can't be asked
            self._status.down(part, errors.describe(error))
        else:
            self._status.up(part)
            return answer
        return None


def show_inbox(letters: Sequence[Open], retention_ms: Mapping[str, int], now_ms: float) -> None:
    """Set the metrics of the inbox. `retention_ms`: how long each topic keeps a record, -1 for ever."""
    for reason in DeadLetterReason:
        metrics.DEAD_LETTERS_OPEN.labels(reason.value).set(sum(o.letters for o in letters if o.reason == reason.value))
    ends = [one.oldest_ms + retention_ms[one.topic] for one in letters if retention_ms.get(one.topic, -1) >= 0]
    metrics.DEAD_LETTERS_KEPT.set(max(0.0, min(ends) - now_ms) / 1000 if ends else math.inf)
