"""The decisions of the live ledger, in its own order, as rows of the target."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from schemas.registry import BY_CODE
from worker.codec.encode import ENCODERS
from worker.kafka.ranges import Bounds, Ranges
from worker.ops.rebuild.target import Refused
from worker.ops.rebuild.waited import place
from worker.stored.codes import PLACES, TIMERS
from worker.stored.event import EventFacts, facts_of

FIRST, RESUMED, DEADLINE = range(3)
_AT_ONCE: Final = 2000
# A transaction may be committed after one that began later. This is how far back the search looks for it.
_BEHIND: Final = 100_000
_EVENTS: Final = """
SELECT e.no, o.code AS orgcode, e.type, e.subject, e.facts
FROM event e JOIN org o ON o.id = e.org
WHERE e.facts IS NOT NULL AND e.no >= $1
"""
_INSERT: Final = """
INSERT INTO rebuild_step (orgcode, type, subject, round, no, now_us, record_us, topic, partition, record_offset)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[],
                     $8::text[], $9::integer[], $10::bigint[])
ON CONFLICT DO NOTHING
"""


class Step(NamedTuple):
    """A decision. `no` is None for the first outcome of a document that waited: `waited.place` finds where it was."""

    orgcode: str
    type: int
    subject: str
    round: int
    no: int | None
    now_us: int
    record_us: int
    topic: str | None = None
    partition: int | None = None
    record_offset: int | None = None


async def add(live: Any, target: Any, tenders: str) -> int:  # noqa: ANN401  asyncpg
    """Write down the live ledger's decisions since the last time. Return their number.

    `tenders`: the topic whose records come first in a batch.
    """
    before = await target.fetchval("SELECT coalesce(max(no), 0) FROM rebuild_batch")
    since = max(before - _BEHIND, 0)
    known = {row["no"] for row in await target.fetch("SELECT no FROM rebuild_batch WHERE no >= $1", since)}
    async with target.transaction():
        new = await _batches(live, target, since, known)
        count = 0
        async for part in _steps(live, since, new):
            count += len(part)
            await _insert(target, part)
        await place(target, tenders)
    return count


async def _batches(live: Any, target: Any, since: int, known: set[int]) -> set[int]:  # noqa: ANN401  asyncpg
    query = (
        "SELECT no, (extract(epoch FROM decided_at) * 1000000)::bigint AS decided_us, documents FROM every_batch"
        " WHERE no >= $1"
    )
    new: set[int] = set()
    rows: list[tuple[int, int, int]] = []
    async for row in live.cursor(query, since, prefetch=_AT_ONCE):
        if row["no"] not in known:
            new.add(row["no"])
            rows.append(tuple(row))
    await target.copy_records_to_table("rebuild_batch", records=rows, columns=("no", "decided_us", "documents"))
    return new


async def _steps(live: Any, since: int, new: set[int]) -> AsyncIterator[list[Step]]:  # noqa: ANN401  asyncpg
    part: list[Step] = []
    async for row in live.cursor(_EVENTS, max(since << PLACES, 1), prefetch=_AT_ONCE):
        if row["no"] >> PLACES in new:
            part += _of(row)
            if len(part) >= _AT_ONCE:
                yield part
                part = []
    yield part


def _of(row: Any) -> list[Step]:  # noqa: ANN401  an asyncpg record
    facts = facts_of(row["facts"])
    if unknown := {version for version, _ in facts.outcomes} - ENCODERS.keys():
        raise Refused(f"the live ledger has outcomes of encoder {max(unknown)}: use the program of its workers")
    at = row["orgcode"], row["type"], row["subject"]
    last_us = facts.outcomes[-1][1].time_us
    if row["type"] in TIMERS:
        return [Step(*at, DEADLINE, row["no"], last_us, last_us)]
    if len(facts.outcomes) == 1:
        return [_first(at, row["no"], facts)]
    return [_first(at, None, facts), Step(*at, RESUMED, row["no"], last_us, last_us)]


def _first(at: tuple[str, int, str], no: int | None, facts: EventFacts) -> Step:
    record_us = facts.received_us + facts.record_ms * 1000
    return Step(*at, FIRST, no, facts.outcomes[0][1].time_us, record_us, *(facts.source or (None, None, None)))


async def _insert(target: Any, steps: Sequence[Step]) -> None:  # noqa: ANN401  asyncpg
    """Insert the steps. A document that waited the last time exists already, and has since got its second outcome."""
    if steps:
        await target.execute(_INSERT, *zip(*steps, strict=True))


async def find_accepted(target: Any, kafka: Ranges, topic: str) -> None:  # noqa: ANN401  asyncpg
    """Set the positions in crm.accepted of documents that came over interfaces."""
    rows = await target.fetch(
        "SELECT orgcode, type, subject FROM rebuild_step WHERE round = $1 AND topic IS NULL", FIRST
    )
    if not rows:
        return
    async for part in kafka.slices(await kafka.within([topic], Bounds()), _AT_ONCE):
        found = {record.key: (record.partition, record.offset) for record in part.records if record.value is not None}
        await target.execute(
            "INSERT INTO rebuild_accepted SELECT * FROM unnest($1::bytea[], $2::integer[], $3::bigint[])"
            " ON CONFLICT (key) DO UPDATE SET partition = excluded.partition, record_offset = excluded.record_offset",
            *(zip(*((key, *at) for key, at in found.items()), strict=True) if found else [(), (), ()]),
        )
    keys = [f"{row['orgcode']}/{BY_CODE[row['type']].name}/{row['subject']}".encode() for row in rows]
    await target.execute(
        "UPDATE rebuild_step s SET topic = $1, partition = a.partition, record_offset = a.record_offset"
        " FROM unnest($2::bytea[], $3::text[], $4::smallint[], $5::text[]) AS k (key, orgcode, type, subject)"
        " JOIN rebuild_accepted a ON a.key = k.key"
        " WHERE s.orgcode = k.orgcode AND s.type = k.type AND s.subject = k.subject AND s.round = 0",
        topic, keys, *(list(column) for column in zip(*rows, strict=True)),
    )  # fmt: skip
