"""The Kafka and the Postgres of a test run: containers where a Docker engine answers, else `devstack`.

G3N_TEST_STACK = docker | devstack decides it otherwise. Where neither can be had, the run fails.
"""

import asyncio
import gc
import os
import secrets
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import docker
from docker.errors import DockerException, NotFound
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

import devstack
from devstack import kafka, postgres
from devstack.supervisor import free_ports
from worker.ledger import roles

READY_TIMEOUT_S = 60
OWNER = "g3n-test-owner"
LOGIN = "g3n_test"
# No test cuts the power, so nothing waits for the disk. No test lives long enough to need autovacuum, which would come
# at any moment: it replans statements whose buffers a test counts, and works in databases that a test drops. Data in
# memory save the kernel's work on six hundred files for each database: 20 ms instead of 20 to 300 on a busy disk.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True)
class Servers:
    """Where both are. Nothing under test ever is a superuser: `dsn` logs in as a user who may create databases and
    roles, and whom the ledger's programs leave for a role of their own.
    """

    kind: str
    bootstrap_servers: str
    dsn: str
    superuser_dsn: str


def on_loopback(container: DockerContainer, inside: int, outside: int) -> None:
    """Publish a port to this machine alone; the engine takes an address, which `with_bind_ports` does not."""
    container.ports = {f"{inside}/tcp": ("127.0.0.1", outside)}  # type: ignore[dict-item]


class ApacheKafkaContainer(DockerContainer):
    """A broker from the official image, on one port inside and outside: it knows beforehand what to advertise."""

    def __init__(self, properties: Mapping[str, str], image: str = f"apache/kafka:{kafka.VERSION}") -> None:
        super().__init__(image)
        port = free_ports(1)[0]
        self.bootstrap_servers = f"127.0.0.1:{port}"
        on_loopback(self, port, port)
        listeners = {
            "listeners": f"PLAINTEXT://:{port},CONTROLLER://:9093",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap_servers}",
            "controller.quorum.voters": "1@localhost:9093",
        }
        for name, value in {**properties, **listeners}.items():
            self.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
        self.with_env("KAFKA_HEAP_OPTS", " ".join(kafka.HEAP))

    def wait_until_ready(self) -> None:
        LogMessageWaitStrategy(kafka.READY.decode()).with_startup_timeout(READY_TIMEOUT_S).wait_until_ready(self)


def engine_answers() -> bool:
    with suppress(DockerException):
        docker.from_env(timeout=5).close()
        return True
    with warnings.catch_warnings():  # the client leaves the socket that nobody answered to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return False


@contextmanager
def servers() -> Iterator[Servers]:
    """Start both, and leave nothing behind."""
    kinds = {"docker": containers, "devstack": processes}
    with kinds[os.environ.get("G3N_TEST_STACK") or ("docker" if engine_answers() else "devstack")]() as started:
        kind, bootstrap_servers, dsn = started
        os.environ["G3N_DEVELOPMENT"] = "true"  # programs refuse a server that is QUICK
        yield Servers(kind, bootstrap_servers, asyncio.run(login(dsn)), dsn)


async def login(superuser_dsn: str) -> str:
    """The DSN of a new user who can set up a ledger and take on its roles, and can do nothing else."""
    password = secrets.token_hex(16)
    superuser = await asyncpg.connect(superuser_dsn)
    try:
        await superuser.execute((files(roles) / "create.sql").read_text())
        await superuser.execute(f"CREATE ROLE {LOGIN} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'")
        await superuser.execute(f"GRANT crm_owner TO {LOGIN} WITH ADMIN TRUE")
        await superuser.execute(
            f"GRANT crm_worker, crm_api, crm_ops, crm_audit TO {LOGIN} WITH INHERIT FALSE, ADMIN TRUE"
        )
    finally:
        await superuser.close()
    parts = urlsplit(superuser_dsn)
    return urlunsplit(parts._replace(netloc=f"{LOGIN}:{password}@{parts.hostname}:{parts.port}", path="/postgres"))


async def execute(dsn: str, statement: str) -> None:
    """On a connection of its own, outside a transaction, as CREATE DATABASE wants it."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def processes() -> Iterator[tuple[str, str, str]]:
    with devstack.start(in_memory=True, postgres=QUICK) as stack:
        yield "devstack", stack.bootstrap_servers, stack.dsn


@contextmanager
def containers() -> Iterator[tuple[str, str, str]]:
    # The reaper would be one more image to pull; `remove_abandoned` does its work.
    testcontainers_config.ryuk_disabled = True
    remove_abandoned()
    settings = {"max_connections": postgres.SETTINGS["max_connections"], **QUICK}
    broker = ApacheKafkaContainer(kafka.PROPERTIES)
    password, port = secrets.token_hex(16), free_ports(1)[0]
    database = PostgresContainer(
        os.environ.get("POSTGRES_IMAGE", "postgres:18"), username="crm", password=password, dbname="crm", driver=None
    )
    on_loopback(database, 5432, port)
    database.with_command(["postgres", *(f"--{key}={value}" for key, value in settings.items())])
    with ExitStack() as running:
        for container in broker, database:
            container.with_kwargs(labels={OWNER: str(os.getpid())})
            running.callback(container.get_docker_client().client.close)
            running.callback(container.stop)
            container.start()
        broker.wait_until_ready()
        yield "docker", broker.bootstrap_servers, f"postgresql://crm:{password}@127.0.0.1:{port}/crm"


def remove_abandoned() -> None:
    """Remove the containers of test runs that were killed."""
    client = docker.from_env()
    for container in client.containers.list(all=True, filters={"label": OWNER}):
        try:
            os.kill(int(container.labels[OWNER]), 0)
        except ProcessLookupError:
            with suppress(NotFound):
                container.remove(force=True, v=True)
    client.close()
