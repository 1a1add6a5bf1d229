"""Scenarios: documents from top to bottom, each with its expected outcome. tests/language/__init__.py has the grammar.

A document without `->` must be applied or approved. A line that begins with `->` belongs to the line above. Lines are
documents (`documents.VERBS`), except `final <kind> <subject>`: the second outcome of a document that was parked;
`notice <type> <subject>`: a notice; `again <subject>`: the same document once more. `-> again` is the stored outcome,
republished; `-> dead <reason>` a dead letter. `---` ends a phase: later documents are published once all earlier ones
are decided; `--- until hold.expired T1` waits for that notice first, `--- until final R1` for that outcome. Each
scenario has its own tenant, so that one worker decides hundreds of them at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from tests.language.words import words


@dataclass(frozen=True)
class Step:
    """One line: `words` before the arrow, `expected` after it (None if there is no arrow)."""

    line: int
    text: str
    words: tuple[str, ...]
    expected: str | None


@dataclass
class Phase:
    """The documents to publish before the worker drains, and the notice that must come before the next phase."""

    steps: list[Step] = field(default_factory=list)
    until: tuple[str, str] | None = None


@dataclass
class Scenario:
    """`name` is the heading, `org` its own tenant."""

    name: str
    org: str
    phases: list[Phase]


def parse(text: str, prefix: str) -> list[Scenario]:
    """Return the scenarios of one file. Tenants are `prefix-1`, `prefix-2`…"""
    scenarios: list[Scenario] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)# .*", "", raw).strip()
        if line.startswith("## "):
            scenarios.append(Scenario(line[3:].strip(), f"{prefix}-{len(scenarios) + 1}", [Phase()]))
        elif line.startswith("---"):
            until = line.split()[2:]
            scenarios[-1].phases[-1].until = (until[0], until[1]) if until else None
            scenarios[-1].phases.append(Phase())
        elif line.startswith("->"):
            before = scenarios[-1].phases[-1].steps.pop()
            whole = replace(before, text=f"{before.text} {line}", expected=line.removeprefix("->").strip())
            scenarios[-1].phases[-1].steps.append(whole)
        elif line:
            published, arrow, expected = line.partition("->")
            step = Step(number, line, words(published), expected.strip() if arrow else None)
            scenarios[-1].phases[-1].steps.append(step)
    return scenarios
