"""Find where documents that waited were first decided: their rows name only the final decision.

A batch numbers its documents, so a document that waited had a place that no other document has. A batch keeps the order
of each tenant's records of a partition, which decides between several free places. It does not keep the order of a
whole partition, because tenants overtake another tenant's flood (docs/decisions/overtaking-a-flood.md).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from worker.stored.codes import PLACES

_LAST: Final = 1 << 62
_WAITED: Final = """
SELECT orgcode, type, subject, now_us, topic, partition, record_offset FROM rebuild_step WHERE no IS NULL
ORDER BY now_us, topic IS DISTINCT FROM $1, record_us, topic, partition, record_offset, orgcode, type, subject
"""
_UPDATE: Final = """
UPDATE rebuild_step s SET no = k.no
FROM unnest($1::bigint[], $2::text[], $3::smallint[], $4::text[]) AS k (no, orgcode, type, subject)
WHERE s.orgcode = k.orgcode AND s.type = k.type AND s.subject = k.subject AND s.round = 0
"""


async def place(target: Any, tenders: str) -> None:  # noqa: ANN401  asyncpg
    """Give each step without a number the number that it must have had. `tenders`: the topic that comes first."""
    by_time: dict[int, list[Any]] = defaultdict(list)
    for row in await target.fetch(_WAITED, tenders):
        by_time[row["now_us"]].append(row)
    for now_us, waited in by_time.items():
        free, known = await _batches(target, now_us)
        found = _assigned(free, known, waited)
        await target.execute(_UPDATE, *zip(*((no, *tuple(row)[:3]) for no, row in found), strict=True))


async def _batches(target: Any, now_us: int) -> tuple[list[int], list[Any]]:  # noqa: ANN401  asyncpg
    """Return the free numbers in the batches of that instant, and the steps that have the other numbers."""
    free: list[int] = []
    known: list[Any] = []
    for batch in await target.fetch(
        "SELECT no, documents FROM rebuild_batch WHERE decided_us = $1 ORDER BY no", now_us
    ):
        first = batch["no"] << PLACES
        rows = await target.fetch(
            "SELECT no, round, orgcode, topic, partition, record_offset FROM rebuild_step WHERE no BETWEEN $1 AND $2",
            first, first | (1 << PLACES) - 1,
        )  # fmt: skip
        if rows and all(row["round"] for row in rows):  # of what waited or was due
            continue
        known += rows
        free += sorted(set(range(first, first + batch["documents"])) - {row["no"] for row in rows})
    return free, known


def _assigned(free: Sequence[int], known: Sequence[Any], waited: Sequence[Any]) -> list[tuple[int, Any]]:
    """Assign each place to the document that must come first among those that may have it."""
    of_tenant: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    for row in known:
        of_tenant[row["orgcode"], row["topic"], row["partition"]].append((row["record_offset"], row["no"]))
    left = []
    for row in waited:
        at = row["orgcode"], row["topic"], row["partition"]
        others = () if row["topic"] is None else of_tenant.get(at, ())
        after = max((no for offset, no in others if offset < row["record_offset"]), default=-1)
        before = min((no for offset, no in others if offset > row["record_offset"]), default=_LAST)
        left.append((before, after, row))
    found = []
    for no in free:
        able = [one for one in left if one[1] < no < one[0]]
        if able:
            best = min(able, key=lambda one: one[0])  # of equal ones the first: they are in the order of the batch
            left.remove(best)
            found.append((no, best[2]))
    # If the batch is incomplete: beside its tenant's next document of the partition, or the latest of all.
    last = max((row["no"] for row in known), default=0)
    return found + [(before if before < _LAST else last, row) for before, _, row in left]
