"""A place of one's own on the shared servers: a database, topics under a prefix, and the settings of a worker there."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from tests.ops import commands
from tests.stack import Servers, execute

CARD_KEY = "0f" * 32
PARTITIONS = 2
INPUTS = ("scm.sales", "scm.returns", "scm.tenders", "crm.commands")
OUTPUTS = ("crm.tender-outcomes", "crm.outcomes")


@dataclass(frozen=True)
class Place:
    """`environment` is what a worker is started with, `log` the file that all workers of the place write."""

    bootstrap: str
    prefix: str
    dsn: str
    environment: Mapping[str, str]
    log: Path

    @property
    def inputs(self) -> list[str]:
        return [self.prefix + name for name in INPUTS]

    @property
    def outputs(self) -> list[str]:
        """Topics of outcomes, then of dead letters."""
        return [*(self.prefix + name for name in OUTPUTS), *(name + "-dlt" for name in self.inputs)]

    def drain(self, **settings: str) -> int:
        """Exit status of `g3n worker drain` here, 137 if it died."""
        return _worker({**self.environment, **settings}, self.log, "drain")


def _worker(environment: Mapping[str, str], log: Path, *words: str) -> int:
    """Run `g3n worker <words>` as a fork of a process that has imported it. Several at once would wait for each other:
    `process.run` starts one of its own.
    """
    done = commands.run({**os.environ, **environment}, "worker", *words)
    with log.open("a") as end:
        end.write(done.out + done.err)
    assert done.code is not None
    return done.code


@contextmanager
def place(stack: Servers, folder: Path, **settings: str) -> Iterator[Place]:
    """Set up by `g3n worker setup`, and gone afterwards."""
    name = f"e2e_{uuid.uuid4().hex[:8]}"
    dsn = f"{stack.dsn.rpartition('/')[0]}/{name}"
    asyncio.run(execute(stack.dsn, f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY"))
    environment = {
        "G3N_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "G3N_POSTGRES_DSN": dsn,
        "G3N_CARD_KEY": CARD_KEY,
        "G3N_TOPIC_PREFIX": f"{name}-",
        "G3N_CONSUMER_GROUP": f"{name}-worker",
        "G3N_PARTITIONS": str(PARTITIONS),
        "G3N_HTTP_PORT": "0",
        "G3N_LOG_FORMAT": "json",
        "G3N_ON_FAILURE": "crash",
        **settings,
    }
    made = Place(stack.bootstrap_servers, f"{name}-", dsn, environment, folder / f"{name}.log")
    try:
        assert _worker(environment, made.log, "setup") == 0, made.log.read_text()[-4000:]
        yield made
    finally:
        asyncio.run(_remove_topics(made))
        asyncio.run(execute(stack.dsn, f"DROP DATABASE {name} (FORCE)"))


async def _remove_topics(made: Place) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=made.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.startswith(made.prefix)])
    finally:
        await admin.close()
