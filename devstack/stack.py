"""Start a stack, find a running one, stop one."""

import atexit
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack.errors import StackError
from devstack.kafka import VERSION, jar_directory
from devstack.plan import Plan, Report

HOME = Path(".devstack")
DEFAULT = HOME / "stack"
MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, where there is one; names below it are random
LEAST_MEMORY_BYTES = 4 << 30
PREFIX = "g3n-run-"  # of a directory that is deleted with its stack
STOP_TIMEOUT_S = 40
ABANDONED_AFTER_S = 60


class Stack:
    """A Kafka and a Postgres on the loopback, until `stop` or until this process ends."""

    def __init__(self, report: Report, supervisor: subprocess.Popen[str]) -> None:
        self.bootstrap_servers = report.bootstrap_servers
        """host:port"""
        self.dsn = report.dsn
        """postgresql://…, a superuser"""
        self.report = report
        self._supervisor = supervisor
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop both servers and wait for them to end. Doing it again does nothing."""
        atexit.unregister(self.stop)
        self._supervisor.communicate(timeout=STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(
    directory: Path | None = None,
    *,
    in_memory: bool = False,
    postgres: Mapping[str, str] | None = None,
    kafka: Mapping[str, str] | None = None,
) -> Stack:
    """Start a stack that ends with this process.

    Its data stay in `directory`; without one they are deleted. With `in_memory` they need no disk, if there is room.
    `postgres` and `kafka` are settings of the servers that override the defaults. Raises StackError if something is
    missing on this machine.
    """
    if directory is None:
        HOME.mkdir(exist_ok=True)
        remove_abandoned()
        home = MEMORY if in_memory and has_room(MEMORY) else HOME
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
        # Postgres may have to run as somebody else, who has to get through here.
        made.chmod(0o755)
    supervisor = launch(directory or made, attached=True, throwaway=not directory, postgres=postgres, kafka=kafka)
    return Stack(answer(supervisor), supervisor)


def up(directory: Path = DEFAULT) -> Report:
    """Start the stack of `directory`, to run until `down`. Return the running one if there is one."""
    if (report := find(directory)) is None:
        supervisor = launch(directory, attached=False, throwaway=False)
        report = answer(supervisor)
        # It goes on without this process: not an abandoned child, so no warning about one.
        supervisor.returncode = 0
    return report


def find(directory: Path = DEFAULT) -> Report | None:
    """Return the stack that runs in `directory`, or None."""
    state = directory / "state.json"
    if not is_held(directory) or not state.exists():
        return None
    return Report(**json.loads(state.read_text(encoding="ascii")))


def down(directory: Path = DEFAULT) -> bool:
    """Stop the stack of `directory` and wait for its processes to end. Return False if none runs."""
    report = find(directory)
    if report is None:
        return False
    os.kill(report.supervisor_pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while is_held(directory):
        if time.monotonic() > deadline:
            message = f"the stack in {directory} has not ended in {STOP_TIMEOUT_S} s (process {report.supervisor_pid})"
            raise StackError(message)
        time.sleep(0.05)
    return True


def is_held(directory: Path) -> bool:
    """Return whether a supervisor has `directory`: it holds a lock as long as it lives."""
    try:
        with (directory / "lock").open(encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def launch(
    directory: Path,
    *,
    attached: bool,
    throwaway: bool,
    postgres: Mapping[str, str] | None = None,
    kafka: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Run a supervisor in its own session, where this terminal's Ctrl-C does not reach the servers."""
    directory.mkdir(parents=True, exist_ok=True)
    cache = HOME / "cache"
    if not jar_directory(cache).exists():  # stdout is for a shell to evaluate
        print(f"Maven fetches Kafka {VERSION}, once: half a minute", file=sys.stderr)
    plan = Plan(
        directory=str(directory.resolve()),
        cache=str(cache.resolve()),
        attached=attached,
        throwaway=throwaway,
        postgres=dict(postgres or {}),
        kafka=dict(kafka or {}),
    )
    with (directory / "supervisor.log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "devstack.supervisor", json.dumps(asdict(plan))],
            stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if attached else log,
            start_new_session=True,
            text=True,
        )


def answer(supervisor: subprocess.Popen[str]) -> Report:
    """Return the supervisor's report once both servers are ready. Raises StackError with its reason if they are not."""
    try:
        line = supervisor.stdout.readline() if supervisor.stdout else ""
    except BaseException:  # Ctrl-C while the servers start: they go with the one who asked for them
        supervisor.terminate()
        supervisor.communicate(timeout=STOP_TIMEOUT_S)
        raise
    report = json.loads(line) if line else {"error": "the supervisor ended without a word"}
    if "error" in report:
        supervisor.communicate(timeout=STOP_TIMEOUT_S)
        raise StackError(report["error"])
    return Report(**report)


def has_room(memory: Path) -> bool:
    """Return whether this file system in memory can hold the data of a few thousand tests."""
    try:
        return shutil.disk_usage(memory).free >= LEAST_MEMORY_BYTES
    except OSError:
        return False


def remove_abandoned() -> None:
    """Remove throwaway stacks whose supervisor was killed. A young directory may be about to be used, and stays."""
    for directory in [*HOME.glob(f"{PREFIX}*"), *MEMORY.glob(f"{PREFIX}*")]:
        if time.time() - directory.stat().st_mtime > ABANDONED_AFTER_S and not is_held(directory):
            shutil.rmtree(directory, ignore_errors=True)
