"""The workloads, one after the other, each on a database of its own that begins with the same customers.

What a worker is to read is in Kafka before it starts. Every worker is a consumer group of its own on the same topics
and publishes to an outcome topic of its own; where its partitions end afterwards tells what it published.
"""

import asyncio
import re
import secrets
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import compiled, latency, meter, program, workload
from bench.latency import Latency
from bench.program import Ended
from bench.workload import Ids
from devstack.plan import Report
from devstack.supervisor import free_ports
from worker.codec import Message
from worker.kafka.publisher import Publisher

COMPILED = "worker, compiled"
SEED_DATABASE = "bench_customers"
_PUBLISH_AT_ONCE = 5000


class WrongResult(Exception):
    """A run did not do the work: its numbers mean nothing."""


@dataclass(frozen=True)
class Result:
    """A line of the table. Bytes and seconds of CPU are a document's, or a million documents'."""

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


@dataclass(frozen=True)
class Task:
    """What to run: `program` is worker, COMPILED, naive or faststream. `database` is made of the customers unless it is
    there.
    """

    workload: str
    program: str
    processes: int
    documents: int
    database: str
    topic: str
    group: str


class Bench:
    """Servers with topics and databases for the runs."""

    def __init__(self, servers: Report, directory: Path, limit_s: float) -> None:
        self._servers = servers
        self._directory = directory
        self._limit_s = limit_s
        self._card_key = secrets.token_hex(32)
        self._databases: set[str] = set()

    def prepare(self, customers: int) -> None:
        """A database with the customers, which the worker has made of their documents. Not measured."""
        self._create(SEED_DATABASE, "template0")
        settings = self.settings(SEED_DATABASE, "customers", "customers")
        self._run(["worker", "worker", "setup"], settings, "setup")
        self._publish(workload.creations("customers.crm.commands", customers), f"{customers:,} customers")
        ended = self._run(["worker", "worker", "drain"], settings, "customers")
        self._check_published("customers", "customers", customers)
        say(f"{customers:,} customers created in {ended.wall_s:.1f} s")

    def publish_sales(self, topic: str, documents: int, customers: int, ids: Ids) -> None:
        """A backlog in the topics whose names begin with `topic`."""
        self._run(["worker", "worker", "setup"], self.settings(SEED_DATABASE, topic, topic), "setup")
        sales = workload.sales(f"{topic}.scm.sales", documents, customers, ids)
        self._publish(sales, f"{documents:,} sales on {topic}.scm.sales")

    def measure(self, task: Task) -> Result:
        """Run the task to its end. Raises ProgramFailed, or WrongResult where it did not do what it should have."""
        say(f"{task.workload}: {task.program}, processes: {task.processes}, documents: {task.documents:,} …")
        settings = self.settings(task.database, task.topic, task.group)
        if task.database not in self._databases:
            self._create(task.database, SEED_DATABASE)
            self._databases.add(task.database)
        self._run(["worker", "worker", "setup"], settings, "setup")
        self._adopt(settings)
        dsn = settings["G3N_POSTGRES_DSN"]
        before = asyncio.run(meter.read(dsn, self._servers))
        drain = ["worker", "worker", "drain", "--processes", str(task.processes)]
        arguments = {
            "worker": drain,
            COMPILED: drain,
            "naive": ["bench.naive_rival", str(task.documents)],
            "faststream": ["bench.faststream_rival", str(task.documents), "--processes", str(task.processes)],
        }
        build = compiled.ENVIRONMENT if task.program == COMPILED else {}
        ended = self._run(arguments[task.program], settings | build, task.group)
        after = asyncio.run(meter.read(dsn, self._servers))
        self._check_published(task.topic, task.group, task.documents)
        if task.program != "faststream":  # which has tables of its own
            _check_ledger(dsn, task.documents)
        result = _result(task, ended, before, after)
        say(f"  {result.documents_per_s:,.0f} documents/s")
        return result

    def latency(self, requests: int) -> list[Latency]:
        """One request after the other, over HTTP and over Kafka, on a ledger and topics of their own."""
        say(f"latency: {requests:,} requests each …")
        settings = self.settings("bench_latency", "latency", "latency")
        self._create("bench_latency", SEED_DATABASE)
        self._run(["worker", "worker", "setup"], settings, "setup")
        self._adopt(settings)
        (port,) = free_ports(1)
        return latency.measure(settings, port, requests, self._directory)

    def _adopt(self, settings: dict[str, str]) -> None:
        """Let this group work on a ledger that another group has filled."""
        self._run(["worker", "worker", "adopt", "settings", "--reason", "measured again"], settings, "setup")

    def settings(self, database: str, topic: str, group: str) -> dict[str, str]:
        return {
            "G3N_KAFKA_BOOTSTRAP_SERVERS": self._servers.bootstrap_servers,
            "G3N_POSTGRES_DSN": urlunsplit(urlsplit(self._servers.dsn)._replace(path=f"/{database}")),
            "G3N_CARD_KEY": self._card_key,
            "G3N_DEVELOPMENT": "true",
            "G3N_ORGCODES": workload.ORGCODE,
            "G3N_TOPIC_PREFIX": f"{topic}.",
            "G3N_TOPIC_OUTCOMES": f"crm.outcomes-{group}",
            "G3N_CONSUMER_GROUP": group,
            "G3N_HTTP_PORT": "0",
            "G3N_LOG_FORMAT": "json",
        }

    def _run(self, arguments: list[str], settings: dict[str, str], name: str) -> Ended:
        return program.run(arguments, settings, self._directory / f"{name}.log", self._limit_s)

    def _create(self, database: str, template: str) -> None:
        async def create() -> None:
            connection = await asyncpg.connect(self._servers.dsn)
            try:
                await connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
            finally:
                await connection.close()

        asyncio.run(create())

    def _publish(self, messages: Iterable[Message], what: str) -> None:
        """All of them, in order, each batch acknowledged before the next."""

        async def publish() -> None:
            rest = iter(messages)
            publisher = Publisher(self._servers.bootstrap_servers)
            try:
                while part := list(islice(rest, _PUBLISH_AT_ONCE)):
                    await publisher.publish(part)
            finally:
                await publisher.stop()

        began = time.monotonic()
        asyncio.run(publish())
        say(f"{what} published in {time.monotonic() - began:.1f} s")

    def _check_published(self, topic: str, group: str, documents: int) -> None:
        """One outcome for each document, and no dead letter."""
        wanted = re.compile(rf"{re.escape(topic)}\.(crm\.outcomes-{re.escape(group)}|.*-dlt)")
        ends = asyncio.run(_ends(self._servers.bootstrap_servers, wanted))
        letters = sum(count for topic, count in ends.items() if topic.endswith("-dlt"))
        outcomes = sum(ends.values()) - letters
        if letters or outcomes != documents:
            raise WrongResult(f"{outcomes} outcomes and {letters} dead letters of {documents} documents")


async def _ends(bootstrap_servers: str, wanted: re.Pattern[str]) -> dict[str, int]:
    """How many records each topic of a wanted name holds."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers)
    await consumer.start()
    try:
        topics = [name for name in await consumer.topics() if wanted.fullmatch(name)]
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - the public one has none yet
        ]
        ends = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return {topic: sum(end for at, end in ends.items() if at.topic == topic) for topic in topics}


def _check_ledger(dsn: str, documents: int) -> None:
    state = asyncio.run(meter.state(dsn))
    if state.sales != documents or state.imbalances or state.points <= 0:
        raise WrongResult(f"the ledger is not that of {documents} sales: {state}")


def _result(task: Task, ended: Ended, before: meter.Reading, after: meter.Reading) -> Result:
    def per_million(used_s: float | None, earlier_s: float | None = 0.0) -> float | None:
        return None if used_s is None or earlier_s is None else (used_s - earlier_s) * 1e6 / task.documents

    return Result(
        workload=task.workload,
        program=task.program,
        processes=task.processes,
        documents=task.documents,
        wall_s=ended.wall_s,
        work_s=ended.work_s,
        documents_per_s=task.documents / ended.work_s,
        worker_cpu_s_per_million=ended.cpu_s * 1e6 / task.documents,
        postgres_cpu_s_per_million=per_million(after.postgres_cpu_s, before.postgres_cpu_s),
        kafka_cpu_s_per_million=per_million(after.kafka_cpu_s, before.kafka_cpu_s),
        wal_bytes_per_document=(after.wal_bytes - before.wal_bytes) / task.documents,
        table_bytes_per_document=(after.table_bytes - before.table_bytes) / task.documents,
    )


def say(line: str) -> None:
    """Progress: on stderr, so that stdout is the result alone."""
    print(line, file=sys.stderr, flush=True)
