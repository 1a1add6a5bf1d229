"""The worker and the naive model agree on days that nobody thought of."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.e2e.chance import by_the_model
from tests.e2e.conftest import CHANCES
from tests.e2e.day import Day
from tests.language.expected import render, says_nothing
from tests.language.play import Played

Outcomes = dict[tuple[str, str], list[dict[str, Any]]]


def outcomes(played: Played) -> Outcomes:
    """Return the outcomes of each document in order, without notices and replays."""
    found: Outcomes = defaultdict(list)
    for one in played.outcomes:
        if one["type"].startswith("crm.outcome.") and not one.get("replayed"):
            found[one["type"], one["subject"]].append(one["data"])
    return found


def differences(model: Outcomes, worker: Outcomes) -> list[str]:
    """Parts of outcomes that differ, but for those that only one tells and that say that nothing changed."""
    found = []
    for (kind, subject), expected in model.items():
        for one, other in zip(expected, worker[kind, subject], strict=True):
            left, right = render(one), render(other)
            for part in sorted(set(left) | set(right)):
                texts = left.get(part), right.get(part)
                if texts[0] != texts[1] and not (None in texts and says_nothing(part, texts[0] or texts[1] or "")):
                    found.append(f"{kind} {subject} {part}: the model says {texts[0]}, the worker {texts[1]}")
    return found


@pytest.mark.parametrize("number", range(CHANCES))
def test_the_worker_decides_as_the_model(day: Day, number: int) -> None:
    played = day.chance[number]
    model, worker = outcomes(by_the_model(played.scenario)), outcomes(played)
    text = "\n".join(step.text for phase in played.scenario.phases for step in phase.steps)
    assert set(worker) == set(model), text
    if any(told[0]["status"] == "parked" for told in [*model.values(), *worker.values()]):
        # When a parked document runs is a matter of batches: what it frees or takes, another may get or miss.
        finals = [[one["status"] for one in told if one["status"] != "parked"] for told in worker.values()]
        assert [statuses for statuses in finals if len(statuses) > 1] == [], text
    else:
        assert differences(model, worker) == [], text
