"""Scenarios: documents from top to bottom, and what must come of each. tests/language/__init__.py has the grammar.

A line without `->` must be applied or approved, whatever else it says. One that begins with `->` belongs to the line
above. Lines are documents (`documents.VERBS`), except `final <kind> <subject>`: the second outcome of a document that
was parked; `notice <type> <subject>`: what nobody asked for; `again <subject>`: the same document once more. `-> again`
is the stored outcome, republished; `-> dead <reason>` a dead letter. `---` ends a phase: what follows is published once
all before has been drained; `--- until hold.expired T1` waits for that notice first, `--- until final R1` for that
outcome. Each scenario is a tenant of its own, so that one worker decides hundreds of them in one go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from tests.language.words import words


@dataclass(frozen=True)
class Step:
    """One line: `words` before the arrow, `expected` after it (None where the line has none)."""

    line: int
    text: str
    words: tuple[str, ...]
    expected: str | None


@dataclass
class Phase:
    """What is published before the worker drains, and the notice that must have come before the next phase."""

    steps: list[Step] = field(default_factory=list)
    until: tuple[str, str] | None = None


@dataclass
class Scenario:
    """`name` is the heading, `org` the tenant that it has to itself."""

    name: str
    org: str
    phases: list[Phase]


def parse(text: str, prefix: str) -> list[Scenario]:
    """The scenarios of one file; tenants are `prefix-1`, `prefix-2`…"""
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
