"""The worker as a user starts it: a child process with an environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LEAVES_WITHIN_S = 60


def command(*words: str) -> list[str]:
    """`g3n worker …`"""
    return [sys.executable, "-m", "worker", "worker", *words]


def run(environment: Mapping[str, str], log: Path, *words: str, within_s: float = LEAVES_WITHIN_S) -> int:
    """Runs `g3n worker <words>` to its end; what it logs is added to `log`. Returns its exit status."""
    with log.open("ab") as stderr:
        done = subprocess.run(
            command(*words),
            env={**os.environ, **environment},
            stdout=stderr,
            stderr=stderr,
            timeout=within_s,
            check=False,
        )
    return done.returncode


@contextmanager
def running(environment: Mapping[str, str], log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """`g3n worker run`, told to leave by SIGTERM at the end; its `returncode` must be 0 then (§6)."""
    with log.open("ab") as stderr:
        worker = subprocess.Popen(
            command("run", *words), env={**os.environ, **environment}, stdout=stderr, stderr=stderr
        )
        try:
            yield worker
            worker.send_signal(signal.SIGTERM)
            worker.wait(LEAVES_WITHIN_S)
        finally:
            worker.kill()
            worker.wait()
