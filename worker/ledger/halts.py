"""Partitions as an operator sees them: their positions, why they are halted, and what was decided."""

from datetime import UTC, datetime
from typing import NamedTuple

from worker.ledger.operators import Operator, note
from worker.ledger.queries import SQL, Connection
from worker.positions import Decision


class Shown(NamedTuple):
    """A partition that the ledger has read, or that is halted."""

    topic: str
    partition: int
    next_offset: int | None
    last_at: datetime | None  # when the last record was written to the topic
    halted_since: datetime | None
    why: str
    decision: str


async def listed(connection: Connection) -> list[Shown]:
    """Return every partition, the halted ones first."""
    return [
        Shown(
            row["topic"],
            row["partition"],
            row["next_offset"],
            None if row["last_ms"] is None else datetime.fromtimestamp(row["last_ms"] / 1000, UTC),
            row["since"],
            row["why"] or "",
            row["decision"] or "",
        )
        for row in await connection.fetch(SQL["read_partitions"])
    ]


async def decide(
    connection: Connection, topic: str, partition: int, decision: Decision, operator: Operator
) -> str | None:
    """Tell the partition's worker to go on, and record it in the journal. Return why it was halted; None: it is not."""
    rows = await connection.fetch(SQL["decide_halted"], topic, partition, decision.value)
    for row in rows:
        details = {"kind": row["kind"], "why": row["why"]}
        await note(connection, operator, f"partition {decision.value}", f"{topic}:{partition}", details)
        return str(row["why"])
    return None
