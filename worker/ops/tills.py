"""Find out whether tills wait: a tender that was in its topic a second ago is not decided yet."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from worker.ledger.operations import next_offsets
from worker.ledger.pool import Pool

WAIT_S: Final = 1.0
# If the ledger has not moved for this long, no worker runs, so there is none to wait for.
NOBODY_S: Final = 30.0


class Tills:
    """Compares the ledger's position in the tenders' topic with the end of that topic a second ago."""

    def __init__(
        self,
        pool: Pool,
        topic: str,
        ends: Callable[[], Awaitable[Mapping[int, int]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ends`: partition → the offset after its last record, now."""
        self._pool = pool
        self._topic = topic
        self._ends = ends
        self._clock = clock
        self._seen: list[tuple[float, Mapping[int, int]]] = []
        self._reached: Mapping[int, int] | None = None
        self._moved_at = clock()

    async def wait(self) -> bool:
        """Return whether tills wait, as far as is known. Ask again and again."""
        now = self._clock()
        self._seen.append((now, await self._ends()))
        while len(self._seen) > 1 and self._seen[1][0] <= now - WAIT_S:
            del self._seen[0]
        async with self._pool.transaction() as connection:
            reached = await next_offsets(connection, self._topic)
        if reached != self._reached:
            self._reached, self._moved_at = reached, now
        at, ended = self._seen[0]
        behind = any(reached[partition] < end for partition, end in ended.items() if partition in reached)
        return behind and at <= now - WAIT_S and now - self._moved_at < NOBODY_S
