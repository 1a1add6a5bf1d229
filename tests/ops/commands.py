"""`g3n` as an operator runs it. All of a test run are forks of one process (tests/ops/many.py)."""

import asyncio
import atexit
import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

ROOT = Path(__file__).parents[2]
_ONE = threading.Lock()


@dataclass
class Done:
    """The result of a command."""

    code: int | None
    out: str
    err: str


async def g3n(settings: Mapping[str, str], *words: str, stdin: bytes = b"", folder: Path = ROOT) -> Done:
    """Run it to its end, with these settings and no others. Two at once wait for each other."""
    return await asyncio.to_thread(run, settings, *words, stdin=stdin, folder=folder)


def run(settings: Mapping[str, str], *words: str, stdin: bytes = b"", folder: Path = ROOT) -> Done:
    """`g3n` for tests without an event loop."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("G3N_")}
    call = {
        "words": words, "environment": {**environment, **settings}, "folder": str(folder),
        "stdin": stdin.decode(errors="surrogateescape"),
    }  # fmt: skip
    return Done(*json.loads(_ask(json.dumps(call).encode())))


def _ask(call: bytes) -> bytes:
    with _ONE:
        asks, says = _forks()
        asks.write(call + b"\n")
        asks.flush()
        return says.readline()


@functools.cache
def _forks() -> tuple[IO[bytes], IO[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ops.many"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(process.communicate)
    return cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
