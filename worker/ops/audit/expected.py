"""The outcomes that should be on their topics, in a temporary file: there may be more than memory holds."""

import sqlite3
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

_TABLE: Final = "CREATE TABLE message (id BLOB, digest BLOB, no INTEGER, state INTEGER)"
_INDEX: Final = "CREATE INDEX message_id ON message (id)"
_CACHE: Final = "PRAGMA cache_size = -65536"  # KiB; the rest is in the file
_FIND: Final = "SELECT rowid, digest, state FROM message WHERE id = ?"


class State(IntEnum):
    """Whether an outcome was found on its topic, and whether it has to be there."""

    EXPECTED = 0
    EXCUSED = 1
    SEEN = 2


class Place(NamedTuple):
    """A message in the file."""

    place: int
    digest: bytes
    state: State


class Expected:
    """`add` all messages, then `find` them. A message takes about 70 bytes of the file."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # SQLite removes a file without a name itself
        for statement in (_CACHE, "PRAGMA journal_mode = OFF", _TABLE, "BEGIN"):
            self._file.execute(statement)

    def add(self, messages: Iterable[tuple[bytes, bytes, int, State]]) -> None:
        """Add messages: id, digest, the number of the document, state."""
        self._file.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", messages)

    def complete(self) -> None:
        """Say that all messages are added."""
        self._file.execute(_INDEX)

    def find(self, id_: bytes) -> Place | None:
        found = self._file.execute(_FIND, (id_,)).fetchone()
        return None if found is None else Place(found[0], found[1], State(found[2]))

    def see(self, places: Iterable[int]) -> None:
        """Note that the messages at these places are on their topics."""
        self._file.executemany("UPDATE message SET state = ? WHERE rowid = ?", ((State.SEEN, at) for at in places))

    def missing(self) -> Iterator[int]:
        """Return the documents' numbers of those that are expected and were not seen."""
        yield from (no for (no,) in self._file.execute("SELECT no FROM message WHERE state = ?", (State.EXPECTED,)))

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
