"""`--processes N`: N workers of one group under one parent. One that fails ends all; none outlives the parent."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence

import structlog

from worker.process.settings import PREFIX

_log = structlog.get_logger(__name__)

INDEX = f"{PREFIX}PROCESS_INDEX"
_PARENT = f"{PREFIX}PARENT_PID"
# Longer than a worker takes to finish its batch.
_GRACE_S = 45.0
_PR_SET_PDEATHSIG = 1


async def supervise(arguments: Sequence[str], processes: int) -> int:
    """Run `python -m worker` with `arguments` in this many processes. SIGTERM, SIGINT and SIGUSR1 are passed on.

    Returns 0 if every process did, else the first failure's exit status (128 + the signal that killed it).
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    children = [await _spawn(arguments, index) for index in range(processes)]
    loop.add_signal_handler(signal.SIGUSR1, _tell, children, signal.SIGUSR1)
    waits = {asyncio.create_task(child.wait()): index for index, child in enumerate(children)}
    stopped = asyncio.create_task(stop.wait())
    failure = 0
    while waits and not failure and not stop.is_set():
        await asyncio.wait({*waits, stopped}, return_when=asyncio.FIRST_COMPLETED)
        failure = _reap(waits, stopping=stop.is_set())
    _tell(children, signal.SIGTERM)
    if waits:
        await asyncio.wait(waits, timeout=_GRACE_S)
        failure = _reap(waits, stopping=True) or failure
    for task, index in waits.items():
        _log.error("worker_killed", index=index, why="did not finish in time")
        children[index].kill()
        await task
        failure = failure or 1
    stopped.cancel()
    return failure


def _tell(children: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)


def _reap(waits: dict[asyncio.Task[int], int], *, stopping: bool) -> int:
    """Take the processes that ended out of `waits`. Return the exit status of one that failed, or 0."""
    failure = 0
    for task in [task for task in waits if task.done()]:
        index, code = waits.pop(task), task.result()
        if code == -signal.SIGTERM and stopping:  # it had not begun yet
            continue
        if code:
            failure = code if code > 0 else 128 - code
            _log.error("worker_failed", index=index, exit_code=failure)
    return failure


async def _spawn(arguments: Sequence[str], index: int) -> asyncio.subprocess.Process:
    environment = {**os.environ, INDEX: str(index), _PARENT: str(os.getpid())}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "worker",
        *arguments,
        env=environment,
        # A terminal's Ctrl-C would reach the children too; they hear of it from their parent, once.
        start_new_session=True,
    )


def end_with_parent() -> None:
    """In a child of `supervise`: get SIGTERM when the parent dies for any reason. Elsewhere do nothing."""
    parent = os.environ.get(_PARENT)
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before we could ask
        os.kill(os.getpid(), signal.SIGTERM)
