"""Workers as child processes: what they log, their exit status, what their port shows."""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.kafka_io import Record, document
from worker.kafka.topics import Topics

Process = asyncio.subprocess.Process
Start = Callable[..., Coroutine[Any, Any, Process]]
LOGGED_BYTES = 16 << 20  # a process whose log nobody reads must not stop at a full pipe


@asynccontextmanager
async def starting(settings: Mapping[str, str]) -> AsyncIterator[Start]:
    """Start `python -m worker` with these settings; a call adds arguments and variables. End all of them afterwards."""
    started: list[Process] = []

    async def run(*arguments: str, **env: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "worker", *arguments),
            env={**os.environ, **settings, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LOGGED_BYTES,
        )
        started.append(process)
        return process

    try:
        yield run
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()  # `wait` never returns if more was logged than the reader holds


async def said(process: Process, event: str) -> dict[str, Any]:
    """The next log line with this event."""
    assert process.stderr is not None
    lines: list[bytes] = []
    async with asyncio.timeout(30):
        while line := await process.stderr.readline():
            lines.append(line)
            entry: dict[str, Any] = json.loads(line)
            if entry["event"] == event:
                return entry
    raise AssertionError(f"ended without saying {event}: {b''.join(lines[-3:]).decode()}")


async def ended(process: Process) -> tuple[int | None, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


def customer(topics: Topics, name: str) -> Record:
    data = {"command_id": name, "occurred_at": "2026-03-01T10:00:00Z", "customer_id": name}
    return document(topics.inputs[3], "crm.customer.create", name, data)


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
