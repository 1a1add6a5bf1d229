"""Which documents a phase of a scenario publishes, and all that was seen of the scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.language.documents import Clock, Document, build
from tests.language.scenario import Scenario, Step

WATCHES = ("final", "notice")


@dataclass
class Played:
    """`outcomes`: what came back, in the order of each key.

    Each {"type", "subject", "data"}, "replayed" when a duplicate made it, or {"dead_letter", "type", "subject"}.
    """

    scenario: Scenario
    published: list[tuple[Step, Document]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)


def play(played: Played, phase: int, clock: Clock) -> Iterator[tuple[Step, Document]]:
    """The documents of one phase, in order; they are added to `played`."""
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
