"""Choose the partitions of transfers to archive: whole ones, the oldest first, and only finished ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from worker.ledger import operations
from worker.ledger.operators import Operator
from worker.ledger.pool import Pool
from worker.ledger.roles import Role
from worker.ops.archive.rights import as_owner
from worker.ops.archive.sums import Partition
from worker.ops.snapshot import snapshot
from worker.process.errors import OperatorError
from worker.process.settings import Settings

KIND: Final = "archive"
# No transaction lasts as long. So all rows of a partition that ended before are written.
_LEAST: Final = timedelta(days=1)
# The end of a partition counts as reached once a batch has come to it. `until`: when the latest batch below the end was
# decided; `open`: one below it is not published; `rest`: the default partition has something of below it.
_PARTITIONS: Final = """
SELECT p.name, p.first_batch, p.end_batch,
       (SELECT max(decided_at) FROM every_batch WHERE no < p.end_batch) AS until,
       (SELECT max(no) FROM every_batch) >= p.end_batch AS reached,
       EXISTS (SELECT FROM batch WHERE no < p.end_batch AND published_at IS NULL) AS open,
       EXISTS (SELECT FROM transfer_rest WHERE no >> 12 < p.end_batch) AS rest
FROM transfer_partition p ORDER BY p.first_batch
"""


async def plan(
    settings: Settings, before: datetime, directory: Path, operator: Operator
) -> tuple[int | None, list[str]]:
    """Plan to archive the partitions whose transfers were all decided before this instant, in a directory of this
    machine (absolute). Return the operation's id and the lines of the plan. No id: there is nothing to archive.

    Changes nothing. Raises OperatorError for an instant of the last day.
    """
    if before > datetime.now(UTC) - _LEAST:
        raise OperatorError("--before: at least a day ago, so that nothing can be added to what it names")
    with as_owner():
        counts, why = await _counted(settings.admin_dsn, before)
    if not counts:
        return None, [f"nothing to archive: {why}"]
    lines = [
        f"{one.name}: {count:,} transfers of batches {one.first_batch:,} to {one.end_batch - 1:,}, the latest of"
        f" {one.until:%Y-%m-%d %H:%M:%S} UTC"
        for one, count in counts
    ]
    lines += [f"then no more: {why}", f"to {directory}"]
    head: dict[str, Any] = {
        "directory": str(directory),
        "partitions": [
            [one.name, one.first_batch, one.end_batch, one.until.isoformat(), count] for one, count in counts
        ],
        "summary": lines,
    }
    pool = await Pool.of_interface(settings.dsn, 1, Role.OPS)
    try:
        async with pool.transaction() as ledger:
            planned = sum(count for _, count in counts)
            return await operations.create(ledger, KIND, operator, head, planned), lines
    finally:
        await pool.close()


async def _counted(dsn: str, before: datetime) -> tuple[list[tuple[Partition, int]], str]:
    """Return the partitions to archive, each with its number of transfers, and why the next one can't be archived."""
    async with snapshot(dsn, Role.OWNER, "g3n-archive") as connection:
        found, why = await _closed(connection, before)
        return [(one, await connection.fetchval(f"SELECT count(*) FROM {one.name}")) for one in found], why  # noqa: S608


async def _closed(connection: asyncpg.Connection, before: datetime) -> tuple[list[Partition], str]:
    found: list[Partition] = []
    for row in await connection.fetch(_PARTITIONS):
        if not row["reached"]:
            return found, f"{row['name']} is in use"
        if row["until"] >= before:
            return found, f"{row['name']} has transfers until {row['until']:%Y-%m-%d %H:%M:%S} UTC"
        if row["open"]:
            return found, f"{row['name']} has batches that are not published"
        if row["rest"]:
            return found, f"transfer_rest has transfers of the time of {row['name']}"
        found.append(Partition(row["name"], row["first_batch"], row["end_batch"], row["until"]))
    return found, "there is no other partition"
