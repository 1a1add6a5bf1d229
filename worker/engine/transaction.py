"""One transaction: answer duplicates, decide and write the rest, and note dead letters and positions."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from schemas.reasons import DeadLetterReason
from worker.codec import Decoder, Document, Outlet
from worker.engine.collisions import retried
from worker.engine.counting import count_decided
from worker.engine.dead_letters import DeadLetters, Letter
from worker.engine.decider import Decider, Decisions
from worker.engine.duplicates import sort_out
from worker.engine.journal import Journal
from worker.engine.messages import Applied, BatchMessages
from worker.engine.work import Work
from worker.ledger import inbox, load, write
from worker.ledger.commit import write_something
from worker.ledger.pool import Pool
from worker.ledger.queries import Connection
from worker.positions import Partition, Position
from worker.process import faults, metrics


class Advance(NamedTuple):
    """How far a transaction moves the partitions: their positions after it, and the dead letters up to there."""

    watermarks: Mapping[Partition, int]
    positions: Mapping[Partition, Position]
    letters: Sequence[Letter] = ()


NOTHING: Final = Advance({}, {})
NO_DECISIONS: Final = Decisions([], [], 0)
Refused = tuple[Document, DeadLetterReason]


class Transaction:
    """Decides the documents of a batch, or of a part of it."""

    def __init__(
        self, pool: Pool, decoder: Decoder, outlet: Outlet, decider: Decider, dead: DeadLetters, journal: Journal
    ) -> None:
        self._pool = pool
        self._decoder = decoder
        self._outlet = outlet
        self._decider = decider
        self._dead = dead
        self._journal = journal
        self._orgs: dict[str, int] = {}

    async def note(self, advance: Advance) -> None:
        """Write the positions and the dead letters of a batch in which nothing was decided."""
        if not advance.letters:
            await self._journal.note(advance.watermarks, advance.positions)
            return
        async with self._pool.transaction() as connection:
            self._pool.compared(advance.positions.values())
            await self._write_down(connection, advance)

    async def _write_down(self, connection: Connection, advance: Advance) -> None:
        await write.watermarks(connection, advance.watermarks, advance.positions)
        await inbox.put(connection, [letter.entry for letter in advance.letters])

    async def letters(self, refused: Sequence[Refused]) -> list[Letter]:
        """Return the dead letters of the documents that came from a topic."""
        return [await self._dead.of_document(document, why) for document, why in refused if document.record is not None]

    def refused(self, refused: Sequence[Refused], letters: Sequence[Letter]) -> Applied:
        """Return the messages of the dead letters, and the refusals that interfaces tell their callers."""
        to_callers = {document: reason for document, reason in refused if document.record is None}
        return Applied(self._dead.told(letters), to_callers={**to_callers})

    async def decide(self, documents: list[Document], now_us: int, advance: Advance, *, in_turn: bool) -> Applied:
        """Decide the documents and commit. After a collision with another worker, retry. `now_us`: when they were read.

        `in_turn`: decide parked documents, too, each right after the last document that it waits for. Otherwise they
        become ready.

        Raises the errors that `decider.blame` judges. Then nothing is committed, unless the answer to COMMIT was lost.
        """
        attempt = partial(self._decide, documents, now_us, advance, in_turn=in_turn)
        return await retried(attempt, divisible=len(documents) > 1)

    async def _decide(self, documents: list[Document], now_us: int, advance: Advance, *, in_turn: bool) -> Applied:
        """Answer duplicates from the event table and decide the rest, in one transaction."""
        await self._name_orgs({document.orgcode for document in documents})
        works = [Work.of(document, now_us, self._orgs[document.orgcode]) for document in documents]
        messages = BatchMessages(self._outlet)
        decisions = NO_DECISIONS
        numbers: tuple[int, ...] = ()
        async with self._pool.transaction() as connection:
            self._pool.compared(advance.positions.values())
            fresh = await sort_out(connection, works, messages)
            if fresh:
                decisions = await self._decider.decide(connection, fresh, in_turn=in_turn)
                reached = write.Reached(advance.watermarks, advance.positions)
                no, letters_wait = await self._decider.write(connection, decisions, now_us, reached)
                numbers, advance = (no,), advance._replace(watermarks={}, positions={})
                if letters_wait:
                    await self._resolve(connection, fresh)
            elif works:  # all of them are duplicates
                await write_something(connection)
            conflicts = [(document, DeadLetterReason.CONFLICT) for document in messages.conflicts]
            letters = await self.letters(conflicts)
            await self._write_down(connection, advance._replace(letters=[*advance.letters, *letters]))
            await messages.add_states(connection, decisions.shelf)
            # Encode before the commit: an outcome that can't be encoded must not be booked.
            encoded = _encoded(messages, works)
            faults.point("after_write")
        faults.point("after_commit")
        encoded.batch_no, encoded.ready = numbers, any(book.woken for book in decisions.shelf)
        encoded.add(self.refused(conflicts, letters))
        metrics.CONFLICTS.inc(len(letters))
        metrics.DUPLICATES.inc(messages.duplicates)
        count_decided(decisions.works)
        return encoded

    async def _resolve(self, connection: Connection, fresh: Sequence[Work]) -> None:
        """Close the dead letters whose repaired documents are decided here."""
        identities = (self._decoder.identities(work.orgcode, work.type, work.subject) for work in fresh)
        await inbox.resolve(connection, [one for of_work in identities for one in of_work])

    async def _name_orgs(self, orgcodes: set[str]) -> None:
        missing = orgcodes - self._orgs.keys()
        if missing:
            async with self._pool.transaction() as connection:
                self._orgs |= await load.orgs(connection, missing)


def _encoded(messages: BatchMessages, works: Sequence[Work]) -> Applied:
    """Return the messages in the order of the decisions. A caller gets those of its own document."""
    applied = Applied()
    for work in works:
        document = work.document
        if document is not None and document.record is None:
            later = messages.of_gone_on(work) if work.stored_earlier is not None else []
            applied.to_callers[document] = messages.of(work) + later
        else:
            applied.messages += messages.of(work)
        for other in work.woke:
            if other.document is None or other.document.record is not None:
                applied.messages += messages.of_gone_on(other)
    return applied
