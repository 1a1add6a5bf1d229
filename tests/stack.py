"""The Kafka and the Postgres of a test run: containers where a Docker engine answers, else `devstack`.

G3N_TEST_STACK = docker | devstack decides it otherwise. Where neither can be had, the run fails.
"""

import gc
import os
import secrets
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import docker
from docker.errors import DockerException, NotFound
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

import devstack
from devstack import kafka, postgres
from devstack.supervisor import free_ports

READY_TIMEOUT_S = 60
OWNER = "g3n-test-owner"
# No test cuts the power, so nothing waits for the disk.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Servers:
    """Where both are; `dsn` is a superuser's."""

    kind: str
    bootstrap_servers: str
    dsn: str


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
        yield started


@contextmanager
def processes() -> Iterator[Servers]:
    with devstack.start(postgres=QUICK) as stack:
        yield Servers("devstack", stack.bootstrap_servers, stack.dsn)


@contextmanager
def containers() -> Iterator[Servers]:
    # The reaper would be one more image to pull; `remove_abandoned` does its work.
    testcontainers_config.ryuk_disabled = True
    remove_abandoned()
    settings = {"max_connections": postgres.SETTINGS["max_connections"], **QUICK}
    broker = ApacheKafkaContainer(kafka.PROPERTIES)
    password, port = secrets.token_hex(16), free_ports(1)[0]
    database = PostgresContainer("postgres:18", username="crm", password=password, dbname="crm", driver=None)
    on_loopback(database, 5432, port)
    database.with_command(["postgres", *(f"--{key}={value}" for key, value in settings.items())])
    with ExitStack() as running:
        for container in broker, database:
            container.with_kwargs(labels={OWNER: str(os.getpid())})
            running.callback(container.get_docker_client().client.close)
            running.callback(container.stop)
            container.start()
        broker.wait_until_ready()
        yield Servers("docker", broker.bootstrap_servers, f"postgresql://crm:{password}@127.0.0.1:{port}/crm")


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
