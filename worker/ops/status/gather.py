"""Ask the broker and the ledger for the state of the system. If one is down, the snapshot says so, and has the rest."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import asyncpg
from aiokafka.errors import KafkaError

from schemas.reasons import DeadLetterReason
from worker.kafka import topics
from worker.kafka.ends import Bounds
from worker.kafka.group import Group, worker_of
from worker.kafka.originals import Originals, originals
from worker.kafka.security import security
from worker.kafka.topics import Topics
from worker.ledger import deadlines, halts, inbox, operations, retried, unpublished
from worker.ledger.inbox import Open
from worker.ledger.pool import Pool
from worker.ledger.positions import Positions
from worker.ledger.queries import SQL, Connection
from worker.ledger.retried import Retried
from worker.ledger.roles import Role
from worker.ops.status.snapshot import OperationNow, PartitionNow, Snapshot
from worker.positions import Partition, Position, fingerprint
from worker.process import errors
from worker.process.settings import Settings

_ANSWER_S: Final = 30.0
_PAUSE_S: Final = 0.25
_MINUTE_S: Final = 60.0
_T = TypeVar("_T")
_STATIC: Final = "g3n"  # client id of static members, of which a worker has two


@dataclass(slots=True)
class _Broker:
    """Kafka's answers."""

    error: str = ""
    missing: tuple[str, ...] = ()
    group: str = "Stable"
    members: list[str] = field(default_factory=list)  # client ids
    bounds: Mapping[Partition, Bounds] = field(default_factory=dict)
    committed: Mapping[Partition, int] = field(default_factory=dict)
    retention_ms: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[tuple[str, int, int], Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Ledger:
    """Postgres's answers."""

    error: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    letters: list[Open] = field(default_factory=list)
    positions: Mapping[Partition, Position | None] = field(default_factory=dict)
    gone: Collection[int] = ()
    halted: Mapping[Partition, str] = field(default_factory=dict)  # why
    retried: tuple[Retried, ...] | None = None


async def gather(settings: Settings) -> Snapshot:
    """Take a snapshot. Raises no error if Kafka or Postgres is down."""
    names = topics.from_settings(settings)
    broker, ledger = _Broker(), _Ledger()
    try:
        pool = await Pool.of_interface(settings.dsn, 1, Role.OPS)
    except Exception as error:  # noqa: BLE001  whatever it is, it can't be asked
        ledger.error = _why(error)
        await _ask_kafka(settings, names, broker, ledger, None)
    else:
        try:
            await _ask_kafka(settings, names, broker, ledger, pool)
            await _guarded(ledger, _ask_ledger(pool, ledger, broker))
        finally:
            await pool.close()
    return _snapshot(settings, broker, ledger)


def _why(error: Exception) -> str:
    if isinstance(error, asyncpg.UndefinedTableError):
        return "it lacks a table of this version: run g3n worker setup"
    return errors.describe(error)


async def _guarded(part: _Broker | _Ledger, work: Any) -> None:  # noqa: ANN401  a coroutine
    try:
        async with asyncio.timeout(_ANSWER_S):
            await work
    except TimeoutError:
        part.error = f"no answer within {_ANSWER_S:g} s"
    except Exception as error:  # noqa: BLE001  as above
        part.error = _why(error)


async def _ask_kafka(settings: Settings, names: Topics, broker: _Broker, ledger: _Ledger, pool: Pool | None) -> None:
    async def asked() -> None:
        secured, servers = security(settings), settings.kafka_bootstrap_servers
        async with (
            originals(servers, security=secured) as kafka,
            Group.opened(servers, settings.consumer_group, secured) as group,
        ):
            broker.bounds = await kafka.ends.of(names.inputs)
            broker.missing = await group.missing((*names.inputs, *names.outputs))
            broker.retention_ms = await group.retention_ms(names.inputs)
            broker.group, broker.members = await _patiently(group.described)
            broker.committed = await _patiently(group.committed)
            if pool is not None:
                await _guarded(ledger, _read_positions(pool, ledger, broker))
            broker.records = await _records(kafka, broker, ledger)

    await _guarded(broker, asked())


async def _patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask until the group has a coordinator: it may move, and a new broker creates it on the first request."""
    while True:
        try:
            return await ask()
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(_PAUSE_S)


async def _read_positions(pool: Pool, ledger: _Ledger, broker: _Broker) -> None:
    ledger.positions = await Positions(pool).read(list(broker.bounds))


async def _records(kafka: Originals, broker: _Broker, ledger: _Ledger) -> Mapping[tuple[str, int, int], Any]:
    """Return the last record that the ledger read of each partition, and the next one."""
    wanted: list[tuple[str, int, int]] = []
    for at in broker.bounds:
        position = ledger.positions.get(at)
        if position is not None and position.last is not None:
            wanted.append((*at, position.last.offset))
        wanted.append((*at, _next(at, broker, ledger)))
    return await kafka.read(wanted)


def _next(at: Partition, broker: _Broker, ledger: _Ledger) -> int:
    """Return the ledger's next offset, or else the group's, or else the beginning."""
    position = ledger.positions.get(at)
    return broker.committed.get(at, broker.bounds[at].begin) if position is None else position.next_offset


async def _ask_ledger(pool: Pool, ledger: _Ledger, broker: _Broker) -> None:
    async with pool.transaction() as connection:
        ledger.answers = await _counts(connection)
        ledger.letters = await inbox.counts(connection)
        ledger.answers["operations"] = await _operations(connection)
        ledger.retried = tuple(await retried.read(connection))
        ledger.halted = {
            (one.topic, one.partition): one.why for one in await halts.listed(connection) if one.halted_since
        }
    workers = {number for name in broker.members if (number := worker_of(name)) is not None}
    ledger.gone = await pool.gone(workers, _ANSWER_S) if workers else ()


async def _counts(connection: Connection) -> dict[str, Any]:
    (rate,) = await connection.fetch(SQL["read_rate"])
    waiting = await unpublished.count(connection)
    left = await deadlines.left(connection, time.time_ns() // 1000)
    took = None if rate["median_s"] is None else (float(rate["median_s"]), float(rate["p99_s"]))
    return {
        "rate_per_s": rate["documents"] / _MINUTE_S,
        "published_s": took,
        "unpublished": waiting.unpublished,
        "parked": waiting.parked,
        "ready": waiting.ready,
        "overdue": left.deadlines,
    }


async def _operations(connection: Connection) -> tuple[OperationNow, ...]:
    return tuple(
        OperationNow(one.id, one.kind, one.shown_state, one.done, one.planned, one.eta_s)
        for one in await operations.listed(connection, only_open=True)
    )


def _snapshot(settings: Settings, broker: _Broker, ledger: _Ledger) -> Snapshot:
    now = datetime.now(UTC)
    counts = dict.fromkeys((reason.value for reason in DeadLetterReason), 0)
    for one in ledger.letters:
        counts[one.reason] = counts.get(one.reason, 0) + one.letters
    ends = [one.oldest_ms + kept for one in ledger.letters if (kept := broker.retention_ms.get(one.topic, -1)) >= 0]
    workers = None if broker.error else _workers(broker, ledger)
    return Snapshot(
        now, settings.topic_prefix + settings.topic_tenders, broker.error, ledger.error, broker.missing,
        broker.group, workers,
        tuple(_partition(at, broker, ledger, now.timestamp()) for at in sorted(broker.bounds)),
        dead_letters={} if ledger.error else counts,
        # Without a worker nobody counts: no row is no zero.
        retried=ledger.retried if workers else ledger.retried or None,
        kept_s=max(0.0, min(ends) / 1000 - now.timestamp()) if ends else None, **ledger.answers,
    )  # fmt: skip


def _workers(broker: _Broker, ledger: _Ledger) -> int:
    dynamic = {number for name in broker.members if (number := worker_of(name)) is not None}
    static = sum(name == _STATIC for name in broker.members)
    return len(dynamic - set(ledger.gone)) + (static + 1) // 2


def _partition(at: Partition, broker: _Broker, ledger: _Ledger, now_s: float) -> PartitionNow:
    begin, end = broker.bounds[at]
    position = ledger.positions.get(at)
    if ledger.error and at not in broker.committed:
        return PartitionNow(*at, None, None)
    next_offset = _next(at, broker, ledger)
    lost = max(0, begin - next_offset)
    halted = ""
    if next_offset > end:
        halted = f"the ledger has read up to offset {next_offset:,}, and the topic ends at {end:,}"
    elif lost:
        halted = f"documents are gone: the next is offset {next_offset:,}, and the topic begins at {begin:,}"
    elif position is not None and position.last is not None:
        last = broker.records.get((*at, position.last.offset))
        if last is not None and fingerprint(last) != position.last:
            halted = f"record {last.offset:,} is not the one that the ledger read last"
    lag = max(0, end - max(next_offset, begin))
    waiting = broker.records.get((*at, next_offset))
    age_s = 0.0 if lag == 0 else None if waiting is None else max(0.0, now_s - waiting.timestamp / 1000)
    # A worker may have halted it for a reason that the topic does not show.
    return PartitionNow(*at, None if halted and not lost else lag, age_s, lost, halted or ledger.halted.get(at, ""))
