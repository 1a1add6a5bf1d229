"""Files that only their owner may read: keys, and the numbers of gift cards."""

import contextlib
import os
import stat
import tempfile
from io import FileIO
from pathlib import Path
from typing import Final

MODE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class NotPrivate(Exception):
    """Others can read the file, and we can't change that."""


def make_private(path: Path) -> bool:
    """Take the rights of others away from an existing file. Return whether they had any. Raises NotPrivate."""
    about = path.stat()
    if about.st_uid != os.geteuid():
        raise NotPrivate(f"{path} belongs to somebody else")
    if not about.st_mode & _OTHERS:
        return False
    try:
        path.chmod(MODE)
    except OSError as error:
        raise NotPrivate(f"{path} can be read by others: {error.strerror}") from None
    return True


def write(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner only."""
    place = path.resolve()  # a symbolic link stays a link
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(
        dir=place.parent, prefix=f".{place.name}."
    )  # mkstemp creates it with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def appended(path: Path) -> FileIO:
    """Open a file to be read from and appended to, unbuffered; if it is new, only its owner may read it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
    return FileIO(handle, "r+b")
