"""The rows of a file that are done: stored beside the file, one line for each row, so that an import can continue."""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from worker.terminal import private_files

_VERSION: Final = 1


class StateInvalid(Exception):
    """The import can't continue with the files beside its file. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """The source and the destination of an import. They are the same for every run of it."""

    operation: str
    url: str
    orgcode: str
    digest: str
    numbers: str | None = None  # the file of generated numbers


class State:
    """The rows that are done. A line is written once the API has answered. Until then the row is open, and sending it
    again is harmless, because its Idempotency-Key is the same.
    """

    def __init__(self, file: FileIO, done: set[int]) -> None:
        self._file = file
        self.done = done

    def add(self, row: int) -> None:
        """Record that a row is done. Raises OSError."""
        append(self._file, b'{"row":%d}\n' % row)
        self.done.add(row)


@contextmanager
def opened(path: Path, target: Target) -> Iterator[State]:
    """Return the state of the import of `target`, for one process at a time. Raises StateInvalid."""
    try:
        file = private_files.appended(path)
    except OSError as error:
        raise StateInvalid(f"{path}: {error.strerror}: name another place with --state") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateInvalid("another import of this file is running") from None
        done = _read(path, file, target)
        try:
            yield State(file, done)
        finally:
            os.fsync(file.fileno())


def append(file: FileIO, line: bytes) -> None:
    """Write a whole line. Raises OSError."""
    if file.write(line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def whole_lines(file: FileIO) -> list[bytes]:
    """Return the file's lines, and leave the file at its end. A line that a crash cut off is removed."""
    file.seek(0)
    raw = file.read()
    end = raw.rfind(b"\n") + 1
    if end < len(raw):
        file.truncate(end)
    file.seek(0, os.SEEK_END)
    return raw[:end].splitlines()


def _read(path: Path, file: FileIO, target: Target) -> set[int]:
    head = {
        "g3n_import": _VERSION,
        "operation": target.operation,
        "url": target.url,
        "orgcode": target.orgcode,
        "sha256": target.digest,
        "numbers": target.numbers,
    }
    lines = whole_lines(file)
    if not lines:
        append(file, json.dumps(head).encode() + b"\n")
        return set()
    try:
        kept = json.loads(lines[0])
        done = {json.loads(line)["row"] for line in lines[1:]}
    except (ValueError, KeyError, TypeError):
        raise StateInvalid(f"{path} is no state of an import: name another place with --state") from None
    if kept == head:
        return done
    if isinstance(kept, dict) and {**kept, "sha256": target.digest} == head:
        raise StateInvalid(
            f"the file has changed since an import of which {len(done):,} row(s) were done ({path}): put what is still "
            "to do into a file of its own; if this is really another import, delete the state"
        )
    if isinstance(kept, dict) and {**kept, "numbers": target.numbers} == head:
        raise StateInvalid(f"the numbers of the {len(done):,} row(s) done are in {kept['numbers']}: name it with --out")
    raise StateInvalid(f"{path} is of another import (operation, URL or orgcode): name another place with --state")
