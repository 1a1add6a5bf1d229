"""The expected result of an input in words, and whether it was met."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

SeenT = TypeVar("SeenT")
# Of what was seen and of the words that matched: what is wrong with it, or nothing.
Check = Callable[[SeenT, re.Match[str]], str | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """An input by its name, and what was wrong."""

    name: str
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"ok    {self.name}" if not self.problems else f"WRONG {self.name}: {'; '.join(self.problems)}"


class Rules(Generic[SeenT]):
    """Phrases of `right`, and how each is checked. A `right` in which no phrase is known is itself a problem."""

    def __init__(self, rules: Mapping[str, Check[SeenT]]) -> None:
        self._rules = {re.compile(phrase): check for phrase, check in rules.items()}

    def problems(self, right: str, seen: SeenT) -> list[str]:
        """Return the differences from `right`."""
        matched = [(found, check) for phrase, check in self._rules.items() if (found := phrase.search(right))]
        if not matched:
            return [f"nobody knows how to check {right!r}"]
        return [problem for found, check in matched if (problem := check(seen, found))]
