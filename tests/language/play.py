"""The documents that a phase of a scenario publishes, and everything that came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.language.documents import Clock, Document, build
from tests.language.scenario import Scenario, Step

WATCHES = ("final", "notice")


@dataclass
class Played:
    """`outcomes`: the messages that came back, in the order of each key.

    Each is {"type", "subject", "data"}, with "replayed" for a duplicate, or {"dead_letter", "type", "subject"}.
    """

    scenario: Scenario
    published: list[tuple[Step, Document]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)


def play(played: Played, phase: int, clock: Clock) -> Iterator[tuple[Step, Document]]:
    """Return the documents of one phase in order, and add them to `played`."""
    for step in played.scenario.phases[phase].steps:
        if step.words[0] in WATCHES:
            continue
        if step.words[0] == "again":
            document = next(d for _, d in played.published if d.subject == step.words[1])
        else:
            document = build(step.words, clock)
        played.published.append((step, document))
        yield step, document


def outcome_type(document_type: str) -> str:
    """Contract §3: the input's type without `scm.` or `crm.`"""
    return "crm.outcome." + document_type.split(".", 1)[1]
