"""Run a worker or a rival as its own program to its end, and measure its cost."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench import meter

_START_S = 60
_STOP_S = 60
_LOOK_EVERY_S = 0.02
_LAST_LINES = 12


class ProgramFailed(Exception):
    """A program ended with an exit status other than 0, or took too long. The message has the end of its log."""


@dataclass(frozen=True)
class Ended:
    """`wall_s`: from start to exit. `work_s`: from the assignment of partitions to exit. `cpu_s`: of the program and
    all processes that it started. `rss_mib`: the most memory of any of them.
    """

    wall_s: float
    work_s: float
    cpu_s: float
    rss_mib: float


def run(arguments: Sequence[str], settings: Mapping[str, str], log: Path, limit_s: float) -> Ended:
    """Run `python -m …` to its end. Raises ProgramFailed."""
    began = time.time()
    process = _start(arguments, settings, log)
    try:
        cpu_s, rss_mib = _wait(process, began + limit_s)
    except BaseException:
        _stop(process)
        raise
    ended = time.time()
    if process.returncode:
        raise ProgramFailed(f"{' '.join(arguments)} left with {process.returncode}; {end_of(log)}")
    return Ended(ended - began, ended - (_assigned_at(log) or began), cpu_s, rss_mib)


class Program:
    """`python -m …`, running until it is stopped or killed."""

    def __init__(self, arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self._name = " ".join(arguments)
        self._log = log
        self._process = _start(arguments, settings, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    def says(self, event: str) -> None:
        """Return when the log has the event. Raises ProgramFailed if the program ends before, or takes too long."""
        deadline = time.time() + _START_S
        while f'"event": "{event}"' not in self._log.read_text(errors="replace"):
            if self._process.poll() is not None or time.time() > deadline:
                raise ProgramFailed(f"{self._name} did not get {event}; {end_of(self._log)}")
            time.sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        _stop(self._process)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def running(arguments: Sequence[str], settings: Mapping[str, str], log: Path, event: str) -> Iterator[Program]:
    """Run `python -m …`. The context begins when its log says `event`. Raises ProgramFailed."""
    program = Program(arguments, settings, log)
    try:
        program.says(event)
        yield program
    finally:
        program.stop()


def _start(arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    # Like an installed program, ours and the rivals have their bytecode: compiling the sources would take 0.9 s of each
    # start.
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in ours.items() if not name.startswith("G3N_")} | dict(settings)
    log.write_bytes(b"")
    with log.open("ab") as output:
        # Not in this terminal's process group: Ctrl-C reaches the bench, and the bench stops the program.
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, start_new_session=True,
        )  # fmt: skip


def _wait(process: subprocess.Popen[bytes], deadline: float) -> tuple[float, float]:
    """Wait for its end. Return the seconds of CPU of the program and its children, and the most memory in MiB that one
    of them had.
    """
    rss_mib = 0.0  # the kernel's own maximum begins with that of this process, from which it was forked
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime, rss_mib
        rss_mib = max(rss_mib, meter.rss_mib(process.pid))
        if time.time() > deadline:
            raise ProgramFailed(f"process {process.pid} took too long")
        time.sleep(_LOOK_EVERY_S)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _assigned_at(log: Path) -> float | None:
    """Return when the group first assigned partitions to a member, by the program's log."""
    for line in log.read_text(errors="replace").splitlines():
        if '"assigned"' in line:
            return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
    return None


def end_of(log: Path) -> str:
    """Return the last lines of a program's log."""
    return "the end of its log:\n  " + "\n  ".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
