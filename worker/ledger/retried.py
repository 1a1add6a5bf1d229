"""How often workers had to try again, for operators: the workers write it, so that it outlives them."""

from dataclasses import dataclass
from typing import NamedTuple

from worker.ledger.pool import Pool
from worker.ledger.queries import SQL, Connection


@dataclass(slots=True)
class Counts:
    """Of this process, since they were last written: actions tried again, and batches divided because they failed."""

    retries: int = 0
    halves: int = 0


COUNTS = Counts()


class Retried(NamedTuple):
    """A worker that tried again within the last hour."""

    worker: int
    retries: int
    halves: int


async def write(pool: Pool) -> bool:
    """Add this process's counts to the table, if there are any. They are kept if that fails. Return True."""
    retries, halves = COUNTS.retries, COUNTS.halves
    if retries or halves:
        async with pool.transaction() as connection:
            await connection.execute(SQL["forget_retried"])
            await connection.execute(SQL["add_retried"], pool.worker, retries, halves)
        COUNTS.retries -= retries
        COUNTS.halves -= halves
    return True


async def read(connection: Connection) -> list[Retried]:
    """Return the workers that tried again within the last hour, those with most first."""
    return [Retried(*row) for row in await connection.fetch(SQL["read_retried"])]
