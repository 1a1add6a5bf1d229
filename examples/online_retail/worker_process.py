"""The worker as its users run it: a program, configured by its environment and stopped by SIGTERM."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

_STOP_TIMEOUT_S = 60
_LAST_LINES = 5
_LINE = 200


class WorkerFailed(Exception):
    """A worker failed. The message has its last lines."""


async def run_to_the_end(command: str, settings: Mapping[str, str], log: Path) -> None:
    """Run `g3n worker setup` or `drain`. Raises WorkerFailed unless it exits with status 0."""
    process = await _start(command, settings, log)
    try:
        code = await process.wait()
    except BaseException:
        await _stop(process)
        raise
    _check(command, code, log)


@asynccontextmanager
async def running(settings: Mapping[str, str], log: Path, command: str = "run") -> AsyncIterator[None]:
    """Run `g3n worker run`, or `g3n api`, while the context is open. After SIGTERM it must exit with status 0.

    If it ends earlier, the context's work ends, too, with WorkerFailed.
    """
    process = await _start(command, settings, log)
    work = asyncio.current_task()
    ended = asyncio.create_task(process.wait())

    def interrupt(_: object) -> None:
        if work:
            work.cancel()

    ended.add_done_callback(interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if not ended.done():
            raise
        if work:
            work.uncancel()
        _check(command, ended.result() or -1, log)
    finally:
        ended.remove_done_callback(interrupt)
        code = await _stop(process)
    _check(command, code, log)


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program with these settings and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("G3N_")} | dict(settings)


async def _start(command: str, settings: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        # Outside this terminal's process group: Ctrl-C reaches the demo, which then stops the worker.
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", command,
            env=environment_of(settings), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip


async def _stop(process: asyncio.subprocess.Process) -> int:
    """Send SIGTERM, then SIGKILL if that does not help. Return the exit status."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        return await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        return await process.wait()


def _check(command: str, code: int, log: Path) -> None:
    if code:
        last = "\n  ".join(_brief(line) for line in log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
        raise WorkerFailed(f"`g3n worker {command}` left with {code}; all of its log is in {log}, the end:\n  {last}")


def _brief(line: str) -> str:
    """Return a log line for people: level, event, the error and its place."""
    try:
        said = json.loads(line)
    except ValueError:
        return line[:_LINE]
    if not isinstance(said, dict):
        return line[:_LINE]
    frames = said.get("frames") or [""]
    words = [said.get(name, "") for name in ("level", "event", "error", "why")]
    return " ".join(str(word) for word in (*words, frames[-1]) if word)[:_LINE]
