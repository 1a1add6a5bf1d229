"""How a process begins and ends: signals, the last batch, the garbage collector."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from worker.process import errors, stacks

_T = TypeVar("_T")

# How long the last batch may take.
_GRACE_S = 30.0
# Three batches in hand have up to 300,000 objects, and hardly ever a cycle. A lower first threshold walks through all
# of them several times a batch: with 100,000, that was a sixth of a worker's CPU.
_GC_THRESHOLD = (400_000, 50, 50)


@contextlib.contextmanager
def before_the_start(stopped: asyncio.Event) -> Iterator[None]:
    """A process that is told to stop while it waits for Kafka or Postgres exits at once."""
    opening = asyncio.current_task()

    def stop() -> None:
        stopped.set()
        if opening is not None:
            opening.cancel()

    on_signal(stop)
    stacks.on_signal()
    try:
        yield
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise


def on_signal(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def until(work: Awaitable[_T], stopped: asyncio.Event) -> _T:
    """The work's result; once told to stop it has `_GRACE_S` to come to an end.

    Raises Unavailable if it does not: what it could not finish is not committed, so nothing is lost.
    """
    task = asyncio.ensure_future(work)
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=_GRACE_S)
        if not task.done():
            raise errors.Unavailable(f"the batch in hand did not finish within {_GRACE_S:.0f} s")
        return task.result()
    finally:
        stopping.cancel()
        task.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


def tune_gc() -> None:
    """Keep the garbage collector from the objects that are there now, which live for ever, and let it run seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
