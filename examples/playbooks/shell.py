"""One shell for a whole page, so that the variables of one command are set for the next."""

import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast


class Shell:
    """`bash` with its own environment, in its own folder."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],  # noqa: S607  whichever bash the reader has
            env=dict(environment), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bash.communicate()

    def run(self, command: str) -> tuple[list[str], int]:
        """Run a command. Return its output, of both streams, and its exit status."""
        mark = f"--{secrets.token_hex(8)}--"
        asks, says = cast("IO[str]", self._bash.stdin), cast("IO[str]", self._bash.stdout)
        asks.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s%d\\n' '{mark}' $?\n")
        asks.flush()
        printed: list[str] = []
        for line in says:
            if line.startswith(mark):
                if printed and not printed[-1]:
                    printed.pop()  # the line break before the mark
                return printed, int(line.removeprefix(mark))
            printed.append(line.rstrip("\n"))
        raise EOFError(f"the shell ended with: {command}")
