"""Every scenario of `scenarios/`, decided by a real worker."""

from __future__ import annotations

import pytest

from tests.e2e.day import Day
from tests.language.corpus import read_all
from tests.language.judge import judge
from tests.language.scenario import Scenario


@pytest.mark.parametrize("scenario", read_all(), ids=lambda s: s.name)
def test_the_worker_decides_as_the_scenario_says(day: Day, scenario: Scenario) -> None:
    [played] = [one for one in day.played if one.scenario.org == scenario.org]
    problems = judge(played)
    assert not problems, "\n".join(problems)
