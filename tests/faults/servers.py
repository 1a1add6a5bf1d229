"""A broker and a Postgres that a fault may hit: killed, frozen, started again on the same port and data."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devstack import kafka, postgres
from devstack.errors import StackError
from devstack.process import Command, Process
from devstack.supervisor import free_ports

READY_WITHIN_S = 60
CACHE = Path(".devstack/cache")


class Server:
    """One server process. Whatever a fault did to it, `stop` ends it."""

    def __init__(self, command: Command, ready: bytes) -> None:
        self._command = command
        self._ready = ready
        self._process: Process | None = None

    def start(self) -> None:
        """Start it and wait until it serves. A server that was killed may need a moment to release what it held.

        Call it from the main thread: the kernel ends a server when the thread that started it ends.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            self._process = Process(self._command)
            try:
                self._process.wait_until_it_says(self._ready, READY_WITHIN_S)
            except StackError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and wait until it is gone."""
        if self._process is not None:
            self._process.tell(how)
            self._process.wait_or_kill(READY_WITHIN_S)
            self._process = None

    def freeze(self) -> None:
        """Stop the process and its children: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            self.thaw()
        self.kill()

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None:
            for pid in [self._process.pid, *_children(self._process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, what)


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@dataclass(frozen=True)
class OwnServers:
    """Where both are, and the processes behind them."""

    broker: Server
    database: Server
    bootstrap_servers: str
    superuser_dsn: str


@contextmanager
def own_servers(folder: Path) -> Iterator[OwnServers]:
    """Start a broker and a Postgres whose data lie in `folder`; end both afterwards."""
    folder.chmod(0o755)  # Postgres runs as somebody else, who has to get through here
    port, kafka_port, controller_port = free_ports(3)
    jars = kafka.jars(CACHE.resolve())
    kafka.configure(folder / "kafka", kafka_port, controller_port, {})
    creations = [postgres.create(folder / "postgres", secrets.token_hex(16)), kafka.create(folder / "kafka", jars)]
    for process in [Process(command) for command in creations]:
        process.finish(READY_WITHIN_S)
    # The real settings of a database that must survive a crash.
    database = Server(postgres.serve(folder / "postgres", port, {}), postgres.READY)
    broker = Server(kafka.serve(folder / "kafka", jars), kafka.READY)
    try:
        database.start()
        broker.start()
        yield OwnServers(broker, database, f"127.0.0.1:{kafka_port}", postgres.dsn(folder / "postgres", port))
    finally:
        broker.stop()
        database.stop()
