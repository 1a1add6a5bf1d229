"""The function that runs each kind of operation, so that any process can continue one."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from worker.ops.archive import execute as archive
from worker.ops.archive.plan import KIND as ARCHIVE
from worker.ops.dlq import redrive
from worker.ops.replay import execute as replay
from worker.ops.running import Run
from worker.process.errors import OperatorError
from worker.process.settings import Settings

Runner = Callable[[Settings, Run, Callable[[str], None]], Awaitable[None]]
"""Goes on from `run.cursor` to the end and calls `run.finish`; tells a person how far it is, a line at a time."""

RUNNERS: Final[Mapping[str, Runner]] = MappingProxyType(
    {replay.KIND: replay.execute, redrive.KIND: redrive.run, ARCHIVE: archive.execute}
)


def runner_of(kind: str) -> Runner:
    """Return the function that runs operations of this kind. Raises OperatorError for a kind of another version."""
    if kind not in RUNNERS:
        raise OperatorError(f"this version can't run a {kind}")
    return RUNNERS[kind]
