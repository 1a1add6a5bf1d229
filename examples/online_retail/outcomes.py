"""Read every outcome topic and dead-letter topic of a run, and let others wait for an answer."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from examples.online_retail.documents import COMMANDS, RETURNS, SALES, TENDERS

OUTCOMES, TENDER_OUTCOMES = "crm.outcomes", "crm.tender-outcomes"
DEAD_LETTERS = tuple(f"{topic}-dlt" for topic in (SALES, RETURNS, TENDERS, COMMANDS))

_PREFIX = "crm.outcome."
_FETCH_MS = 200
_SILENCE_S = 60

Key = tuple[str, str]
"""(type of the document that is answered, its subject); of one that is unreadable (topic, "")."""


class Silence(Exception):
    """The worker does not answer."""


class DeadLetter(NamedTuple):
    """A record that the worker refused: its position and the reason."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str


class Outcomes:
    """All answers of the worker so far. It reads as long as its context is open."""

    def __init__(self, bootstrap_servers: str, topic_prefix: str) -> None:
        self.by_kind = Counter[tuple[str, str, str]]()
        """How many outcomes a (type, status, reason); replays are not counted here."""
        self.notices = Counter[str]()
        self.replayed = 0
        self.expected = 0
        """Documents that were announced to `expect`."""
        self.parked = 0
        """Documents that had to wait for another: with a first outcome `parked`."""
        self.dead_letters: list[DeadLetter] = []
        self.data: dict[Key, dict[str, Any]] = {}
        """The data of each final outcome."""
        self._servers = bootstrap_servers
        self._prefix = topic_prefix
        self._waiting: set[Key] = set()
        self._answers: dict[Key, list[str]] = {}
        self._seen: set[str] = set()
        self._came = asyncio.Event()
        self._consumer: AIOKafkaConsumer
        self._reader: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        topics = [self._prefix + topic for topic in (OUTCOMES, TENDER_OUTCOMES, *DEAD_LETTERS)]
        # No group: every partition from the beginning, with nothing to commit.
        self._consumer = AIOKafkaConsumer(
            *topics, bootstrap_servers=self._servers, auto_offset_reset="earliest", fetch_max_wait_ms=_FETCH_MS
        )
        await self._consumer.start()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._consumer.stop()

    @property
    def final(self) -> int:
        """The number of final outcomes so far."""
        return sum(count for (_, status, _), count in self.by_kind.items() if status != "parked")

    @property
    def missing(self) -> int:
        """The number of expected documents without a final outcome or a dead letter."""
        return len(self._waiting)

    def expect(self, keys: Sequence[Key]) -> None:
        """Expect outcomes of these documents."""
        self._waiting.update(keys)
        self.expected += len(keys)

    async def answer(self, key: Key, n: int) -> str:
        """Return the n-th answer to a document, from 0: `status`, `status reason` or `dead letter reason`."""
        while len(self._answers.get(key, ())) <= n:
            await self.more(key)
        return self._answers[key][n]

    def answered(self, key: Key) -> int:
        """Return how many answers a document has."""
        return len(self._answers.get(key, ()))

    async def more(self, key: Key | None = None) -> None:
        """Wait for the next answer. Raises Silence if none comes, and the error that ended the reading, if it has
        ended.
        """
        self._came.clear()
        came = asyncio.create_task(self._came.wait())
        await asyncio.wait({came, self._reader}, timeout=_SILENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if self._reader.done():
            came.cancel()
            await self._reader
        if not came.done():
            came.cancel()
            kind, subject = key or next(iter(self._waiting))
            raise Silence(f"nothing has come back for {_SILENCE_S} s; unanswered is for instance {kind} {subject}")

    async def _read(self) -> None:
        while True:
            fetched = await self._consumer.getmany(timeout_ms=_FETCH_MS)
            for partition, records in fetched.items():
                take = self._dead_letter if partition.topic.endswith("-dlt") else self._outcome
                for record in records:
                    take(record)
            if fetched:
                self._came.set()

    def _outcome(self, record: ConsumerRecord) -> None:
        envelope = orjson.loads(record.value)
        kind, data = envelope["type"], envelope["data"]
        replayed = any(name == "crm-replayed" for name, _ in record.headers)
        if envelope["id"] in self._seen and not replayed:
            return  # published at least once: the same id and bytes may come again
        self._seen.add(envelope["id"])
        if not kind.startswith(_PREFIX):
            self.notices[kind] += 1
            return
        key = _document_type(kind), envelope["subject"]
        status, reason = data["status"], data.get("reason", "")
        if replayed:
            self.replayed += 1
            self._answers.setdefault(key, []).append(f"{status} (replayed)")
            return
        self._answers.setdefault(key, []).append(f"{status} {reason}".strip())
        self.by_kind[key[0], status, reason] += 1
        if status == "parked":
            self.parked += 1
        else:
            self.data[key] = data
            self._waiting.discard(key)

    def _dead_letter(self, record: ConsumerRecord) -> None:
        headers = {name: (value or b"").decode() for name, value in record.headers}
        topic = headers["kafka_dlt-original-topic"].removeprefix(self._prefix)
        reason = headers["crm-reason"]
        partition, offset = int(headers["kafka_dlt-original-partition"]), int(headers["kafka_dlt-original-offset"])
        self.dead_letters.append(DeadLetter(topic, partition, offset, reason, headers.get("crm-detail", "")))
        try:
            envelope = orjson.loads(record.value or b"")
            key = envelope["type"], envelope["subject"]
        except (ValueError, TypeError, KeyError):
            key = topic, ""
        self._answers.setdefault(key, []).append(f"dead letter {reason}")
        self._waiting.discard(key)


def _document_type(outcome_type: str) -> str:
    """Return the type of the document that an outcome answers: `crm.outcome.sale.completed` → `scm.sale.completed`."""
    name = outcome_type.removeprefix(_PREFIX)
    return ("scm." if name.partition(".")[0] in {"sale", "return", "tender"} else "crm.") + name
