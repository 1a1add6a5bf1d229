"""`--processes N`: N workers of one group under one parent. One that fails ends all; none outlives the parent.

The parent imports what the workers need, and forks. So it is imported once, and the workers share that memory. No event
loop, thread or connection exists by then.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

_log = structlog.get_logger(__name__)

# Longer than a worker takes to finish its batch.
_GRACE_S = 45.0
_PR_SET_PDEATHSIG = 1


def fork(processes: int) -> int | list[int]:
    """Fork this many processes. Return the number of the process in each of them, and their ids in the parent."""
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()  # the collector would write to each object, and the processes would no longer share its memory
    parent = os.getpid()
    children: list[int] = []
    for number in range(processes):
        pid = os.fork()
        if not pid:
            # A terminal's Ctrl-C would reach the children too; they hear of it from their parent, once.
            os.setsid()
            _end_with(parent)
            return number
        children.append(pid)
    return children


def _end_with(parent: int) -> None:
    """Get SIGTERM when the parent dies for any reason."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before we could ask
        os.kill(os.getpid(), signal.SIGTERM)


async def supervise(children: Sequence[int]) -> int:
    """Wait for these processes. SIGTERM, SIGINT and SIGUSR1 are passed on.

    Returns 0 if every process did, else the first failure's exit status (128 + the signal that killed it).
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    codes: dict[int, asyncio.Future[int]] = {pid: loop.create_future() for pid in children}
    loop.add_signal_handler(signal.SIGUSR1, _tell, codes, signal.SIGUSR1)
    loop.add_signal_handler(signal.SIGCHLD, _take_ended, codes)
    _take_ended(codes)  # one may have ended before
    waits = {code: index for index, code in enumerate(codes.values())}
    stopped = asyncio.create_task(stop.wait())
    failure = 0
    while waits and not failure and not stop.is_set():
        either: set[asyncio.Future[Any]] = {*waits, stopped}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        failure = _reap(waits, stopping=stop.is_set())
    _tell(codes, signal.SIGTERM)
    if waits:
        await asyncio.wait(waits, timeout=_GRACE_S)
        failure = _reap(waits, stopping=True) or failure
    for index in waits.values():
        _log.error("worker_killed", index=index, why="did not finish in time")
        failure = failure or 1
    if waits:
        _tell(codes, signal.SIGKILL)
        await asyncio.wait(waits)
    stopped.cancel()
    return failure


def _take_ended(codes: Mapping[int, asyncio.Future[int]]) -> None:
    """Set the exit codes of children that have ended."""
    for pid in _living(codes):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            codes[pid].set_result(os.waitstatus_to_exitcode(status))


def _tell(codes: Mapping[int, asyncio.Future[int]], number: signal.Signals) -> None:
    for pid in _living(codes):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _living(codes: Mapping[int, asyncio.Future[int]]) -> Iterable[int]:
    return [pid for pid, code in codes.items() if not code.done()]


def _reap(waits: dict[asyncio.Future[int], int], *, stopping: bool) -> int:
    """Take the processes that ended out of `waits`. Return the exit status of one that failed, or 0."""
    failure = 0
    for ended in [one for one in waits if one.done()]:
        index, code = waits.pop(ended), ended.result()
        if code == -signal.SIGTERM and stopping:  # it had not begun yet
            continue
        if code:
            failure = code if code > 0 else 128 - code
            _log.error("worker_failed", index=index, exit_code=failure)
    return failure
