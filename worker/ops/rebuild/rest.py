"""Records of the topics that no step names: duplicates, dead letters, and documents that the live ledger lacks."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from worker.codec import Document
from worker.engine.batch import Batch
from worker.engine.pipeline import Pipeline
from worker.engine.rehearsal import Standing
from worker.kafka.ends import Bounds
from worker.kafka.ranges import Range, Ranges
from worker.positions import Partition

_AT_ONCE: Final = 2000


async def apply_rest(
    target: Any,  # noqa: ANN401  asyncpg
    pipeline: Pipeline,
    kafka: Ranges,
    bounds: Mapping[Partition, Bounds],
    read_to: Mapping[Partition, int],
    now_us: Callable[[], int],
) -> None:
    """Decide documents that the live ledger has read and does not know. Duplicates and dead letters change nothing.

    `read_to`: the next offset of each partition that the live ledger has read. Later records are not missing.
    """
    ranges = [
        Range(*at, bounds[at].begin, min(end, bounds[at].end))
        for at, end in sorted(read_to.items())
        if at in bounds and bounds[at].begin < min(end, bounds[at].end)
    ]
    async for part in kafka.slices(ranges, _AT_ONCE):
        at = [(record.topic, record.partition, record.offset) for record in part.records]
        rows = await target.fetch(
            "SELECT topic, partition, record_offset FROM unnest($1::text[], $2::integer[], $3::bigint[])"
            " AS k (topic, partition, record_offset) JOIN rebuild_step USING (topic, partition, record_offset)",
            *zip(*at, strict=True),
        )
        known = {tuple(row) for row in rows}
        left = [record for record, place in zip(part.records, at, strict=True) if place not in known]
        batch = pipeline.decode(left, now_us())
        documents = [item for item in batch.items if isinstance(item, Document)]
        standing = await pipeline.rehearsal.standing(documents) if documents else {}
        if new := [one for one in documents if standing[one] is Standing.NEW]:
            await pipeline.apply(Batch([*new], batch.now_us), {})
            while await pipeline.decide_ready(batch.now_us) is not None:
                pass


async def complete_since(kafka: Ranges, bounds: Mapping[Partition, Bounds], now: Callable[[], int]) -> datetime | None:
    """Return the time from which every topic is complete. None: no record was removed."""
    begun = [Range(*at, one.begin, one.begin + 1) for at, one in sorted(bounds.items()) if one.begin > 0]
    times = []
    for one in begun:
        if bounds[one.topic, one.partition].end <= one.start:
            times.append(now() // 1000)
            continue
        async for part in kafka.slices([one._replace(end=bounds[one.topic, one.partition].end)], 1):
            times.append(part.records[0].timestamp)
            break
    return datetime.fromtimestamp(max(times) / 1000, UTC) if times else None
