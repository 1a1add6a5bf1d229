"""Days that nobody thought of, decided alike by the naive model and by the domain, including what waits.

HYPOTHESIS_PROFILE=deep looks at more of them.
"""

import os

import pytest

from tests.domain.test_scenarios import lived
from tests.e2e.chance import by_the_model, scenarios
from tests.e2e.test_chance import Outcomes, differences, outcomes
from tests.language.play import Played
from tests.language.scenario import Scenario

DAYS = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 400
LOTS = 40


@pytest.mark.parametrize("lot", range(LOTS))
def test_the_domain_decides_as_the_model(lot: int) -> None:
    for scenario in scenarios(DAYS // LOTS, seed=1000 + lot):
        model, domain = _comparable(by_the_model(scenario)), _comparable(lived(scenario))
        assert set(model) == set(domain), _text(scenario)
        assert differences(model, domain) == [], _text(scenario)


def _comparable(played: Played) -> Outcomes:
    """Compare the status of a capture that waited, not the rest: a return that waited with it may come first."""
    found = outcomes(played)
    for (kind, _), told in found.items():
        if kind == "crm.outcome.tender.captured" and len(told) > 1:
            told[1:] = [{name: one.get(name) for name in ("status", "reason", "category")} for one in told[1:]]
    return found


def _text(scenario: Scenario) -> str:
    return "\n".join(step.text for phase in scenario.phases for step in phase.steps)
