"""Servers with the topics and databases of the runs. Every database begins with the same customers and gift cards.

Every worker has its own consumer group and its own outcome topics. The ends of their partitions show how many outcomes
it published.
"""

import asyncio
import re
import secrets
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import program, workload
from bench.program import Ended
from bench.shop import ORGCODE
from devstack.plan import Report
from worker.codec import Message
from worker.kafka.publisher import Publisher

SEED_DATABASE = "bench_customers"
_PUBLISH_AT_ONCE = 5000

Settings = dict[str, str]


class WrongResult(Exception):
    """A run did not do its work, so its numbers mean nothing."""


class Arena:
    """The things that runs share: servers, a directory for logs, a card key."""

    def __init__(self, servers: Report, directory: Path, limit_s: float) -> None:
        self.servers = servers
        self.directory = directory
        self._limit_s = limit_s
        self._card_key = secrets.token_hex(32)
        self._databases: set[str] = set()
        self._published: set[str] = set()

    def prepare(self, customers: int) -> None:
        """Make a database with customers and gift cards by letting the worker decide their documents. This is not
        measured.
        """
        self._create(SEED_DATABASE, "template0")
        settings = self.settings(SEED_DATABASE, "customers", "customers")
        self.set_up(settings)
        self.publish(workload.population("customers.", customers), f"{customers:,} customers")
        ended = self.run(["worker", "worker", "drain"], settings, "customers")
        self.check_published("customers", "customers", customers + workload.CARDS)
        say(f"{customers:,} customers created in {ended.wall_s:.1f} s")

    def ledger(self, database: str, topic: str, group: str, **more: str) -> Settings:
        """Make a ledger with customers, unless it exists, and topics. Return the settings of a worker on them."""
        settings = self.settings(database, topic, group) | more
        if database not in self._databases:
            self._create(database, SEED_DATABASE)
            self._databases.add(database)
        self.set_up(settings)
        # another group has made its customers
        self.run(["worker", "worker", "adopt", "settings", "--reason", "measured again"], settings, "setup")
        return settings

    def set_up(self, settings: Settings) -> None:
        self.run(["worker", "worker", "setup"], settings, "setup")

    def backlog(self, topic: str, documents: int, customers: int) -> None:
        """Publish the stream with this name, once."""
        if topic in self._published:
            return
        self._published.add(topic)
        self.set_up(self.settings(SEED_DATABASE, topic, topic))
        self.publish(workload.STREAMS[topic](f"{topic}.", documents, customers), f"{documents:,} documents of {topic}")

    def settings(self, database: str, topic: str, group: str) -> Settings:
        return {
            "G3N_KAFKA_BOOTSTRAP_SERVERS": self.servers.bootstrap_servers,
            "G3N_POSTGRES_DSN": urlunsplit(urlsplit(self.servers.dsn)._replace(path=f"/{database}")),
            "G3N_CARD_KEY": self._card_key,
            "G3N_DEVELOPMENT": "true",
            "G3N_ORGCODES": ORGCODE,
            "G3N_TOPIC_PREFIX": f"{topic}.",
            "G3N_TOPIC_OUTCOMES": f"crm.outcomes-{group}",
            "G3N_TOPIC_TENDER_OUTCOMES": f"crm.tender-outcomes-{group}",
            "G3N_CONSUMER_GROUP": group,
            "G3N_HTTP_PORT": "0",
            "G3N_LOG_FORMAT": "json",
        }

    def run(self, arguments: Sequence[str], settings: Settings, name: str) -> Ended:
        """Run `python -m …` to its end. Raises ProgramFailed."""
        return program.run(arguments, settings, self.directory / f"{name}.log", self._limit_s)

    def _create(self, database: str, template: str) -> None:
        async def create() -> None:
            connection = await asyncpg.connect(self.servers.dsn)
            try:
                await connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
            finally:
                await connection.close()

        asyncio.run(create())

    def publish(self, messages: Iterable[Message], what: str) -> None:
        """Publish all documents in order. Kafka acknowledges each batch before the next one is sent."""
        began = time.monotonic()
        asyncio.run(published(self.servers.bootstrap_servers, messages))
        say(f"{what} published in {time.monotonic() - began:.1f} s")

    def check_published(self, topic: str, group: str, documents: int, *, more: bool = False) -> int:
        """Return how many outcomes there are: one for each document, or more of those that waited. No dead letter.

        Raises WrongResult.
        """
        name = re.escape(group)
        wanted = re.compile(rf"{re.escape(topic)}\.(crm\.(tender-)?outcomes-{name}|.*-dlt)")
        counts = asyncio.run(_counts(self.servers.bootstrap_servers, wanted))
        letters = sum(count for topic, count in counts.items() if topic.endswith("-dlt"))
        outcomes = sum(counts.values()) - letters
        if letters or outcomes < documents or (outcomes > documents and not more):
            raise WrongResult(f"{outcomes} outcomes and {letters} dead letters of {documents} documents")
        return outcomes


async def published(bootstrap_servers: str, messages: Iterable[Message]) -> None:
    """Publish in order. Kafka acknowledges each batch before the next one is sent."""
    rest = iter(messages)
    publisher = Publisher(bootstrap_servers)
    try:
        while part := list(islice(rest, _PUBLISH_AT_ONCE)):
            await publisher.publish(part)
    finally:
        await publisher.stop()


async def _counts(bootstrap_servers: str, wanted: re.Pattern[str]) -> dict[str, int]:
    """Return the number of records in each of these topics."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers)
    await consumer.start()
    try:
        topics = [name for name in await consumer.topics() if wanted.fullmatch(name)]
        partitions = [at for topic in topics for at in await partitions_of(consumer, topic)]
        ends = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return {topic: sum(end for at, end in ends.items() if at.topic == topic) for topic in topics}


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return all partitions of a topic, even if it is new."""
    numbers = await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - the public one has none yet
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def say(line: str) -> None:
    """Print progress to stderr, so that stdout has the result alone."""
    print(line, file=sys.stderr, flush=True)
