"""The sums of a closed partition's transfers, as the ledger computes them."""

from datetime import datetime
from typing import Any, Final, NamedTuple

# By tenant, contra account (0: between accounts) and unit.
_SUMS: Final = """
SELECT t.org, o.code AS orgcode, t.contra, coalesce(nullif(a.currency, ''), 'points') AS unit, count(*) AS transfers,
       coalesce(sum(t.amount) FILTER (WHERE t.debit < 0), 0)::bigint AS issued,
       coalesce(sum(t.amount) FILTER (WHERE t.credit < 0), 0)::bigint AS taken
FROM (SELECT *, least(debit, credit, 0) AS contra, greatest(debit, credit) AS account_id FROM {partition}) t
JOIN org o ON o.id = t.org
LEFT JOIN account a ON a.id = t.account_id
GROUP BY 1, 2, 3, 4
ORDER BY 1, 3, 4
"""
_RANGE: Final = "SELECT count(*) AS transfers, min(no) AS first_no, max(no) AS last_no FROM {partition}"


class Partition(NamedTuple):
    """A partition. `until`: when the latest batch below its end was decided."""

    name: str
    first_batch: int
    end_batch: int
    until: datetime


async def head_of(connection: Any, partition: Partition) -> dict[str, Any]:  # noqa: ANN401  asyncpg
    """Return the members of a manifest besides its files. `partition.name` must come from the catalogue."""
    whole = (await connection.fetch(_RANGE.format(partition=partition.name)))[0]
    rows = await connection.fetch(_SUMS.format(partition=partition.name))
    return {
        "partition": partition.name,
        "schema": await connection.fetchval("SELECT max(number) FROM migration"),
        "first_batch": partition.first_batch,
        "end_batch": partition.end_batch,
        "until": partition.until.isoformat(),
        **dict(whole),
        "sums": [dict(row) for row in rows],
    }


def by_contra(head: dict[str, Any]) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Return a manifest's sums as `Archive.sums` computes them: all units of a contra account together."""
    sums: dict[tuple[int, int], tuple[int, int, int]] = {}
    for one in head["sums"]:
        at = one["org"], one["contra"]
        before = sums.get(at, (0, 0, 0))
        sums[at] = (before[0] + one["transfers"], before[1] + one["issued"], before[2] + one["taken"])
    return sums
