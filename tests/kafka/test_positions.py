"""When a partition is assigned, the group's offset, the topic and the ledger are compared."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from tests.kafka.conftest import Cluster, NewReader, until_idle, values
from worker.kafka.member import Member
from worker.kafka.reader import Reader
from worker.ledger import halts, operators, write
from worker.ledger.operators import Operator
from worker.ledger.pool import Pool
from worker.ledger.positions import Positions
from worker.positions import Decision, Fingerprint, Partition, Position, fingerprint
from worker.process import metrics
from worker.process.errors import Unavailable

# Ten records were read of each partition, five more came since.
PARTITIONS = 12
(
    UNTOUCHED, RESTORED, NEVER_READ, OTHER_RECORD, ENDS_BEFORE, READ_ONES_GONE, GONE, RESET, RESET_TO_GONE, OTHER_ID,
    NO_RECORD, RESET_WITHOUT_RECORD,
) = range(PARTITIONS)  # fmt: skip
READ_AGAIN = {
    UNTOUCHED: 10, RESTORED: 5, NEVER_READ: 0, READ_ONES_GONE: 10, RESET: 3, RESET_TO_GONE: 6, RESET_WITHOUT_RECORD: 6,
}  # fmt: skip
HALTED = {
    OTHER_RECORD: "record 9 is not the one",
    ENDS_BEFORE: "the topic ends at 15",
    GONE: "documents are gone",
    OTHER_ID: "another id",  # with the same record there
    NO_RECORD: "another id",  # no record says that it is another topic
}


def numbered(partition: int, start: int, end: int) -> list[bytes]:
    return [b"%d-%d" % (partition, number) for number in range(start, end)]


async def save(pool: Pool, marks: Mapping[Partition, int], positions: Mapping[Partition, Position]) -> None:
    async with pool.transaction() as connection:
        await write.watermarks(connection, marks, positions)


async def read_ten(reader: Reader, pool: Pool) -> dict[int, list[ConsumerRecord]]:
    """Read ten records of each partition as a worker does; by partition."""
    records: dict[int, list[ConsumerRecord]] = {number: [] for number in range(PARTITIONS)}
    while sum(map(len, records.values())) < 10 * PARTITIONS:
        batch = await reader.read(0.5)
        for record in batch.records:
            records[record.partition].append(record)
        await save(pool, batch.moved, batch.positions)
        reader.done(batch)
    await reader.commit()
    await reader.stop()
    return records


async def test_the_first_start_asks_for_all_beginnings_at_once(
    cluster: Cluster, new_reader: NewReader, group: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka asks for the group's offset of one partition after the other, and fails for each."""

    async def seek(_: Member, offsets: Mapping[TopicPartition, int]) -> None:
        raise AssertionError(offsets)

    monkeypatch.setattr(Member, "_seek", seek)
    topic = await cluster.topic(3)
    for number in range(3):
        await cluster.send(topic, numbered(number, 0, 10), partition=number)
    got = await values(await new_reader([topic], group, positions=Positions(pool)), 30)
    assert sorted(got) == sorted(value for number in range(3) for value in numbered(number, 0, 10))


async def test_each_partition_goes_on_where_nothing_is_lost_or_halts(
    cluster: Cluster,
    new_reader: NewReader,
    group: str,
    pool: Pool,
    connection: asyncpg.Connection,
) -> None:
    topic = await cluster.topic(PARTITIONS)
    for number in range(PARTITIONS):
        await cluster.send(topic, numbered(number, 0, 10), partition=number)
    first = await new_reader([topic], group, positions=Positions(pool))
    records = await read_ten(first, pool)
    for number in range(PARTITIONS):
        await cluster.send(topic, numbered(number, 10, 15), partition=number)
    assert await connection.fetchval(f"SELECT count(*) = {PARTITIONS} AND count(DISTINCT topic_id) = 1 FROM watermark")

    others = (RESTORED, NEVER_READ, ENDS_BEFORE, NO_RECORD, RESET_WITHOUT_RECORD)
    await Positions(pool).forget([(topic, number) for number in others])
    for number, position in (
        (RESTORED, Position(5, fingerprint(records[RESTORED][4]))),
        (ENDS_BEFORE, Position(50, fingerprint(records[ENDS_BEFORE][9])._replace(offset=49))),
        (NO_RECORD, Position(10, None, uuid.uuid4())),
        (RESET_WITHOUT_RECORD, Position(10, None)),  # it was read by transaction markers alone
    ):
        await save(pool, {}, {(topic, number): position})
    await connection.execute(
        "UPDATE watermark SET checksum = $1 WHERE topic = $2 AND partition = $3", b"8 bytes.", topic, OTHER_RECORD
    )
    await connection.execute(
        "UPDATE watermark SET topic_id = gen_random_uuid() WHERE topic = $1 AND partition = $2", topic, OTHER_ID
    )
    await cluster.delete_before(topic, READ_ONES_GONE, 10)
    await cluster.delete_before(topic, GONE, 12)
    for number in (RESET_TO_GONE, RESET_WITHOUT_RECORD):
        await cluster.delete_before(topic, number, 6)
    for number in (RESET, RESET_TO_GONE, RESET_WITHOUT_RECORD):
        await cluster.reset(group, TopicPartition(topic, number), 3)

    behind = metrics.REGISTRY.get_sample_value("g3n_ledger_behind_total") or 0
    again = await new_reader([topic], group, positions=Positions(pool))
    expected = {value for number, start in READ_AGAIN.items() for value in numbered(number, start, 15)}
    got = await values(again, len(expected))
    assert len(got) == len(expected)
    assert set(got) == expected
    await until_idle(again)
    assert again.halted == {TopicPartition(topic, number) for number in HALTED}
    assert metrics.REGISTRY.get_sample_value("g3n_ledger_behind_total") == behind + 2
    for number, why in HALTED.items():
        assert why in again.why_halted[TopicPartition(topic, number)]


async def test_a_position_never_goes_back_and_idle_partitions_are_not_written(
    cluster: Cluster, new_reader: NewReader, group: str, pool: Pool, connection: asyncpg.Connection
) -> None:
    topic = await cluster.topic(2)
    await cluster.send(topic, numbered(0, 0, 10))
    reader = await new_reader([topic], group)
    await values(reader, 10)
    idle = await until_idle(reader)
    assert idle.positions == {}
    assert set(idle.watermarks) == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
    await cluster.send(topic, numbered(0, 10, 11))
    while not (batch := await reader.read(0.5)).records:
        reader.done(batch)
    reader.done(batch)
    assert set(batch.positions) == {TopicPartition(topic, 0)}
    await save(pool, batch.moved, batch.positions)
    await save(pool, {}, {(topic, 0): Position(3, None)})
    assert await connection.fetchval("SELECT (next_offset, last_offset) = (11, 10) FROM watermark")


async def save_with_batch(pool: Pool, marks: Mapping[Partition, int], positions: Mapping[Partition, Position]) -> None:
    async with pool.transaction() as connection:
        no = await pool.batch_no(connection)
        assert not await write.journal(connection, no, pool.worker, 0, 1, write.Reached(marks, positions))


@pytest.mark.parametrize("save", [save, save_with_batch])
async def test_a_topic_made_anew_has_positions_of_its_own(
    pool: Pool, connection: asyncpg.Connection, save: Callable[..., Awaitable[None]]
) -> None:
    """They may be smaller; those of the same topic never go back. A worker that has not noticed commits nothing."""
    at, old, new = ("scm.sales", 0), uuid.uuid4(), uuid.uuid4()
    await save(pool, {}, {at: Position(50, None, old)})
    with pytest.raises(Unavailable, match=r"scm\.sales-0: the ledger has read a topic of this name with another id"):
        await save(pool, {}, {at: Position(70, None, new)})
    await Positions(pool).forget([at])
    for position in (Position(7, None, new), Position(3, None, new), Position(5, None, None)):
        await save(pool, {}, {at: position})
    with pytest.raises(Unavailable):
        await save(pool, {at: 1}, {at: Position(50, None, old)})
    assert await connection.fetchval("SELECT (next_offset, topic_id, read_us) = (7, $1::uuid, 0) FROM watermark", new)
    batches = await connection.fetchval("SELECT count(*) FROM batch")
    assert batches == (4 if save is save_with_batch else 0), "a refused position takes its batch with it"


async def test_a_live_worker_reads_again_what_a_failover_has_lost(
    cluster: Cluster, new_reader: NewReader, group: str, pool: Pool, connection: asyncpg.Connection
) -> None:
    """An asynchronous standby is promoted that lacks the last five documents; then a transaction fails."""
    topic = await cluster.topic()
    await cluster.send(topic, numbered(0, 0, 10))
    reader = await new_reader([topic], group, positions=Positions(pool))
    records: list[ConsumerRecord] = []
    while len(records) < 10:
        batch = await reader.read(0.5)
        records += batch.records
        await save(pool, batch.moved, batch.positions)
        reader.done(batch)
    await reader.commit()
    await connection.execute("DELETE FROM watermark")
    await save(pool, {}, {(topic, 0): Position(5, fingerprint(records[4]))})
    await reader.rewind()
    assert await values(reader, 5) == numbered(0, 5, 10)


async def test_an_operator_lets_halted_partitions_go_on(
    cluster: Cluster, new_reader: NewReader, group: str, pool: Pool, connection: asyncpg.Connection
) -> None:
    """Both contradict the ledger. One is repaired and resumed, the other is skipped: read as it is."""
    ledger_rows: Any = connection
    topic, ada = await cluster.topic(2), Operator("ada", "another cluster")
    for number in (0, 1):
        await cluster.send(topic, numbered(number, 0, 10), partition=number)
        wrong = Position(10, Fingerprint(9, 1, b"8 bytes."))
        await save(pool, {}, {(topic, number): wrong})
        await cluster.reset(group, TopicPartition(topic, number), 10)
    reader = await new_reader([topic], group, positions=Positions(pool))
    while len(reader.why_halted) < 2:
        reader.done(await reader.read(0.2))

    async def decide(number: int, decision: Decision) -> None:
        async with pool.transaction() as ledger:
            assert "is not the one" in (await halts.decide(ledger, topic, number, decision, ada) or "")
        await reader.go_on()

    await reader.go_on()
    assert [one.partition for one in await halts.listed(ledger_rows) if one.halted_since] == [0, 1]
    await decide(0, Decision.RESUME)
    while TopicPartition(topic, 0) not in reader.why_halted:  # nothing has changed: it halts again
        reader.done(await reader.read(0.2))
    await reader.go_on()
    await connection.execute("DELETE FROM watermark WHERE topic = $1 AND partition = 0", topic)
    await save(pool, {}, {(topic, 0): Position(10, None)})
    await decide(0, Decision.RESUME)
    await decide(1, Decision.SKIP)
    await cluster.send(topic, numbered(0, 10, 12))
    assert set(await values(reader, 12)) == {*numbered(0, 10, 12), *numbered(1, 0, 10)}
    assert reader.why_halted == {}
    assert await connection.fetchval("SELECT count(*) FROM halted") == 0
    noted = [(one.who, one.action) for one in await operators.actions(ledger_rows, 9)]
    assert sorted(noted) == [("ada", "partition resume"), ("ada", "partition resume"), ("ada", "partition skip")]
