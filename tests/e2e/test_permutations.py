"""Facts end in the same account totals whatever their order of arrival (contract §2.2)."""

from __future__ import annotations

import pytest

from tests.e2e.day import Day
from tests.e2e.permutations import FAMILIES
from tests.language.expected import render
from tests.language.play import Played, outcome_type


def totals(played: Played) -> dict[str, str]:
    """Return the numbers of each account that has any; a card that a voided sale sold may be absent."""
    shown = [render(one["data"]) for one in played.outcomes if one["subject"].startswith("probe-")]
    return {
        name: text
        for parts in shown
        for name, text in parts.items()
        if name in ("points", "card G", "card H") and text != "+0=0"
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_totals_do_not_tell_the_order(day: Day, family: str) -> None:
    orders = [played for played in day.orders if played.scenario.name == family]
    assert len(orders) > 1
    natural = totals(orders[0])
    assert natural
    assert {str(totals(played)) for played in orders} == {str(natural)}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_fact_has_one_final_outcome_in_every_order(day: Day, family: str) -> None:
    for played in (played for played in day.orders if played.scenario.name == family):
        for _, document in played.published:
            mine = [
                one["data"]["status"]
                for one in played.outcomes
                if (one["type"], one["subject"]) == (outcome_type(document.type), document.subject)
            ]
            assert [status for status in mine if status != "parked"] == mine[-1:], (document, mine)
            assert len(mine) <= 2
