"""A playbook or another page of commands.

A playbook is prose with boxes (```console) of commands and their output.

`$ …` is a command, and `> …` continues it. The lines below are its output; `…` stands for any text, and alone on a line
for any lines. `[exit 4]` is its exit status, if that is not 0.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BOX = "```console"
PLAIN_BOX = "```"
_SAID = re.compile(r"\b[Rr]un `(g3n [^`]+)`")
_EXIT = re.compile(r"\[exit (\d+)\]")
ANY = "…"


@dataclass(slots=True)
class Step:
    """A command at a line of its page, its output, and its exit status."""

    page: str
    line: int
    command: str
    expected: list[str] = field(default_factory=list)
    exit_code: int = 0

    def matches(self, printed: list[str]) -> bool:
        pattern = "".join(_line_pattern(line) for line in self.expected)
        return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed)) is not None


def _line_pattern(line: str) -> str:
    if line.strip() == ANY:
        return r"(?:.*\n)*?"
    words = (r"[ ─━]+".join(map(re.escape, re.split(r"[ ─━]+", part))) for part in line.rstrip().split(ANY))
    return ".*?".join(words) + r" *\n"


def steps(path: Path) -> Iterator[Step]:
    """Return the commands of a page, in order."""
    step: Step | None = None
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            if step is not None:
                yield step
            step, inside = None, line == BOX
        elif inside and line.startswith("$ "):
            if step is not None:
                yield step
            step = Step(path.name, number, line[2:])
        elif inside and step is not None and line.startswith("> ") and not step.expected:
            step.command += "\n" + line[2:]
        elif inside and step is not None:
            _expect(step, line)


def commands(path: Path) -> Iterator[Step]:
    """Return the commands of a page that shows no output: each line of a plain box (```), with the lines that a
    backslash joins to it, and the commands in sentences ("Run `g3n …`").
    """
    box = ""
    tied: Step | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            box = "" if box else line
        elif tied is not None:
            tied.command += f"\n{line}"
        elif box == PLAIN_BOX and line:
            tied = Step(path.name, number, line)
        elif not box:
            yield from (Step(path.name, number, said) for said in _SAID.findall(line))
        if tied is not None and not line.endswith("\\"):
            yield tied
            tied = None


def _expect(step: Step, line: str) -> None:
    code = _EXIT.fullmatch(line)
    if code is not None:
        step.exit_code = int(code[1])
    else:
        step.expected.append(line)
