"""`docs/contract.md` as tests read it: its sections, its tables, its numbered rules."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")
LINES = PAGE.splitlines()
CODE = re.compile(r"`([^`]+)`")


def section(heading: str) -> list[str]:
    """The lines below a heading, such as `### 3.3 Reasons`, up to the next heading of its level or a higher one."""
    start = LINES.index(heading) + 1
    level = heading.index(" ")
    ends = (
        place
        for place, line in enumerate(LINES[start:], start)
        if (marks := re.match("#+ ", line)) and len(marks[0]) <= level + 1
    )
    return LINES[start : next(ends, len(LINES))]


def rows(heading: str) -> list[list[str]]:
    """The cells of every table row in a section, without the tables' heads."""
    lines = section(heading)
    return [
        [cell.strip() for cell in line.strip("|").split(" |")]
        for place, line in enumerate(lines)
        if line.startswith("| ") and not (place + 1 < len(lines) and lines[place + 1].startswith("|---"))
    ]


def codes(text: str) -> list[str]:
    """Return the texts in backticks, in order."""
    return CODE.findall(text)


class ReasonRow(NamedTuple):
    """A row of the table of reasons."""

    reason: str
    category: str
    meaning: str


# In their order of precedence.
REASONS = [
    ReasonRow(codes(reason)[0], codes(category)[0], meaning) for _, reason, category, meaning in rows("### 3.3 Reasons")
]
PRECEDENCE = [row.reason for row in REASONS]
CATEGORY = {row.reason: row.category for row in REASONS}


def _default_policy() -> dict[str, Any]:
    """The page's policy, with its examples of rules taken out."""
    policy: dict[str, Any] = json.loads("\n".join(section("## 4 The policy")).split("```")[1])
    policy["earn"] |= {"multipliers": [], "campaigns": [], "tiers": []}
    return policy


DEFAULT_POLICY = _default_policy()
