"""Execute the plan of an archive, partition by partition: close it, write it, read it back, keep its sums and drop it.

A killed process leaves a closed partition. Without a manifest, the next run writes its files again. With a manifest,
the next run checks and uses them. The transaction that drops the partition keeps its sums.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from worker.ledger.operators import Operator, note
from worker.ledger.pool import connect
from worker.ledger.roles import Role
from worker.ops.archive.files import COLUMNS, FORMAT, MANIFEST, Archive, Parts
from worker.ops.archive.rights import as_owner
from worker.ops.archive.sums import Partition, by_contra, head_of
from worker.ops.running import Run
from worker.ops.snapshot import STATEMENT_S, WHOLE
from worker.process import faults
from worker.process.errors import OperatorError
from worker.process.settings import Settings

Say = Callable[[str], None]
# Inserts and reads of histories queue behind a waiting lock: at most for this long, and then they get time to pass.
_LOCK: Final = "SET LOCAL lock_timeout = '200ms'"
_WAIT_S: Final = 2.0
_CLOSED: Final = "archived"  # the check that is never true
_KEEP: Final = """
INSERT INTO archived_entry AS a (account_id, contra, org, received, given, last_no, last_at)
SELECT e.account_id, e.contra, min(e.org), sum(e.received), sum(e.given), max(e.no), coalesce(max(b.decided_at), $1)
FROM (
    SELECT credit AS account_id, least(debit, 0) AS contra, org, amount AS received, 0 AS given, no FROM {partition}
    WHERE credit > 0
    UNION ALL
    SELECT debit, least(credit, 0), org, 0, amount, no FROM {partition} WHERE debit > 0
) e LEFT JOIN every_batch b ON b.no = e.no >> 12
GROUP BY e.account_id, e.contra
ON CONFLICT (account_id, contra) DO UPDATE SET
    received = a.received + excluded.received, given = a.given + excluded.given, last_no = excluded.last_no,
    last_at = greatest(a.last_at, excluded.last_at)
"""
_NOTE: Final = """
INSERT INTO archive (end_batch, first_batch, name, until, transfers, checksum) VALUES ($1, $2, $3, $4, $5, $6)
"""


async def execute(settings: Settings, run: Run, say: Say) -> None:
    """Execute the plan from the run's cursor to its end. Acts as the owner, as `setup` does.

    Raises OperatorError if files are damaged, and running.Stopped.
    """
    directory = Path(run.operation.plan["directory"])
    partitions = [
        Partition(name, first, end, datetime.fromisoformat(until))
        for name, first, end, until, _ in run.operation.plan["partitions"]
    ]
    settings_of = {**WHOLE, "application_name": "g3n-archive"}
    with as_owner():
        pool = await connect(settings.admin_dsn, 1, Role.OWNER, settings_of, timeout_s=STATEMENT_S)
    try:
        async with pool.acquire() as connection:
            for place in range(int(run.cursor or 0), len(partitions)):
                await run.turn(0)
                one = _One(connection, partitions[place], directory / partitions[place].name, run)
                await run.advance(place + 1, await one.archive(say))
    finally:
        pool.terminate()
    await run.finish({"archived": run.done})


class _One:
    """One partition. `connection`: the owner's."""

    def __init__(self, connection: Any, partition: Partition, folder: Path, run: Run) -> None:  # noqa: ANN401  asyncpg
        self._connection = connection
        self._partition = partition
        self._folder = folder
        self._run = run

    async def archive(self, say: Say) -> int:
        """Do the steps that are not done yet. Return how many transfers the partition had."""
        done = await self._connection.fetchval("SELECT transfers FROM archive WHERE name = $1", self._partition.name)
        if done is not None:
            return int(done)
        await self._close()
        faults.point("archive_closed")
        head = await head_of(self._connection, self._partition)
        archive = await self._written(head)
        faults.point("archive_written")
        self._check(archive, head)
        await self._drop(archive)
        faults.point("archive_dropped")
        say(f"{self._partition.name}: {head['transfers']:,} transfers are in {self._folder}, and were dropped")
        return int(head["transfers"])

    async def _close(self) -> None:
        """Close the partition to inserts. None is under way: its batches have been over for a day at least."""
        closed = "SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = $1::text::regclass AND conname = $2)"
        if not await self._connection.fetchval(closed, self._partition.name, _CLOSED):
            await self._in_its_turn(
                f"ALTER TABLE {self._partition.name} ADD CONSTRAINT {_CLOSED} CHECK (false) NOT VALID"
            )

    async def _written(self, head: dict[str, Any]) -> Archive:
        """Return the archive of the folder, or write a new one."""
        archive = Archive.read(self._folder)
        if archive is not None:
            return archive
        parts = Parts(self._folder)
        query = f"SELECT {', '.join(COLUMNS)} FROM {self._partition.name} ORDER BY no, ctid"  # noqa: S608  names of ours
        await self._connection.copy_from_query(query, output=parts.write, format="csv", timeout=STATEMENT_S)
        parts.close()
        faults.point("archive_parts")
        parts.manifest({"format": FORMAT, **head})
        written = Archive.read(self._folder)
        assert written is not None  # noqa: S101  it was written just now
        return written

    def _check(self, archive: Archive, head: dict[str, Any]) -> None:
        """Read the files back. Raises OperatorError unless they hold this whole partition."""
        differs = [name for name, value in head.items() if archive.manifest.get(name) != value and name != "schema"]
        if differs:
            raise OperatorError(
                f"{self._folder / MANIFEST} is not of this partition of this ledger ({', '.join(differs)} differ):"
                " move the folder away, and resume"
            )
        if archive.sums() != by_contra(head):
            raise OperatorError(f"{self._folder} does not come to what the ledger has: move it away, and resume")

    async def _drop(self, archive: Archive) -> None:
        """Keep the sums, record the archive and drop the partition, in one transaction. Only the drop locks the
        table.
        """
        one = self._partition
        run = self._run
        async with self._connection.transaction():
            await self._connection.execute(_KEEP.format(partition=one.name), one.until)
            transfers = archive.manifest["transfers"]
            row = one.end_batch, one.first_batch, one.name, one.until, transfers, archive.checksum
            await self._connection.execute(_NOTE, *row)
            operator = Operator(run.operation.who, run.operation.reason)
            details = {"transfers": transfers, "manifest": archive.checksum.hex()}
            await note(self._connection, operator, "archive", one.name, details, operation=run.operation.id)
            await self._in_its_turn(f"ALTER TABLE transfer DETACH PARTITION {one.name}", f"DROP TABLE {one.name}")

    async def _in_its_turn(self, *statements: str) -> None:
        """Execute the statements once nothing uses the table. Others wait behind this for only a fifth of a second."""
        while True:
            try:
                async with self._connection.transaction():
                    await self._connection.execute(_LOCK)
                    for statement in statements:
                        await self._connection.execute(statement)
                    return
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(_WAIT_S)
