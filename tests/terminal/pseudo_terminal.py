"""A terminal for one command: what is typed there, and what it shows."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# A session leader that opens a terminal gets it as its controlling terminal, where getpass asks.
_LEAD = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"


class Terminal:
    """One command at a terminal of 24 lines."""

    def __init__(self, process: "subprocess.Popen[bytes]", handle: int) -> None:
        self._process = process
        self._handle = handle
        self._shown = ""
        self._read_to = 0

    def wait_for(self, text: str) -> str:
        """Return what was shown since the last match, up to this text."""
        while (at := self._shown.find(text, self._read_to)) < 0:
            if not self._read():
                raise AssertionError(f"it ended without {text!r}:\n{self._shown}")
        before, self._read_to = self._shown[self._read_to : at], at + len(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._handle, text.encode())

    def end(self) -> tuple[int, str]:
        """Return the exit status, and all that was shown."""
        while self._read():
            pass
        return self._process.wait(), self._shown

    def _read(self) -> bool:
        try:
            raw = os.read(self._handle, 4096)
        except OSError:  # Linux: the other side is closed
            return False
        self._shown += raw.decode().replace("\r\n", "\n")
        return bool(raw)


@contextmanager
def terminal(environment: Mapping[str, str], folder: Path, *words: str) -> Iterator[Terminal]:
    """Run `g3n` with these words at a terminal, until the end of the block."""
    handle, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _LEAD, "-m", "worker", *words], cwd=folder,
        env={**environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
        stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
    )  # fmt: skip
    os.close(inner)
    try:
        yield Terminal(process, handle)
    finally:
        process.kill()
        process.wait()
        os.close(handle)
