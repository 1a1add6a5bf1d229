"""On SIGUSR1, log what the process does and where each task waits: the first question about one that stands still."""

import asyncio
import signal
import traceback
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import Any, Final

import structlog

_log = structlog.get_logger(__name__)

# A coroutine, a generator and an asynchronous generator each have names of their own for these.
_FRAME: Final = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")


def on_signal() -> None:
    """Show the running loop's tasks whenever the signal comes, even if a computation keeps the loop from them."""
    signal.signal(signal.SIGUSR1, partial(_show, asyncio.get_running_loop()))


def _show(loop: asyncio.AbstractEventLoop, _number: int, now: FrameType | None) -> None:
    _log.warning("stack", frames=[f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_stack(now)])
    for task in asyncio.all_tasks(loop):
        _log.warning("stack", task=task.get_name(), frames=[*_frames(task.get_coro())])


def _frames(awaited: Any) -> Iterator[str]:  # noqa: ANN401  whatever a task may await
    """Yield where a suspended coroutine waits, and where what it waits for does: places and names, no values."""
    while awaited is not None:
        frame: FrameType | None = _first(awaited, _FRAME)
        if frame is not None:
            yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        awaited = _first(awaited, _AWAITED)


def _first(of: object, names: tuple[str, ...]) -> Any:  # noqa: ANN401
    return next((found for name in names if (found := getattr(of, name, None)) is not None), None)
