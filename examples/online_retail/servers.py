"""A Kafka and a Postgres for the demo: from `devstack`, or from `docker-compose.yml`."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import devstack
from devstack import stack
from devstack.kafka import VERSION

_FILE = Path(__file__).parents[2] / "docker-compose.yml"
_COMPOSE = ("docker", "compose", "--file", str(_FILE), "--project-name", "g3n-demo")


class ServersError(Exception):
    """Kafka and Postgres can't be started. The message says what to do."""


@dataclass(slots=True, frozen=True)
class Servers:
    """The addresses and the kind of the servers, and the command that stops them later (None: they stop with the demo).

    `shared`: they ran before the demo, and others may use them.
    """

    bootstrap_servers: str
    dsn: str
    what: str
    stop: str | None
    shared: bool = False


@contextmanager
def serve(wish: str, say: Callable[[str], None], *, keep: bool) -> Iterator[Servers]:
    """Yield a Kafka and a Postgres while the context is open, or longer with `keep`.

    `wish` is `docker` or `devstack`. Without a Docker engine, `docker` means devstack, too. Raises ServersError.
    """
    if wish == "docker":
        if _engine_answers():
            with _compose(keep=keep) as servers:
                yield servers
            return
        say("no Docker engine answers: using devstack")
    with _devstack(keep=keep) as servers:
        yield servers


@contextmanager
def _devstack(*, keep: bool) -> Iterator[Servers]:
    what = f"Kafka {VERSION} and Postgres 18 on this machine"
    running = stack.find()
    try:
        if running or keep:
            report = stack.up()
            yield Servers(report.bootstrap_servers, report.dsn, what, "make down", shared=running is not None)
        else:
            with devstack.start() as started:
                yield Servers(started.bootstrap_servers, started.dsn, what, None)
    except devstack.StackError as error:
        raise ServersError(str(error)) from error


@contextmanager
def _compose(*, keep: bool) -> Iterator[Servers]:
    kafka_port, postgres_port = _free_port(), _free_port()
    password = "demo"  # noqa: S105 - published on loopback, thrown away with the containers
    environment = {
        **os.environ,
        "KAFKA_HOST_PORT": str(kafka_port),
        "POSTGRES_HOST_PORT": str(postgres_port),
        "POSTGRES_PASSWORD": password,
    }
    try:
        _docker(["up", "--detach", "--wait", "kafka", "postgres"], environment)
        yield Servers(
            f"127.0.0.1:{kafka_port}",
            f"postgresql://crm:{password}@127.0.0.1:{postgres_port}/crm",
            "Kafka and Postgres in Docker",
            f"{' '.join(_COMPOSE)} down --volumes" if keep else None,
        )
    finally:
        if not keep:
            _docker(["down", "--volumes"], environment)


def _docker(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*_COMPOSE, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ServersError(f"docker compose {arguments[0]} failed: {last}")


def _engine_answers() -> bool:
    if not shutil.which("docker"):
        return False
    asked = subprocess.run(["docker", "info"], stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S607 - whichever docker the user has
    return asked.returncode == 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
