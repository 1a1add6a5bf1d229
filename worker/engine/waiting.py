"""Decide work that has no record: parked documents that are ready or overdue, and deadlines that have passed.

One failing work must not block the others. If a transaction fails, its works are split in half until the failing one is
alone. If the database refuses a document's values, the document gets a final outcome: it was accepted, so an outcome
answers it, not a dead letter (contract OUT1). If the program fails on a document, the document stays parked; a deadline
is put off. Both are tried again later, so that a repaired program decides them. The operator is alerted.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import structlog

from schemas.reasons import DeadLetterReason
from worker.codec import Outlet
from worker.domain import decide
from worker.engine.collisions import retried
from worker.engine.counting import count_decided
from worker.engine.decider import Decider, Decisions, blame
from worker.engine.halves import in_halves
from worker.engine.messages import Applied, BatchMessages
from worker.engine.work import Work
from worker.ledger import deadlines, parked
from worker.ledger.deadlines import Deadline, Until
from worker.ledger.parked import Resumable
from worker.ledger.pool import Pool
from worker.ledger.queries import Connection
from worker.positions import Partition
from worker.process import metrics
from worker.stored.rows import Key, TimerKey

_log = structlog.get_logger(__name__)
Lock = Callable[[Connection], Awaitable[list[Work]]]


class Named(NamedTuple):
    """Parked documents and deadlines that a rebuild decides next, as the live ledger did."""

    documents: Sequence[Key]
    timers: Sequence[TimerKey]


class Waiting:
    """Locks and decides work items in one transaction, and skips those that other workers have locked."""

    def __init__(
        self, pool: Pool, decider: Decider, outlet: Outlet, inputs: tuple[str, ...], *, crash: bool = False
    ) -> None:
        """`crash`: as for `Pipeline`."""
        self._pool = pool
        self._decider = decider
        self._outlet = outlet
        self._inputs = inputs
        self._crash = crash

    async def decide_due(
        self,
        now_us: int,
        *,
        final: bool,
        partitions: Mapping[str, int] | None = None,
        watermarks: Mapping[Partition, int] | None = None,
    ) -> Applied | None:
        """Decide and commit the works that are due at `now_us`; None if there are none. See `Pipeline.catch_up`."""
        until = Until(partitions, watermarks or {}, final)

        async def lock(connection: Connection) -> list[Work]:
            documents = await parked.lock_due(connection, now_us)
            return _works(documents, await deadlines.lock_due(connection, now_us, self._inputs, until), now_us)

        return await self._decide_locked(now_us, lock)

    async def decide_ready(self, now_us: int) -> Applied | None:
        """Decide and commit the parked documents that are due at `now_us`, but no deadline. None: there were none."""

        async def lock(connection: Connection) -> list[Work]:
            return _works(await parked.lock_due(connection, now_us), [], now_us)

        return await self._decide_locked(now_us, lock)

    async def decide_named(self, now_us: int, named: Named) -> Applied | None:
        """Decide and commit these parked documents and deadlines. None: none of them exists."""

        async def lock(connection: Connection) -> list[Work]:
            documents = await parked.lock_named(connection, named.documents)
            return _works(documents, await deadlines.lock_named(connection, named.timers), now_us)

        return await self._decide_locked(now_us, lock)

    async def _decide_locked(self, now_us: int, lock: Lock) -> Applied | None:
        attempt = partial(self._transaction, now_us, lock)
        try:
            return await retried(partial(attempt, singly=False), divisible=False)
        except Exception as error:
            if not self._of_one(error):
                raise
            return await retried(partial(attempt, singly=True), divisible=False)

    def _of_one(self, error: Exception) -> bool:
        """Return whether one of the works may be to blame, so that the others can go on without it."""
        reason = blame(error)
        return reason is not None and not (reason is DeadLetterReason.FAILED and self._crash)

    async def _transaction(self, now_us: int, lock: Lock, *, singly: bool) -> Applied | None:
        async with self._pool.transaction() as connection:
            works = await lock(connection)
            if not works:
                return None
            turn = _Turn(connection, now_us)
            for work in works:
                if work.unreadable is not None:
                    await self._put_off_unreadable(turn, work, work.unreadable)
            readable = [work for work in works if work.unreadable is None]
            if not readable:
                return Applied(ready=True)
            applied = await (self._singled_out if singly else self._decide)(turn, readable)
        count_decided(turn.decided)
        return applied

    async def _decide(self, turn: "_Turn", works: list[Work]) -> Applied:
        return await self._write(turn, await self._decider.decide(turn.connection, works))

    async def _write(self, turn: "_Turn", decisions: Decisions) -> Applied:
        no, _ = await self._decider.write(turn.connection, decisions, turn.now_us)
        turn.decided += decisions.works
        return Applied(BatchMessages(self._outlet).of_all(decisions.works), (no,), ready=True)

    async def _singled_out(self, turn: "_Turn", works: list[Work]) -> Applied:
        """Decide the works without those that fail."""

        async def attempt(part: list[Work]) -> Applied:
            for work in part:
                work.reset()
            async with turn.connection.transaction():
                return await self._decide(turn, part)

        async def give_up(work: Work, error: Exception) -> Applied:
            if work.timer is not None or blame(error) is DeadLetterReason.FAILED:
                await self._put_off(turn, work, error)
                return Applied(ready=True)
            return await self._refuse(turn, work, error)

        return await in_halves(works, attempt, give_up, lambda error, _: self._of_one(error))

    async def _refuse(self, turn: "_Turn", work: Work, error: Exception) -> Applied:
        """Give a document whose values the database refuses its final outcome."""
        named = {"type": work.type, "subject": work.subject, "orgcode": work.orgcode}
        _log.warning("refused_by_database", **named, error=type(error).__name__)
        work.reset()
        work.place = work.decided_place = 0
        work.outcome = decide.refused(work.model)
        return await self._write(turn, Decisions([], [work], 1))

    async def _put_off_unreadable(self, turn: "_Turn", work: Work, error: Exception) -> None:
        if self._crash:
            raise error
        await self._put_off(turn, work, error)

    async def _put_off(self, turn: "_Turn", work: Work, error: Exception) -> None:
        """Put the work off, and tell the operator."""
        named = {"type": work.type, "subject": work.subject, "orgcode": work.orgcode}
        if work.timer is not None:
            metrics.FAILURES.labels("deadline").inc()
            _log.error("deadline_failed", kind=work.timer.kind, **named, exc_info=error)
            await deadlines.put_off(turn.connection, work.org, work.timer, turn.now_us)
        else:
            metrics.FAILURES.labels("parked").inc()
            _log.error("parked_failed", **named, exc_info=error)
            await parked.put_off(turn.connection, work.key, turn.now_us)


@dataclass(slots=True)
class _Turn:
    """One transaction, its clock, and the works that it has decided so far."""

    connection: Connection
    now_us: int
    decided: list[Work] = field(default_factory=list)


def _works(documents: Sequence[Resumable], passed: Sequence[Deadline], now_us: int) -> list[Work]:
    works = [Work.of_parked(row) for row in documents]
    for work, row in zip(works, documents, strict=True):
        work.waits = [*work.waits, row.wait]
    return works + [Work.of_deadline(deadline, now_us) for deadline in passed]
