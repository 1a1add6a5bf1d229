"""Work items → decisions → rows, inside the caller's transaction. `blame` judges failures.

This module makes every decision: about documents from a topic or an interface, parked documents, and deadlines.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg

from schemas.policy import Policy
from schemas.reasons import DeadLetterReason, Reason
from worker.codec.accepted import Safe
from worker.domain.decide import DECISIONS, Circumstances, decide
from worker.domain.decisions import deadlines, needs
from worker.domain.decisions.needs import Needs
from worker.domain.state.books import Books, Pins
from worker.domain.state.outcome import Outcome
from worker.engine import rows
from worker.engine.sources import Sources
from worker.engine.waiters import Waiters
from worker.engine.work import Work
from worker.ledger import accepted, load, parked, write
from worker.ledger.pool import Pool
from worker.ledger.queries import Connection
from worker.ledger.shelf import Shelf
from worker.process import errors, faults
from worker.stored.codes import PLACES
from worker.stored.rows import Key

# Errors that one document may cause: a value that no column takes, a check that fails. Never lack of resources.
REFUSED = (
    asyncpg.DataError,
    asyncpg.exceptions.DataError,
    asyncpg.CheckViolationError,
    OverflowError,
)

# SQLSTATE classes that the values of one document may cause: cardinality, data, integrity, limits, our own triggers.
# Other errors (a missing table, a missing right, a damaged index) fail every document alike.
_OF_A_DOCUMENT = frozenset({"21", "22", "23", "54", "P0"})


def blame(error: Exception) -> DeadLetterReason | None:
    """Return why a document that fails alone with `error` can't be decided, or None if no document is to blame.

    `refused_by_database`: its values don't fit into the ledger. `failed`: the program is at fault (contract DLT9).
    """
    if isinstance(error, REFUSED):
        return DeadLetterReason.REFUSED_BY_DATABASE
    if errors.retriable(error) or isinstance(error, errors.OperatorError | MemoryError):
        return None
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] not in _OF_A_DOCUMENT:
        return None
    return DeadLetterReason.FAILED


class Decisions(NamedTuple):
    """A batch's decisions: the books, all works that were decided, and the number of places that they take.

    A document that was parked in the batch and went on takes two places.
    """

    shelf: list[Books]
    works: list[Work]
    places: int


class Written(NamedTuple):
    """The number of a written batch, and whether an open dead letter waits for its repaired document."""

    no: int
    letters_wait: bool


class Decider:
    """Decides works in the given order. Between batches it keeps only policies, because their versions never change."""

    def __init__(self, pool: Pool, max_age_days: int, source_misses_per_min: int = 0, safe: Safe | None = None) -> None:
        self._pool = pool
        self._max_age_days = max_age_days
        self._safe = safe
        self._sources = Sources(source_misses_per_min)
        self._shelf = Shelf()

    def forget(self) -> None:
        """Forget the policies that this process keeps: they may never have been committed."""
        self._shelf.forget()

    async def decide(
        self,
        connection: Connection,
        works: list[Work],
        draft: Policy | None = None,
        pins: Pins = Pins.CHECKED,
        *,
        in_turn: bool = False,
    ) -> Decisions:
        """Load and lock all rows that the batch can touch, then decide one document after the other, in memory.

        `draft`: a policy to use for these works instead of the stored one. `pins`: for a simulation. `in_turn`: decide
        parked documents, too, each right after the last document that it waits for.
        """
        books = await self._shelf.open(connection, {work.orgcode: work.org for work in works})
        if draft is not None:
            for work in works:
                books[work.orgcode].policies.try_out(draft, work.model.occurred_at)
        wanted = {orgcode: Needs(orgcode) for orgcode in books}
        own: dict[Key, bool] = {}
        for work in works:
            _add_needs(work, wanted)
            if work.code in load.STUBBED and not work.resumed:
                own[work.key] = work.stub
        await load.records(connection, books, wanted, own)
        waiters = await self._waiters(connection, works, books, wanted, own) if in_turn else None
        await load.accounts(connection, books, wanted)
        faults.point("after_load")
        return self._decide_all(works, books, pins, waiters)

    async def _waiters(
        self,
        connection: Connection,
        works: Sequence[Work],
        books: dict[str, Books],
        wanted: dict[str, Needs],
        own: Mapping[Key, bool],
    ) -> Waiters:
        """Lock the parked documents that the works may wake, and load the records that they need."""
        most = min(parked.LIMIT, (1 << PLACES) - len(works))
        waiters = Waiters(most)
        rows = await parked.lock_waiters(connection, load.awaited(books.values(), wanted), most)
        if len(rows) == most:
            waiters.miss()
        for row in rows:
            work = Work.of_parked(row)
            if work.unreadable is None:
                _add_needs(work, wanted)
                waiters.add(work)
            else:
                waiters.miss()
        if rows:
            await load.records(connection, books, wanted, own)
        return waiters

    def _decide_all(
        self, works: Sequence[Work], books: Mapping[str, Books], pins: Pins, waiters: Waiters | None
    ) -> Decisions:
        place = 0
        for work in works:
            book = books[work.orgcode]
            work.place = place
            self._decide_one(work, book, pins, place)
            place += 1
            if waiters is not None:
                if work.parked is not None:
                    waiters.add(work)
                work.woke = self._decide_woken(waiters, book, pins, place)
                place += len(work.woke)
        went_on = [] if waiters is None else waiters.end()
        return Decisions(list(books.values()), [*works, *went_on], place)

    def _decide_woken(self, waiters: Waiters, book: Books, pins: Pins, place: int) -> Sequence[Work]:
        """Decide the works that the latest decision has woken, and those that they wake. Return the works that got
        outcomes, the first of them at `place`; the others wait again.
        """
        decided: list[Work] = []
        while book.woken:
            for work in waiters.woken(book):
                self._decide_one(work, book, pins, place + len(decided))
                if work.parked is None:
                    decided.append(work)
                else:
                    waiters.add(work)
        return decided

    def _decide_one(self, work: Work, book: Books, pins: Pins, place: int) -> None:
        """Decide a work. `place`: in the batch. A document that waits again takes none, because nothing tells of it."""
        book.begin(place, work.received_us)
        book.pins = pins
        if work.timer is not None:
            work.outcome, work.decided_place = deadlines.due(work.timer, book), place
            return
        document = work.document  # no parked document and no deadline names a PIN
        trusted = document is not None and document.trusted
        on_topic = document is not None and document.record is not None and not document.stored
        read = document if on_topic and book.pins is not Pins.WAIVED else None  # an interface limits guesses itself
        if read is not None and not self._sources.may_guess(read):
            book.pins = Pins.REFUSED
        at = Circumstances(
            work.record_us, max_age_days=self._max_age_days, resumed=work.resumed, overdue=work.overdue,
            trusted=trusted, on_topic=on_topic,
        )  # fmt: skip
        result = decide(work.type, work.model, book, at)
        if isinstance(result, Outcome):
            work.outcome, work.decided_place = result, place
            if read is not None and result.reason is Reason.CARD_NOT_ACCEPTED:
                self._sources.missed(read)
            return
        work.wait(result)
        if not work.resumed:
            work.decided_place = place

    async def write(
        self,
        connection: Connection,
        decisions: Decisions,
        now_us: int,
        reached: write.Reached = write.NOT_MOVED,
    ) -> Written:
        """Write the decisions under a new batch number, and how far the partitions have been read."""
        shelf, works, places = decisions
        no = await self._pool.batch_no(connection)
        for work in works:
            work.store(now_us)
        await write.write(connection, no, rows.decided(works, {book.org: book for book in shelf}, no), shelf, now_us)
        if self._safe is not None:
            await accepted.write(connection, no, rows.accepted(works, no, self._safe), shelf)
        return Written(no, await write.journal(connection, no, self._pool.worker, now_us, places, reached))


def _add_needs(work: Work, wanted: Mapping[str, Needs]) -> None:
    if work.timer is not None:
        needs.deadline(work.timer, wanted[work.orgcode])
    else:
        DECISIONS[work.type].needs(work.model, wanted[work.orgcode])
