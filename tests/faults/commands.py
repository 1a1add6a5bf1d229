"""Runs the command lines of a `commands.txt` in a shell, and checks how each ends."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.verdict import Rules, Verdict

_USAGE = frozenset({2, 3})
_WITHIN_S = 60.0


@dataclass(frozen=True)
class Seen:
    """A command line, its exit status and all that it wrote."""

    line: str
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def _exit(seen: Seen, said: re.Match[str]) -> str | None:
    return None if seen.code == int(said[1]) else f"exit {seen.code}: {seen.text.strip()[-200:]}"


def _names(seen: Seen, said: re.Match[str]) -> str | None:
    return None if said[1] in seen.err else f"{said[1]} is not named: {seen.err.strip()[-200:]}"


def _says(seen: Seen, said: re.Match[str]) -> str | None:
    return None if said[1] in seen.err else f"says {seen.err.strip()[-200:]}"


def _no_password(seen: Seen, _: object) -> str | None:
    passwords = re.findall(r"://[^:@/\s]*:([^@\s']+)@", seen.line)
    return "the password is shown" if any(one in seen.text for one in passwords) else None


def _done_or_refused(seen: Seen, _: object) -> str | None:
    """At once: nothing was asked again, so nothing is unknown."""
    options = re.findall(r"--[a-z-]+", seen.line)
    refused = seen.code in _USAGE and any(option in seen.err for option in options)
    return None if seen.code == 0 or refused else f"exit {seen.code}: {seen.text.strip()[-200:]}"


_RULES: Rules[Seen] = Rules(
    {
        r"exit (\d+)": _exit,
        r"names (\w+)": _names,
        r": (a whole number of minor units)": _says,
        r"shows no password": _no_password,
        r"done, or refused at once by the option's name": _done_or_refused,
        r"no traceback": lambda _seen, _said: None,
    }
)


def play(file: Path, environment: Mapping[str, str]) -> list[Verdict]:
    """A verdict for each command. No file: none."""
    if not file.exists():
        return []
    binaries = str(Path(sys.executable).parent)
    path = f"{binaries}:{environment.get('PATH', '')}"
    verdicts = []
    for line, right in _lines(file):
        done = subprocess.run(
            ["/bin/bash", "-c", line], env={**environment, "PATH": path}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=_WITHIN_S, check=False,
        )  # fmt: skip
        seen = Seen(line, done.returncode, done.stdout, done.stderr)
        problems = ["a traceback"] if "Traceback" in seen.text else []
        verdicts.append(Verdict(line, problems + _RULES.problems(right, seen)))
    return verdicts


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """Each command and what is right, which stands in the line below it."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    for command, right in zip(lines[::2], lines[1::2], strict=True):
        marked = right.strip()
        assert marked.startswith("->"), f"no right under {command!r}"
        yield command, marked.removeprefix("->").strip()
