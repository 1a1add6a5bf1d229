"""Structured logs on stderr. No line holds a value of a record, a row or a setting."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from worker.process import errors

_SELDOM_S = 60.0


def configure(level: str, style: str) -> None:
    """Log everything in this process, libraries included, to stderr, at `level` and above.

    `style`: json, console, or auto (JSON unless stderr is a terminal).
    """
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception,
    ]
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(pad_event_to=0)
    handler = logging.StreamHandler()
    handler.addFilter(_Seldom())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # At DEBUG the Kafka client logs keys and values; other libraries do, too.
    for name in ("asyncpg", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # Their INFO lines report each step of joining a group and of starting a server, and each request; our `assigned`,
    # `ready` and `called` say the same. The MCP SDK logs whole messages.
    for name in ("aiokafka", "uvicorn", "httpcore", "httpx", "mcp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _Seldom(logging.Filter):
    """Lets one line a minute pass. While a broker is away, the Kafka client logs thousands of lines a second, in many
    wordings. A line with an exception is a fault of its own: one a minute passes for each place.
    """

    def __init__(self) -> None:
        super().__init__("aiokafka")
        self._said: dict[tuple[str, int] | None, float] = {}
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is the first in a minute, or of another library."""
        if not super().filter(record):
            return True
        place = (record.pathname, record.lineno) if record.exc_info else None
        if record.created - self._said.get(place, 0.0) < _SELDOM_S:
            self._left_out += 1
            return False
        self._said[place] = record.created
        if self._left_out:
            record.msg = f"{record.getMessage()} ({self._left_out} more lines of the client were left out)"
            record.args, self._left_out = None, 0
        return True


def _exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return an exception as its safe description and its frames. A traceback's own text quotes rows and values."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    if isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event["error"] = errors.describe(raised)
        event["frames"] = errors.frames(raised)
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        record.exc_info = record.exc_text = None  # else the handler appends the traceback
    return event
