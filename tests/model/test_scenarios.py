"""The naive model decides every end-to-end scenario as the scenario says: neither can be wrong alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.language.corpus import read_all
from tests.language.documents import Clock
from tests.language.judge import judge
from tests.language.play import Played, play
from tests.language.scenario import Scenario
from tests.model import Model


@pytest.mark.parametrize("scenario", read_all(), ids=lambda s: s.name)
def test_the_model_decides_as_the_scenario_says(scenario: Scenario) -> None:
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    model, played = Model(), Played(scenario)
    for number, phase in enumerate(scenario.phases):
        for _, document in play(played, number, clock):
            for item in model.read(document.type, document.subject, document.data, clock.base, document.stamped):
                played.outcomes.append({"type": document.type, "subject": document.subject, **item})
        played.outcomes += model.tick(clock.base + (timedelta(days=1) if phase.until else timedelta()))
    assert judge(played) == []
