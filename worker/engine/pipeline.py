"""One batch from top to bottom: decode → load and lock → decide → write → commit. Read this module first.

One transaction commits a batch's decisions. Then the stream publishes the outcomes. Then it commits the offsets. The
guarantee rests on that order and on the unique identity in the ledger: when a batch comes again, the pipeline finds its
documents there and publishes the stored outcomes again, byte for byte.
"""

import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from schemas.reasons import DeadLetterReason
from worker.codec import Decoder, Document, Keyring, Message, Outlet, Record, Undecodable
from worker.engine.batch import Batch, in_time
from worker.engine.collisions import COLLIDED
from worker.engine.dead_letters import DeadLetters
from worker.engine.decider import Decider, blame
from worker.engine.halves import in_halves
from worker.engine.journal import Journal
from worker.engine.messages import Applied
from worker.engine.poison import Guard
from worker.engine.rehearsal import Rehearsal
from worker.engine.transaction import NOTHING, Advance, Refused, Transaction
from worker.engine.waiting import Named, Waiting
from worker.kafka import topics
from worker.ledger import deadlines, write
from worker.ledger.pool import Pool
from worker.ledger.positions import Positions
from worker.positions import Partition, Position
from worker.process import faults, metrics, tracing
from worker.process.settings import Settings, SettingsError

_log = structlog.get_logger(__name__)


class Pipeline:
    """Applies batches to the ledger. It keeps no accounts, sales or tenders between batches."""

    def __init__(
        self,
        pool: Pool,
        decoder: Decoder,
        outlet: Outlet,
        inputs: tuple[str, ...],
        max_age_days: int,
        *,
        source_misses_per_min: int = 0,
        crash: bool = False,
    ) -> None:
        """`crash`: a fault of the program ends the process, instead of making a dead letter of the document."""
        self._pool = pool
        self._decoder = decoder
        self._outlet = outlet
        self._dead = DeadLetters(outlet.consumer_group, decoder, crash=crash)
        self._decider = Decider(pool, max_age_days, source_misses_per_min, decoder.safe)
        self._waiting = Waiting(pool, self._decider, outlet, inputs, crash=crash)
        self._journal = Journal(pool, outlet, decoder, crash=crash)
        self._crash = crash
        self._transaction = Transaction(pool, decoder, outlet, self._decider, self._dead, self._journal)
        self.rehearsal = Rehearsal(pool, self._decider, outlet, self._dead)

    @classmethod
    async def open(cls, settings: Settings) -> "Pipeline":
        """Connect to the ledger."""
        return cls.over(await Pool.open(settings.dsn), settings)

    @classmethod
    def over(cls, pool: Pool, settings: Settings) -> "Pipeline":
        """Return a pipeline on this pool. The pipeline closes the pool at its end."""
        names = topics.from_settings(settings)
        try:
            decoder = Decoder(
                settings.card_keys, settings.orgcodes, settings.max_document_bytes, settings.rules, names.accepted
            )
        except ValueError as error:
            raise SettingsError(f"G3N_TOPIC_RULES is invalid: {error}") from None
        outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group)
        crash = settings.on_failure == "crash"
        return cls(
            pool, decoder, outlet, names.inputs, settings.tender_max_age_days,
            source_misses_per_min=settings.source_card_misses_per_min, crash=crash,
        )  # fmt: skip

    @property
    def positions(self) -> Positions:
        """Return how far the ledger has read each partition."""
        return Positions(self._pool)

    @property
    def pool(self) -> Pool:
        """The connections to the ledger."""
        return self._pool

    async def close(self) -> None:
        """Record which batches were published, then close the pool."""
        await self._journal.note({})
        await self._pool.close()

    def reset(self) -> None:
        """Forget what this process remembers of the ledger: a batch failed, so it may never have been committed."""
        self._decider.forget()
        self._journal.forget()

    def failed(self) -> None:
        """Forget a failed batch, once all batches before it are published. If it was committed although the answer was
        lost, the sweep finds it.
        """
        self.reset()
        self._journal.failed()

    def keyring(self, orgcode: str) -> Keyring:
        """Return the keyring with which requests that name cards are validated."""
        return self._decoder.keyring(orgcode)

    # --- decode

    def decode(self, records: Sequence[Record], now_us: int) -> Batch:
        """Records → documents and dead letters. CPU only."""
        read = [record for record in in_time(records, now_us) if not self._decoder.is_erased(record)]
        batch = Batch([self._decoded(record, now_us) for record in read], now_us)
        if records:
            faults.point("after_decode")
        return batch

    def _decoded(self, record: Record, now_us: int) -> Document | Undecodable:
        try:
            return self._decoder.decode(record, now_us)
        except Exception as error:
            if self._crash:
                raise
            metrics.FAILURES.labels("document").inc()
            at = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            _log.error("record_failed", **at, exc_info=error)
            return Undecodable(record, DeadLetterReason.FAILED)

    # --- apply

    async def apply(
        self,
        batch: Batch,
        watermarks: Mapping[Partition, int],
        positions: Mapping[Partition, Position] = write.NOWHERE,
        waived: Callable[[Record], bool] | None = None,
        *,
        in_turn: bool = True,
    ) -> Applied:
        """Decide and commit a batch, in one transaction unless one of its documents must be singled out.

        `watermarks`, `positions`: how far each partition has been read once the batch is committed. `waived`: whether
        an operator has allowed a record's dead letter, however many there are. `in_turn`: decide parked documents, too,
        each right after the last document that it waits for (contract WAIT8). A rebuild names them itself.

        Raises errors that no document is to blame for (`decider.blame`) and, with `waived`, Poisoned. The batch, or a
        part of it, may or may not have been committed; applying it again is safe.
        """
        guard = None if waived is None else Guard(batch.items, waived)
        if guard is not None:
            guard.check()
        documents = [item for item in batch.items if isinstance(item, Document)]
        counts = {"g3n.documents": len(documents), "g3n.dead_letters": len(batch.items) - len(documents)}
        with tracing.batch((document.traceparent for document in documents), counts):
            letters = await self._dead.of([item for item in batch.items if isinstance(item, Undecodable)])
            advance = Advance(watermarks, positions, letters)
            if documents:
                applied = await self._apply(documents, batch.now_us, advance, guard, in_turn=in_turn)
            else:
                await self._transaction.note(advance)
                applied = Applied()
        applied.messages = self._dead.told(letters) + applied.messages
        return applied

    async def _apply(
        self, documents: list[Document], now_us: int, advance: Advance, guard: Guard | None, *, in_turn: bool
    ) -> Applied:
        """Decide the documents in one transaction. If that fails, decide halves, until the document that is to blame is
        alone. It becomes a dead letter, and the others go on. Dead letters and positions are written after the last
        half, because the guard must see all dead letters first.
        """
        given_up: list[Refused] = []
        whole = len(documents)
        parts: list[int] = []

        async def attempt(part: list[Document]) -> Applied:
            to_write = advance if len(part) == whole else NOTHING
            applied = await self._transaction.decide(part, now_us, to_write, in_turn=in_turn)
            parts.append(len(part))
            return applied

        async def give_up(document: Document, error: Exception) -> Applied:
            try:  # a parked document that it wakes may be to blame: then that one is decided later, by itself
                return await self._transaction.decide([document], now_us, NOTHING, in_turn=False)
            except Exception as alone:
                if not divides(alone, [document]):
                    raise
                error = alone
            reason = self._given_up(document, error)
            given_up.append((document, reason))
            if guard is not None and reason is DeadLetterReason.REFUSED_BY_DATABASE and document.record is not None:
                guard.refuse(document.record)
            return Applied()

        def divides(error: Exception, part: Sequence[Document]) -> bool:
            return self._reason(error) is not None or (len(part) > 1 and isinstance(error, COLLIDED))

        applied = await in_halves(documents, attempt, give_up, divides)
        if parts != [whole]:
            letters = await self._transaction.letters(given_up)
            await self._transaction.note(advance._replace(letters=[*advance.letters, *letters]))
            applied.add(self._transaction.refused(given_up, letters))
        return applied

    def _reason(self, error: Exception) -> DeadLetterReason | None:
        reason = blame(error)
        return None if reason is DeadLetterReason.FAILED and self._crash else reason

    def _given_up(self, document: Document, error: Exception) -> DeadLetterReason:
        """Handle a document that fails alone. `failed` is our fault: log the traceback and alert the operator."""
        reason = self._reason(error) or DeadLetterReason.FAILED
        said = {"type": document.type, "subject": document.subject, "orgcode": document.orgcode}
        if reason is DeadLetterReason.FAILED:
            metrics.FAILURES.labels("document").inc()
            _log.error("document_failed", **said, exc_info=error)
        else:
            _log.warning("refused_by_database", **said, error=type(error).__name__)
        return reason

    # --- parked documents, deadlines, unpublished batches

    async def catch_up(
        self,
        *,
        final: bool = False,
        partitions: Mapping[str, int] | None = None,
        watermarks: Mapping[Partition, int] | None = None,
    ) -> Applied | None:
        """Return batches that a crash left unpublished. If there are none, decide one more batch: parked documents that
        became ready or overdue, and timers that are due.

        None: there was nothing to do. `final`: the topics are read to their end and no document will come later, so
        deadlines that have passed are not held back. `partitions`: the number of partitions of each input topic; a
        deadline waits until each of them has been read past it. `watermarks`: the instants up to which this worker has
        read its partitions. They are written only if a deadline waits for them, so an idle worker writes nothing.
        """
        await self._pool.stay_known()
        await self._journal.note({})
        swept = await self._journal.sweep()
        if swept is not None:
            return swept
        now_us = time.time_ns() // 1000
        applied = await self._waiting.decide_due(now_us, final=final, partitions=partitions, watermarks=watermarks)
        if applied is not None:
            faults.point("after_catch_up")
        return applied

    async def decide_ready(self, now_us: int) -> Applied | None:
        """Decide parked documents that are ready or overdue as one more batch, but no deadlines. None: no document."""
        return await self._waiting.decide_ready(now_us)

    async def decide_named(self, named: Named, now_us: int) -> Applied | None:
        """Decide these parked documents and deadlines as one more batch, for a rebuild. None: none of them exists."""
        return await self._waiting.decide_named(now_us, named)

    async def left(self) -> deadlines.Left:
        """Return how many deadlines and parked documents are overdue: held back, or put off after a failure."""
        async with self._pool.transaction() as connection:
            return await deadlines.left(connection, time.time_ns() // 1000)

    def published(self, batch_no: tuple[int, ...], accepted: Sequence[Message] = ()) -> None:
        """Note that Kafka acknowledged every outcome of these batches. The next transaction writes it to the journal.

        `accepted`: the messages that went to crm.accepted with them.
        """
        self._journal.published(batch_no, [message.key or b"" for message in accepted if message.value is None])

    @property
    def accepted_behind_s(self) -> float:
        """Return the age of the oldest unpublished document of an interface, as of the last look."""
        return self._journal.accepted_behind_s
