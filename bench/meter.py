"""Counters of the servers: bytes in the database, bytes of WAL, seconds of CPU."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from devstack.plan import Report

_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
# A row without a digest stands for a document that has not come.
_STATE = """
SELECT (SELECT count(*) FROM event WHERE digest IS NOT NULL) AS documents,
       (SELECT count(*) FROM imbalance) AS imbalances,
       (SELECT coalesce(sum(balance), 0) FROM account)::bigint AS points
"""


@dataclass(frozen=True)
class Reading:
    """Bytes and seconds so far. CPU is None on a system without /proc."""

    wal_bytes: int
    table_bytes: int
    postgres_cpu_s: float | None
    kafka_cpu_s: float | None


@dataclass(frozen=True)
class State:
    """A ledger: its documents, the accounts whose balance differs from the sum of their entries, the sum of all
    balances.
    """

    documents: int
    imbalances: int
    points: int


async def read(dsn: str, servers: Report) -> Reading:
    """Read the counters. Tables are those of the database `dsn`; WAL and CPU are of the whole server."""
    connection = await asyncpg.connect(dsn)
    try:
        wal_bytes, table_bytes = await connection.fetchval(_WAL), await connection.fetchval(_SIZE)
    finally:
        await connection.close()
    return Reading(wal_bytes, table_bytes, cpu_s(servers.postgres_pid), cpu_s(servers.kafka_pid))


async def state(dsn: str) -> State:
    connection = await asyncpg.connect(dsn)
    try:
        [row] = await connection.fetch(_STATE)
        return State(*row)
    finally:
        await connection.close()


def rss_mib(pid: int) -> float:
    """Return the memory of the process, or of a child that has more. 0 on a system without /proc."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0.0
    return max([pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), *map(rss_mib, map(int, children))])


def cpu_s(pid: int) -> float | None:
    """Return the seconds of CPU of a process, its living children, and the children that it has waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return None
    total = sum(map(int, stat[11:15])) / os.sysconf("SC_CLK_TCK")
    for child in children:
        with suppress(TypeError):  # it has ended meanwhile
            total += cpu_s(int(child)) or 0.0
    return total


@dataclass(frozen=True)
class Held:
    """The memory, open files and connections of a process now."""

    rss_mib: float
    files: int


def held(pid: int) -> Held:
    """Return the figures of a running process. The system must have /proc."""
    return Held(rss_mib(pid), sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
