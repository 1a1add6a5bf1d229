"""What `make mutation` tries every mutant with: all rows and all scenarios, a few dozen to a test.

pytest would take longer to collect them one by one for each of five thousand mutants than it takes to run them. The
name is not that of a test, so that nothing else collects it.
"""

from typing import TypeVar

import pytest

from tests.domain.stage import problems
from tests.domain.test_scenarios import IN_MEMORY, lived
from tests.domain.test_tables import ROWS
from tests.language.judge import judge
from tests.language.scenario import Scenario
from tests.language.table import Row

T = TypeVar("T")

LOT = 25


def lots(cases: list[T]) -> list[list[T]]:
    return [cases[at : at + LOT] for at in range(0, len(cases), LOT)]


@pytest.mark.parametrize("rows", lots(ROWS))
def test_rows(rows: list[Row]) -> None:
    assert all(problems(row) == [] for row in rows)


@pytest.mark.parametrize("scenarios", lots(IN_MEMORY))
def test_scenarios(scenarios: list[Scenario]) -> None:
    assert all(judge(lived(scenario)) == [] for scenario in scenarios)
