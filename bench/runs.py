"""Runs that drain a backlog: documents a second, and the cost of a document.

The stream is in Kafka before the program starts. The table of runs is `TASKS`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench import compiled, meter
from bench.arena import Arena, WrongResult, say
from bench.program import Ended

COMPILED: Final = "worker, compiled"
COPY: Final = "COPY of its rows"
STREAMS: Final = "Kafka Streams"
WAITING: Final = ("returns", "day")
"""Streams of which some documents have more than one outcome: they wait, or change a tender."""


@dataclass(frozen=True)
class Result:
    """A line of the table. Bytes are for a document, seconds of CPU for a million documents."""

    workload: str
    program: str
    processes: int
    documents: int
    wall_s: float
    work_s: float
    documents_per_s: float
    worker_cpu_s_per_million: float
    postgres_cpu_s_per_million: float | None
    kafka_cpu_s_per_million: float | None
    wal_bytes_per_document: float
    table_bytes_per_document: float
    largest_rss_mib: float = 0.0


@dataclass(frozen=True)
class Task:
    """A run. `program` is worker, COMPILED, or a rival: COPY, STREAMS, naive, faststream. `stream` is the name
    of a stream, and of its topics. `at_most`: a limit of documents, for a slow program. `after`: the task whose ledger
    it continues.
    """

    workload: str
    program: str
    stream: str
    processes: int = 1
    at_most: int | None = None
    after: str | None = None


TASKS: Final = {
    "w1": Task("W1", "worker", "w1"),
    "w1_again": Task("W1", "worker", "w1"),
    "compiled": Task("W1", COMPILED, "w1"),
    "processes": Task("W1", "worker", "w1", processes=2),
    "compiled_processes": Task("W1", COMPILED, "w1", processes=2),
    "copy": Task("W1", COPY, "w1", after="w1"),
    "faststream": Task("W1", "faststream", "w1", processes=2),
    "streams": Task("W1", STREAMS, "w1", processes=2),
    "naive": Task("W1", "naive", "w1", at_most=20_000),
    "duplicates": Task("100 % duplicates", "worker", "w1", after="w1"),
    "random": Task("random ids", "worker", "random"),
    "zipf": Task("Zipf", "worker", "zipf"),
    "zipf_processes": Task("Zipf", "worker", "zipf", processes=2),
    "hot_customer": Task("one hot customer", "worker", "hot_customer", at_most=100_000),
    "hot_naive": Task("one hot customer", "naive", "hot_customer", at_most=2_000),
    "hot_card": Task("one hot gift card", "worker", "hot_card", at_most=100_000),
    "returns": Task("40 % returns", "worker", "returns", at_most=200_000),
    "day": Task("mixed day", "worker", "day", at_most=200_000),
    "day_processes": Task("mixed day", "worker", "day", processes=2, at_most=200_000),
}
"""By the name that `--only` takes. Each has a ledger of its own, but for those `after` another."""


class Runs:
    """Runs tasks one after the other, and keeps their results."""

    def __init__(self, arena: Arena, documents: int, customers: int) -> None:
        """`documents`: the number in each stream."""
        self._arena = arena
        self._documents = documents
        self._customers = customers
        self.results: dict[str, Result] = {}

    def measure(self, name: str, task: Task) -> Result:
        """Run the task to its end. Raises ProgramFailed, or WrongResult if it did not do its work."""
        published = min(self._documents, max(self._at_most(task.stream)))
        documents = min(published, task.at_most or published)
        self._arena.backlog(task.stream, published, self._customers)
        say(f"{task.workload}: {task.program}, processes: {task.processes}, documents: {documents:,} …")
        settings = self._arena.ledger(f"bench_{task.after or name}", task.stream, name)
        dsn = settings["G3N_POSTGRES_DSN"]
        booked = asyncio.run(meter.state(dsn))
        before = asyncio.run(meter.read(dsn, self._arena.servers))
        build = compiled.ENVIRONMENT if task.program == COMPILED else {}
        ended = self._arena.run(_command(task, documents), settings | build, name)
        after = asyncio.run(meter.read(dsn, self._arena.servers))
        if task.program != COPY:
            more = task.stream in WAITING or task.program == STREAMS  # whose transactions end with a record each
            outcomes = self._arena.check_published(task.stream, name, documents, more=more)
            say(f"  {outcomes:,} outcomes")
        if task.program in {"worker", COMPILED, "naive"}:  # the others have tables of their own
            _check_ledger(booked, asyncio.run(meter.state(dsn)), 0 if task.after else documents)
        result = _result(task, documents, ended, before, after)
        self.results[name] = result
        say(f"  {result.documents_per_s:,.0f} documents/s")
        return result

    def _at_most(self, stream: str) -> Sequence[int]:
        return [task.at_most or self._documents for task in TASKS.values() if task.stream == stream]


def _command(task: Task, documents: int) -> list[str]:
    processes = ["--processes", str(task.processes)]
    rivals = {
        "naive": ["bench.naive_rival", str(documents)],
        "faststream": ["bench.faststream_rival", str(documents), *processes],
        STREAMS: ["bench.streams_rival", str(documents), *processes],
        COPY: ["bench.copy_rival"],
    }
    return rivals.get(task.program, ["worker", "worker", "drain", *processes])


def _check_ledger(before: meter.State, after: meter.State, documents: int) -> None:
    if after.documents - before.documents != documents or after.imbalances or after.points <= 0:
        raise WrongResult(f"the ledger is not that of {documents} more documents: {before}, {after}")


def _result(task: Task, documents: int, ended: Ended, before: meter.Reading, after: meter.Reading) -> Result:
    def per_million(used_s: float | None, earlier_s: float | None = 0.0) -> float | None:
        return None if used_s is None or earlier_s is None else (used_s - earlier_s) * 1e6 / documents

    return Result(
        workload=task.workload,
        program=task.program,
        processes=task.processes,
        documents=documents,
        wall_s=ended.wall_s,
        work_s=ended.work_s,
        documents_per_s=documents / ended.work_s,
        worker_cpu_s_per_million=ended.cpu_s * 1e6 / documents,
        postgres_cpu_s_per_million=per_million(after.postgres_cpu_s, before.postgres_cpu_s),
        kafka_cpu_s_per_million=per_million(after.kafka_cpu_s, before.kafka_cpu_s),
        wal_bytes_per_document=(after.wal_bytes - before.wal_bytes) / documents,
        table_bytes_per_document=(after.table_bytes - before.table_bytes) / documents,
        largest_rss_mib=ended.rss_mib,
    )
