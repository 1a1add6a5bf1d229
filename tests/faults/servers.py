"""Brokers and a Postgres that a fault may hit: killed, frozen, started again on the same port and data."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
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
READS_ONLY = b"database system is ready to accept read-only connections"
# Of three brokers, every record is on all, and two must have it.
REPLICATED = {
    "offsets.topic.replication.factor": "3",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "controlled.shutdown.enable": "false",
}


class Server:
    """One server process. Whatever a fault did to it, `stop` ends it."""

    def __init__(self, command: Command, ready: bytes) -> None:
        self._command = command
        self._ready = ready
        self._process: Process | None = None

    def launch(self) -> None:
        """Start it, and don't wait.

        Call it from the main thread: the kernel ends a server when the thread that started it ends.
        """
        self._process = Process(self._command)

    def wait(self, ready: bytes | None = None) -> None:
        """Wait until it says `ready`, or that it serves. A server that was killed may need a moment to release what it
        held: start it again.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                assert self._process is not None
                self._process.wait_until_it_says(ready or self._ready, READY_WITHIN_S)
            except StackError:
                if time.monotonic() > deadline:
                    raise
                self.launch()
            else:
                return

    def start(self, ready: bytes | None = None) -> None:
        self.launch()
        self.wait(ready)

    @property
    def runs(self) -> bool:
        return self._process is not None and not self._process.has_ended()

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and wait until it is gone."""
        if self._process is not None:
            with suppress(ProcessLookupError):
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


class Database(Server):
    """A Postgres cluster and its server, with the real settings of a database that must survive a crash."""

    def __init__(self, directory: Path, port: int) -> None:
        super().__init__(postgres.serve(directory, port, {}), postgres.READY)
        self.directory = directory
        self.port = port

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def backup(self, into: Path, *options: str) -> None:
        """Make a base backup of the running server below `into`, which can be served as a cluster of its own."""
        into.mkdir(mode=0o700)
        shutil.copy(self.directory / "password", into)
        source = postgres.dsn(self.directory, self.port)
        backup = Command(
            "pg_basebackup",
            (
                str(postgres.programs() / "pg_basebackup"),
                "-d",
                source,
                "-D",
                str(into / "data"),
                "-c",
                "fast",
                *options,
            ),
            into.with_suffix(".log"),
            into,
        )
        Process(backup).finish(READY_WITHIN_S)


@dataclass
class OwnServers:
    """The addresses of all servers, and their processes. A failover replaces `database`."""

    folder: Path
    brokers: list[Server]
    database: Database
    bootstrap_servers: str
    spare_port: int  # of a standby, which clients know

    @property
    def broker(self) -> Server:
        return self.brokers[0]

    @property
    def superuser_dsn(self) -> str:
        return postgres.dsn(self.database.directory, self.database.port)

    def both_hosts(self, dsn: str) -> str:
        """Let a DSN of the database name its standby, too."""
        return dsn.replace(f":{self.database.port}/", f":{self.database.port},127.0.0.1:{self.spare_port}/")

    @contextmanager
    def standby(self) -> Iterator[Database]:
        """A streaming standby of the database, for as long as the context is open or until `fail_over`."""
        standby = Database(self.folder / f"postgres-{secrets.token_hex(4)}", self.spare_port)
        self.database.backup(standby.directory, "-R")
        standby.start(READS_ONLY)
        try:
            yield standby
        finally:
            if standby is not self.database:
                standby.stop()
                shutil.rmtree(standby.directory)

    def fail_over(self, standby: Database) -> None:
        """The primary is lost for ever, and the standby takes its place."""
        old = self.database
        old.stop()
        self.database, self.spare_port = standby, old.port
        shutil.rmtree(old.directory)


@contextmanager
def small_disk(directory: Path, spare_mib: int) -> Iterator[Path]:
    """Move a directory onto a file system of its own with this much space left, and back at the end.

    Yields a file there, which a fault fills. Whoever uses the directory must have ended. Needs the right to mount.
    """
    there = directory.with_name(f"{directory.name}-whole")
    used_mib = sum(file.stat().st_blocks for file in directory.rglob("*")) // 2048
    directory.rename(there)
    directory.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={used_mib + spare_mib}m,mode=700", "g3n-faults", directory)
    try:
        _copy(there, directory)
        yield directory / "filler"
        shutil.rmtree(there)
        there.mkdir()
        _copy(directory, there)
    finally:
        _run("umount", "--lazy", directory)
        directory.rmdir()
        there.rename(directory)


def _copy(source: Path, target: Path) -> None:
    """Kafka's indices are holes for the most part: a plain copy would fill the disk."""
    _run("cp", "--archive", "--sparse=always", f"{source}/.", target)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def fill(file: Path) -> None:
    """Write until nothing is left."""
    with suppress(OSError), file.open("wb", buffering=0) as filling:
        while True:
            filling.write(bytes(1 << 16))


@contextmanager
def own_servers(folder: Path, brokers: int = 1) -> Iterator[OwnServers]:
    """Start brokers and a Postgres whose data lie in `folder`; end all of them afterwards."""
    folder.chmod(0o755)  # Postgres runs as somebody else, who has to get through here
    port, spare_port, *kafka_ports = free_ports(2 + 2 * brokers)
    jars = kafka.jars(CACHE.resolve())
    homes = _configure(folder, kafka_ports)
    creations = [postgres.create(folder / "postgres", secrets.token_hex(16))]
    creations += [kafka.create(home, jars) for home in homes]
    for process in [Process(command) for command in creations]:
        process.finish(READY_WITHIN_S)
    addresses = ",".join(f"127.0.0.1:{at}" for at in kafka_ports[:brokers])
    made = [Server(kafka.serve(home, jars), kafka.READY) for home in homes]
    own = OwnServers(folder, made, Database(folder / "postgres", port), addresses, spare_port)
    try:
        for server in [*made, own.database]:
            server.launch()
        for server in [*made, own.database]:
            server.wait()
        yield own
    finally:
        for server in [*own.brokers, own.database]:
            server.stop()


def _configure(folder: Path, ports: list[int]) -> list[Path]:
    """Write the settings of the brokers, each also a controller. Half of the ports are the controllers'."""
    count = len(ports) // 2
    voters = ",".join(f"{number + 1}@127.0.0.1:{ports[count + number]}" for number in range(count))
    homes = [folder / f"kafka-{number + 1}" for number in range(count)]
    for number, home in enumerate(homes):
        replicated = REPLICATED if count > 1 else {}
        own = {"node.id": str(number + 1), "controller.quorum.voters": voters, **replicated}
        kafka.configure(home, ports[number], ports[count + number], own)
    return homes
