"""What is decided without a record of its own: parked documents that became ready or overdue, timers that are due.

None of it may keep the rest from going on. What the database refuses for its values is looked for by halves: a
document gets its final outcome, for it was accepted and is answered by outcomes, not by a dead letter (contract §3);
a deadline is put off and told to the operator.
"""

import structlog

from worker.answers import Answers, Applied, count
from worker.codec import Outlet
from worker.decider import REFUSED, Decider, retrying
from worker.domain import decide
from worker.ledger import due
from worker.ledger.pool import Pool
from worker.ledger.queries import Connection
from worker.ledger.work import Work

_log = structlog.get_logger(__name__)


class Waiting:
    """Takes what may go on, in one transaction, and leaves to other workers what they have taken."""

    def __init__(self, pool: Pool, decider: Decider, outlet: Outlet, inputs: tuple[str, ...]) -> None:
        self._pool = pool
        self._decider = decider
        self._outlet = outlet
        self._inputs = inputs

    async def work(self, now_us: int, *, final: bool) -> Applied | None:
        """Decide and commit what may go on at `now_us`. None: there was nothing; `final`: as for `Pipeline.work`."""
        again = retrying(divisible=False)
        try:
            return await again(self._transaction, now_us, final=final, singly=False)
        except REFUSED:
            return await again(self._transaction, now_us, final=final, singly=True)

    async def _transaction(self, now_us: int, *, final: bool, singly: bool) -> Applied | None:
        done: list[Work] = []
        async with self._pool.transaction() as connection:
            works = await due.take(connection, now_us, self._inputs, final=final)
            if not works:
                return None
            if singly:
                applied = await self._singled_out(connection, works, now_us, done)
            else:
                applied = await self._settle(connection, works, now_us, done)
        count(done)
        return applied

    async def _settle(self, connection: Connection, works: list[Work], now_us: int, done: list[Work]) -> Applied:
        shelf = await self._decider.decide(connection, works)
        no = await self._decider.write(connection, works, shelf, now_us)
        done += works
        return Applied(Answers(self._outlet).messages(works), (no,), ready=True)

    async def _singled_out(self, connection: Connection, works: list[Work], now_us: int, done: list[Work]) -> Applied:
        """The works, halved until those that are refused stand alone."""
        for mark, work in enumerate(works):
            work.begin(mark)
        try:
            async with connection.transaction():
                return await self._settle(connection, works, now_us, done)
        except REFUSED as error:
            if len(works) == 1:
                return await self._refuse(connection, works[0], now_us, done, error)
        half = len(works) // 2
        applied = await self._singled_out(connection, works[:half], now_us, done)
        applied.add(await self._singled_out(connection, works[half:], now_us, done))
        return applied

    async def _refuse(
        self, connection: Connection, work: Work, now_us: int, done: list[Work], error: Exception
    ) -> Applied:
        if work.timer is not None:
            _log.error("deadline_refused", kind=work.timer.kind, error=type(error).__name__)
            await due.put_off(connection, work, now_us)
            return Applied(ready=True)
        _log.warning("refused_by_database", type=work.type, error=type(error).__name__)
        work.begin(0)
        work.outcome = decide.refused(work.model)
        no = await self._decider.write(connection, [work], [], now_us)
        done.append(work)
        return Applied(Answers(self._outlet).messages([work]), (no,), ready=True)
