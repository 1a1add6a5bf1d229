"""The ledger's position in each partition, read when partitions are assigned. `write.watermarks` writes it."""

from collections.abc import Collection, Mapping
from typing import Any

from worker.ledger.pool import Pool
from worker.ledger.queries import SQL
from worker.positions import Decision, Fingerprint, Halt, HaltKind, Partition, Position


class Positions:
    """Implements `worker.positions.Positions`. Every method raises asyncpg's errors."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    def session(self) -> int:
        """The present session of the worker's lock."""
        return self._pool.session

    async def read(self, partitions: Collection[Partition]) -> Mapping[Partition, Position | None]:
        """Return the positions. None: the partition was read before positions were recorded; absent: it was never
        read.
        """
        async with self._pool.transaction() as connection:
            rows = await connection.fetch(SQL["read_positions"], *_columns(partitions))
        return {(row["topic"], row["partition"]): _position(row) for row in rows}

    async def tell(self, halted: Mapping[Partition, Halt]) -> Mapping[Partition, Decision]:
        """Show operators these partitions. Return their decisions."""
        rows = [(*at, halt.kind.value, halt.why) for at, halt in sorted(halted.items())]
        async with self._pool.transaction() as connection:
            found = await connection.fetch(SQL["tell_halted"], *zip(*rows, strict=True))
        return {(row["topic"], row["partition"]): Decision(row["decision"]) for row in found if row["decision"]}

    async def end_halts(self, partitions: Collection[Partition]) -> Mapping[Partition, tuple[HaltKind, Decision]]:
        """Note that these partitions are no longer halted. Return the decisions about those that were."""
        async with self._pool.transaction() as connection:
            found = await connection.fetch(SQL["take_halted"], *_columns(partitions))
        return {
            (row["topic"], row["partition"]): (HaltKind(row["kind"]), Decision(row["decision"]))
            for row in found
            if row["decision"]
        }

    async def forget(self, partitions: Collection[Partition]) -> None:
        """Forget the positions of these partitions, so that they count as never read."""
        if partitions:
            async with self._pool.transaction() as connection:
                await connection.execute(SQL["forget_positions"], *_columns(partitions))


def _columns(partitions: Collection[Partition]) -> tuple[list[str], list[int]]:
    ordered = sorted(partitions)
    return [topic for topic, _ in ordered], [number for _, number in ordered]


def _position(row: Any) -> Position | None:  # noqa: ANN401  an asyncpg record
    if row["next_offset"] is None:
        return None
    last = None
    if row["last_offset"] is not None:
        last = Fingerprint(row["last_offset"], row["last_ms"], bytes(row["checksum"]))
    return Position(row["next_offset"], last, row["topic_id"])
