"""The fixtures of all tests: a broker and a database server for the run, own topics and a migrated database for each
test.
"""

import asyncio
import itertools
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import asyncpg
import pytest
import xdist.remote
import xdist.scheduler
from aiokafka.admin import AIOKafkaAdminClient

from tests.stack import Servers, execute, servers
from worker.kafka.admin import create_topics
from worker.kafka.topics import Topics
from worker.ledger.setup import set_up
from worker.process.build import build

CARD_KEY = "5ec2e7" * 11
TEMPLATE = "g3n_template"
PARTITIONS = 2
NewDatabase = Callable[[], Awaitable[str]]
_numbers = itertools.count(1)
# The longest files, which begin first, so that no process of `make test` is left alone with one at the end.
LONGEST = (
    "tests/faults/test_campaign.py",
    "tests/examples/test_demo.py",
    "tests/ops/test_handbook.py",
    "tests/faults/test_crash.py",
    "tests/security/test_access.py",
)
# Files whose tests ask for the day of trade run in one process, else each process would live it again.
DAY = (
    "tests/e2e/test_bad_input.py",
    "tests/e2e/test_chance.py",
    "tests/e2e/test_permutations.py",
    "tests/e2e/test_scenarios.py",
    "tests/e2e/test_wire.py",
)


class ByFile(xdist.scheduler.LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A process takes a whole file at a time; the files of `DAY` count as one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return DAY[0] if file in DAY else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: xdist.remote.Producer) -> ByFile:
    return ByFile(config, log)


def pytest_configure() -> None:
    """Stop a process of a run whose modules are not of the build that is to be tested."""
    wanted = os.environ.get("G3N_TEST_BUILD", "interpreted")
    if wanted != build():
        raise pytest.UsageError(f"the worker is {build()}, not {wanted}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(LONGEST)))


def pytest_report_header() -> str:
    return "stack: G3N_TEST_STACK=docker | devstack; else containers where a Docker engine answers"


@pytest.fixture(scope="session")
def stack() -> Iterator[Servers]:
    with servers() as started:
        yield started


@pytest.fixture(scope="session")
def bootstrap(stack: Servers) -> str:
    return stack.bootstrap_servers


@pytest.fixture(scope="session")
def template(stack: Servers) -> str:
    """Name of a migrated database that nobody is connected to."""

    async def create() -> None:
        await execute(stack.dsn, f"CREATE DATABASE {TEMPLATE}")
        await set_up(_in_database(stack.dsn, TEMPLATE))

    asyncio.run(create())
    return TEMPLATE


@pytest.fixture
async def empty_database(stack: Servers) -> AsyncIterator[str]:
    """DSN of a database without any table, dropped after the test."""
    name = f"empty_{next(_numbers)}"
    await execute(stack.dsn, f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
    yield _in_database(stack.dsn, name)
    await execute(stack.dsn, f"DROP DATABASE {name} (FORCE)")


@pytest.fixture
async def new_database(stack: Servers, template: str) -> AsyncIterator[NewDatabase]:
    """Makes a migrated database, dropped after the test, and gives its DSN."""
    names: list[str] = []

    async def make() -> str:
        names.append(f"test_{next(_numbers)}")
        await execute(stack.dsn, f"CREATE DATABASE {names[-1]} TEMPLATE {template} STRATEGY FILE_COPY")
        return _in_database(stack.dsn, names[-1])

    yield make
    for name in names:
        await execute(stack.dsn, f"DROP DATABASE {name} (FORCE)")


@pytest.fixture
async def database(new_database: NewDatabase) -> str:
    """DSN of a migrated database of this test's own."""
    return await new_database()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database)
    yield opened
    await opened.close()


@pytest.fixture
async def topic_prefix(bootstrap: str) -> AsyncIterator[str]:
    """Prefix of this test's topics; what begins with it is deleted after the test."""
    prefix = f"t{next(_numbers)}-{uuid.uuid4().hex[:6]}-"
    yield prefix
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if mine := [topic for topic in await admin.list_topics() if topic.startswith(prefix)]:
            await admin.delete_topics(mine)
    finally:
        await admin.close()


@pytest.fixture
async def topics(bootstrap: str, topic_prefix: str) -> Topics:
    """All topics of the contract under this test's prefix, as `g3n worker setup` makes them."""
    inputs = ("scm.sales", "scm.returns", "scm.tenders", "crm.commands")
    named = Topics(
        inputs=tuple(topic_prefix + name for name in inputs),
        tender_outcomes=topic_prefix + "crm.tender-outcomes",
        outcomes=topic_prefix + "crm.outcomes",
        accepted=topic_prefix + "crm.accepted",
    )
    await create_topics(bootstrap, named, partitions=PARTITIONS, replication=1)
    return named


@pytest.fixture
def environment(bootstrap: str, database: str, topics: Topics, topic_prefix: str) -> dict[str, str]:
    """The settings of a worker on this test's topics and database."""
    assert topics.outcomes.startswith(topic_prefix)
    return {
        "G3N_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "G3N_POSTGRES_DSN": database,
        "G3N_CARD_KEY": CARD_KEY,
        "G3N_TOPIC_PREFIX": topic_prefix,
        "G3N_CONSUMER_GROUP": topic_prefix + "worker",
        "G3N_HTTP_PORT": "0",
        "G3N_API_PORT": "0",
        "G3N_LOG_FORMAT": "json",
        "G3N_ON_FAILURE": "crash",
    }


def _in_database(dsn: str, name: str) -> str:
    return f"{dsn.rpartition('/')[0]}/{name}"
