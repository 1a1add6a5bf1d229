"""Run a command that needs the settings, the log and an event loop, and exit with its status."""

import importlib
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from shutil import get_terminal_size
from types import FrameType
from typing import Any, Final, NoReturn

import typer

from worker.process import settings

EPILOG: Final = "\b\nSettings are environment variables:\n" + settings.describe(get_terminal_size().columns - 2)
FAILED: Final = 1
SETTINGS: Final = 2
MOST_INT: Final = 2**31 - 1  # of a partition, in Postgres and in Kafka
MOST_LONG: Final = 2**63 - 1  # of an offset and of a row's number
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC)

Action = Callable[[settings.Settings], Coroutine[Any, Any, int]]


def run(action: Action, command: str = "", processes: int = 1, *, kafka: bool = True, quiet: bool = False) -> None:
    """Exit with the status that `action` returns, with 1 after an error, or with 2 for invalid settings.

    With `processes` above 1, the action is a worker's, and runs in that many child processes. `kafka`: the action needs
    Kafka. `quiet`: warnings about single documents are left out of the log, because the command counts them.
    """
    _leave_when_told(0 if command in ("run", "api") else FAILED)
    _import_structlog()
    import asyncio

    import structlog
    import uvloop

    from worker.process import errors, log, supervisor

    try:
        chosen = settings.load(kafka=kafka)
    except settings.SettingsError as error:
        _refuse(error)
    log.configure("error" if quiet else chosen.log_level, chosen.log_format)
    if processes > 1:
        importlib.import_module("worker.app.worker")  # the processes share what is imported by now
        forked = supervisor.fork(processes)
        if isinstance(forked, list):
            raise typer.Exit(asyncio.run(supervisor.supervise(forked)))
        chosen = chosen.model_copy(update={"process_index": forked})
    try:
        code = uvloop.run(action(chosen))
    except settings.SettingsError as error:  # what only the other side can tell
        _refuse(error)
    except (errors.OperatorError, errors.Unavailable) as error:
        structlog.get_logger(__name__).error("failed", why=str(error))
        raise typer.Exit(FAILED) from None
    except Exception as error:  # noqa: BLE001 - Python's own report quotes values; this one does not
        if errors.retriable(error):  # tried for as long as it is worth; its frames say nothing
            structlog.get_logger(__name__).error("failed", why=errors.describe(error))
        else:
            structlog.get_logger(__name__).exception("crashed")
        raise typer.Exit(FAILED) from None
    raise typer.Exit(code)


def instant(text: str | None, option: str) -> datetime | None:
    """Return the instant that an option names, or None if there is no text. Raises BadParameter."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not _FIRST <= at <= _LAST:
        raise typer.BadParameter("a time with its offset, as 2026-11-27T08:00:00Z, from 1970 on", param_hint=option)
    return at


def _refuse(error: settings.SettingsError) -> NoReturn:
    typer.echo(f"g3n: {error}", err=True)
    raise typer.Exit(SETTINGS) from None


def _import_structlog() -> None:
    """Import structlog without rich. It would take rich, if that is there, for tracebacks that we never print: 50 ms of
    CPU of each start.
    """
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it fails
    importlib.import_module("structlog")
    del sys.modules["rich"]


def _leave_when_told(code: int) -> None:
    """Exit on a signal before the action begins, when there is nothing to finish. The loop sets its own
    handlers later.
    """

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(code)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # no task has a stack yet
