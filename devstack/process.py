"""A server as a child process: start, wait, stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.errors import StackError

LAUNCH = str(Path(__file__).with_name("launch.py"))
POLL_S = 0.02
LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class Command:
    """A program to run. `log` gets its output; `own` is a directory that it gets for itself if it must not be root."""

    name: str
    argv: tuple[str, ...]
    log: Path
    own: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    orphan_signal: signal.Signals = signal.SIGKILL


class Process:
    """A running `Command`, in a process that does not outlive this one."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._log_begin = command.log.stat().st_size if command.log.exists() else 0
        with command.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), str(command.orphan_signal.value)),
                    *(str(command.own or ""), *command.argv),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.environment},
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    def finish(self, timeout_s: float) -> None:
        """Wait for a program that ends by itself. Raises StackError with its last lines if it fails."""
        try:
            if self._popen.wait(timeout_s) != 0:
                raise self.failure(f"failed with exit code {self._popen.returncode}")
        except subprocess.TimeoutExpired:
            self.tell(signal.SIGKILL)
            raise self.failure(f"did not end in {timeout_s:.0f} s") from None

    def wait_until_it_says(self, ready: bytes, timeout_s: float) -> None:
        """Wait for the line in the server's log that says it is ready."""
        deadline = time.monotonic() + timeout_s
        while ready not in self._said():
            if self.has_ended():
                raise self.failure(f"ended with exit code {self._popen.returncode}")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready in {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def tell(self, what: signal.Signals) -> None:
        self._popen.send_signal(what)

    def wait_or_kill(self, timeout_s: float) -> None:
        """Wait for the process to end; kill it after `timeout_s`."""
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def failure(self, what: str) -> StackError:
        tail = b"\n".join(self._said().splitlines()[-LOG_TAIL_LINES:]).decode(errors="replace")
        return StackError(f"{self.command.name} {what}; {self.command.log} ends with:\n{tail}")

    def _said(self) -> bytes:
        with self.command.log.open("rb") as log:
            log.seek(self._log_begin)
            return log.read()
