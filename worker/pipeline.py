"""One batch from top to bottom: decode → load and lock → decide → write → commit. The page to read first.

What a batch decides is committed in one transaction, then published by the stream, then its offsets are committed.
The guarantee rests on that order and on the unique identity in the ledger: a batch that comes again finds its
documents there and publishes the stored outcomes again, byte for byte.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import asyncpg
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random

from schemas.reasons import DeadLetterReason
from worker import faults, metrics
from worker.answers import TENDER_STATE, Answers, again, tender_states
from worker.codec import Decoder, Document, Message, Outlet, Record, Undecodable
from worker.codec.encode import REPLAYED
from worker.dead_letters import DeadLetters
from worker.domain import deadlines, needs
from worker.domain.books import Books
from worker.domain.decide import Circumstances, decide
from worker.domain.needs import Needs
from worker.domain.outcome import Outcome
from worker.kafka import topics
from worker.ledger import due, load, unpublished, write
from worker.ledger.pool import Pool
from worker.ledger.queries import Connection
from worker.ledger.work import Work
from worker.settings import Settings

_log = structlog.get_logger(__name__)

ATTEMPTS = 4
# What one document may be to blame for: a value that no column takes, a check that fails. Never resources.
REFUSED = (
    asyncpg.DataError,
    asyncpg.exceptions.DataError,
    asyncpg.CheckViolationError,
    OverflowError,
)
# Another worker was faster; the same again sees what it wrote.
COLLIDED = (
    asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError, load.Overtaken,
)  # fmt: skip
_SWEEP_EVERY_S = 10.0
NOBODY = 0  # no tenant's number: one that is not known yet has nothing


class Conflict(Exception):
    """A simulated document's identity is known with other content; applied, it would be dead-lettered."""


@dataclass(slots=True)
class Batch:
    """Decoded records, in the order in which they are decided, and when they were read."""

    items: list[Document | Undecodable]
    now_us: int


@dataclass(slots=True)
class Applied:
    """What a committed batch has to say. `ready`: something that waited may go on, call `work` before waiting."""

    messages: list[Message] = field(default_factory=list)
    batch_no: tuple[int, ...] = ()
    ready: bool = False

    def add(self, other: "Applied") -> None:
        self.messages += other.messages
        self.batch_no += other.batch_no
        self.ready |= other.ready


class Pipeline:
    """Applies batches to the ledger; keeps nothing of the domain between them."""

    def __init__(
        self, pool: Pool, decoder: Decoder, outlet: Outlet, inputs: tuple[str, ...], max_age_days: int
    ) -> None:
        self._pool = pool
        self._decoder = decoder
        self._outlet = outlet
        self._dead = DeadLetters(outlet)
        self._inputs = inputs
        self._max_age_days = max_age_days
        self._shelf = load.Shelf()
        self._orgs: dict[str, int] = {}
        self._published: list[int] = []
        self._sweep_at = 0.0

    @classmethod
    async def open(cls, settings: Settings) -> "Pipeline":
        """Connect to the ledger."""
        names = topics.from_settings(settings)
        decoder = Decoder(settings.card_keys, settings.orgcodes, settings.max_document_bytes)
        outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group)
        return cls(await Pool.open(settings.dsn), decoder, outlet, names.inputs, settings.tender_max_age_days)

    async def close(self) -> None:
        """Say what is published, and disconnect."""
        await self._note({})
        await self._pool.close()

    def reset(self) -> None:
        """A batch failed: what this process remembers of the ledger may never have been committed."""
        self._shelf.forget()

    # --- decode

    def decode(self, records: Sequence[Record], now_us: int) -> Batch:
        """Records → documents and dead letters. CPU only."""
        batch = Batch([self._decoder.decode(record) for record in _in_time(records)], now_us)
        if records:
            faults.point("after_decode")
        return batch

    # --- apply

    async def apply(self, batch: Batch, watermarks: Mapping[tuple[str, int], int]) -> Applied:
        """Decide and commit a batch, in one transaction unless a document in it must be singled out.

        Raises what is the world's fault; then nothing is committed, or it is found again as duplicates.
        """
        applied = Applied([self._dead.of(item) for item in batch.items if isinstance(item, Undecodable)])
        documents = [item for item in batch.items if isinstance(item, Document)]
        if documents:
            applied.add(await self._apply(documents, batch.now_us, watermarks))
        else:
            await self._note(watermarks)
        return applied

    async def _apply(
        self, documents: list[Document], now_us: int, watermarks: Mapping[tuple[str, int], int]
    ) -> Applied:
        """The documents in one transaction; halved where one of them is refused, or where others keep colliding."""
        try:
            return await self._retried(documents, now_us, watermarks)
        except REFUSED as error:
            if len(documents) == 1:
                _log.warning("refused_by_database", error=type(error).__name__)
                return Applied([self._dead.of_document(documents[0], DeadLetterReason.REFUSED_BY_DATABASE)])
        except COLLIDED:
            if len(documents) == 1:
                raise
        half = len(documents) // 2
        applied = await self._apply(documents[:half], now_us, {})
        applied.add(await self._apply(documents[half:], now_us, watermarks))
        return applied

    async def _retried(
        self, documents: list[Document], now_us: int, watermarks: Mapping[tuple[str, int], int]
    ) -> Applied:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(COLLIDED),
            wait=wait_random(0, 0.02),
            stop=stop_after_attempt(ATTEMPTS if len(documents) > 1 else 10 * ATTEMPTS),
            reraise=True,
        )
        return await retrying(self._transaction, documents, now_us, watermarks)

    async def _transaction(
        self, documents: list[Document], now_us: int, watermarks: Mapping[tuple[str, int], int]
    ) -> Applied:
        """One transaction: what is known gets its stored answer, the rest is decided."""
        await self._name_orgs({document.orgcode for document in documents})
        works = [self._work(document, now_us, self._orgs[document.orgcode]) for document in documents]
        answers = Answers(self._outlet)
        shelf: list[Books] = []
        numbers: tuple[int, ...] = ()
        async with self._pool.transaction() as connection:
            fresh = await self._sort_out(connection, works, answers)
            if fresh:
                shelf = await self._decide(connection, fresh)
                numbers = (await self._write(connection, fresh, shelf, now_us),)
            await write.watermarks(connection, watermarks)
            await answers.add_states(connection, shelf)
            faults.point("after_write")
        faults.point("after_commit")
        applied = Applied(answers.messages(works), numbers, ready=any(book.woken for book in shelf))
        for document in answers.conflicts:
            metrics.CONFLICTS.inc()
            applied.messages.append(self._dead.of_document(document, DeadLetterReason.CONFLICT))
        metrics.DUPLICATES.inc(answers.duplicates)
        _count(fresh)
        return applied

    async def simulate(self, document: Document, now_us: int) -> list[Message]:
        """What applying the document now would say: the same decision, rolled back before anything is written.

        A known identity gets its stored outcomes; raises Conflict for one with other content. What Postgres would
        refuse, and what the document would wake, is not seen. Rows that it touches are locked as long as it takes.
        """
        answers = Answers(self._outlet)
        async with self._pool.rolled_back() as connection:
            org = await connection.fetchval("SELECT id FROM org WHERE code = $1", document.orgcode)
            work = self._work(document, now_us, org or NOBODY)
            fresh = await self._sort_out(connection, [work], answers)
            shelf = await self._decide(connection, fresh) if fresh else []
            await answers.add_states(connection, shelf)
        if answers.conflicts:
            raise Conflict(f"conflict: {document.type} {document.subject} is known with other content")
        work.note(now_us)
        return answers.messages([work])

    def _work(self, document: Document, now_us: int, org: int) -> Work:
        return Work(
            document.orgcode, document.type, document.kind.code, document.subject, now_us, document.record_us, document,
            document.model, traceparent=document.traceparent, org=org, digest=document.digest,
        )  # fmt: skip

    async def _name_orgs(self, orgcodes: set[str]) -> None:
        missing = orgcodes - self._orgs.keys()
        if missing:
            async with self._pool.transaction() as connection:
                self._orgs |= await load.orgs(connection, missing)

    async def _sort_out(self, connection: Connection, works: list[Work], answers: Answers) -> list[Work]:
        """Separate what is new from duplicates and conflicts, those within the batch included."""
        known = await load.events(connection, works)
        first: dict[tuple[int, int, str], Work] = {}
        fresh: list[Work] = []
        for place, work in enumerate(works):
            document = work.document
            assert document is not None  # noqa: S101  made of documents
            digest, facts = known.get(place, (None, None))
            earlier = first.get(work.key)
            if digest is None and earlier is None:
                first[work.key] = work
                work.mark = len(fresh)
                work.stub = place in known
                fresh.append(work)
            elif digest is None and earlier is not None and earlier.digest == work.digest:
                answers.same(work, earlier)
            elif digest is not None and document.keyring.matches(document.kind, work.model, digest):
                answers.stored(work, facts)
            else:
                answers.conflicts.append(document)
        return fresh

    async def _decide(self, connection: Connection, works: list[Work]) -> list[Books]:
        """Load all that the batch can touch, then decide one document after the other, in memory."""
        books = await self._shelf.open(connection, {work.orgcode: work.org for work in works})
        wanted = {orgcode: Needs() for orgcode in books}
        own: dict[tuple[int, str], bool] = {}
        for work in works:
            if work.timer is not None:
                needs.add_timer(work.timer, wanted[work.orgcode])
            else:
                needs.add(work.type, work.model, work.orgcode, wanted[work.orgcode])
            if work.code == load.SALE:
                own[work.org, work.subject] = work.stub
        await load.fill(connection, books, wanted, own)
        faults.point("after_load")
        for work in works:
            book = books[work.orgcode]
            book.begin(work.mark, work.received_us)
            self._decide_one(work, book)
        return list(books.values())

    def _decide_one(self, work: Work, book: Books) -> None:
        if work.timer is not None:
            work.outcome = deadlines.due(work.timer, book)
            return
        at = Circumstances(work.record_us, self._max_age_days, resumed=work.resumed, overdue=work.overdue)
        result = decide(work.type, work.model, book, at)
        if isinstance(result, Outcome):
            work.outcome = result
        else:
            work.parked = result

    async def _write(self, connection: Connection, works: list[Work], shelf: list[Books], now_us: int) -> int:
        no = await self._pool.batch_no(connection)
        for work in works:
            work.note(now_us)
        await write.write(connection, no, works, shelf, now_us)
        await write.journal(connection, no, self._pool.worker, now_us, len(works), ())
        return no

    # --- what waits, what is due, what was not published

    async def work(self, *, final: bool = False) -> Applied | None:
        """Parked documents that became ready or overdue, timers that are due, batches that a crash left unpublished.

        None: there was nothing to do. `final`: the topics are read to their end, nobody will come later, so deadlines
        that have long passed are not held back.
        """
        await self._pool.stay_known()
        await self._note({})
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_EVERY_S
            swept = await self._sweep()
            if swept is not None:
                return swept
        now_us = time.time_ns() // 1000
        async with self._pool.transaction() as connection:
            works = await due.take(connection, now_us, self._inputs, final=final)
            if not works:
                return None
            shelf = await self._decide(connection, works)
            no = await self._write(connection, works, shelf, now_us)
        faults.point("after_work")
        _count(works)
        return Applied(Answers(self._outlet).messages(works), (no,), ready=True)

    async def published(self, batch_no: tuple[int, ...]) -> None:
        """Every outcome of these batches was acknowledged; the journal learns it with the next transaction."""
        self._published += batch_no

    async def _note(self, watermarks: Mapping[tuple[str, int], int]) -> None:
        if not watermarks and not self._published:
            return
        numbers = list(self._published)
        async with self._pool.transaction() as connection:
            await connection.execute("SET LOCAL synchronous_commit = off")  # lost, it is only said again
            await write.watermarks(connection, watermarks)
            await write.mark_published(connection, numbers)
        del self._published[: len(numbers)]

    async def _sweep(self) -> Applied | None:
        """Publish again what workers that are gone may have left unpublished."""
        applied = Applied()
        async with self._pool.transaction() as connection:
            numbers, stored = await unpublished.take(connection, self._pool.worker)
            keys = sorted({(row.org, row.subject) for row in stored if row.type.startswith("scm.tender.")})
            states = await tender_states(connection, keys) if keys else {}
            counts = await unpublished.count(connection)
        metrics.UNPUBLISHED.set(counts.unpublished)
        metrics.PARKED.set(counts.parked)
        metrics.READY_WORK.set(counts.ready)
        for row in stored:
            state = states.get((row.org, row.subject)) if row.type.startswith("scm.tender.") else None
            headers = (REPLAYED,) if state is None else (REPLAYED, (TENDER_STATE, state.encode()))
            applied.messages += again(self._outlet, row.orgcode, row.type, row.subject, row.facts[-1], headers)
        applied.batch_no = tuple(numbers)
        return applied if numbers else None


def _in_time(records: Sequence[Record]) -> list[Record]:
    """By the time at which they were written, each partition's order kept: what was published first is decided first,
    as far as one batch can see. Correctness does not need it; a till that asks right after a card was issued does.
    """
    latest: dict[tuple[str, int], int] = {}
    times = []
    for record in records:
        at = (record.topic, record.partition)
        latest[at] = max(record.timestamp, latest.get(at, 0))
        times.append(latest[at])
    return [record for _, record in sorted(zip(times, records, strict=True), key=itemgetter(0))]


def _count(works: list[Work]) -> None:
    answered = Counter(
        (work.type, work.outcome.status, work.outcome.reason or "")
        if work.outcome is not None
        else (work.type, "parked", work.parked.reason if work.parked is not None else "")
        for work in works
        if work.written
    )
    metrics.count_documents(answered)
