"""A CloudEvent from a command line, as a record of its topic."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.envelope import CONTENT_TYPE


@dataclass(slots=True)
class EventRecord:
    """A CloudEvent in structured mode, as if a topic held it now; `timestamp` in ms."""

    value: bytes | None
    timestamp: int
    topic: str = ""
    partition: int = 0
    offset: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = (("content-type", CONTENT_TYPE.encode()),)
