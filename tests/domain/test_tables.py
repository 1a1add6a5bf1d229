"""Every row of every table, and that the tables have every row."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from schemas.outcomes import NOTICES
from schemas.reasons import Reason
from schemas.registry import DOCUMENTS
from tests.domain.stage import Stage, problems
from tests.language.table import FOLDER, Row, rows, table
from tests.schemas import contract_page
from worker.domain.state.outcome import Outcome
from worker.domain.state.tender import State

GUIDE = Path(__file__).parents[2] / "docs" / "policy.md"
ROWS = [row for path in (*sorted(FOLDER.glob("*.txt")), GUIDE) for row in rows(path)]
EVENTS = {"request": "requested", "capture": "captured", "sale": "captured", "cancel": "voided", "void": "voided",
          "wait": "expires", "return": "refund"}  # fmt: skip
NO_CELL = {(state, "expires") for state in ("none", "awaiting", "declined", "voided")}  # no hold there


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_is_decided_as_the_row_says(row: Row) -> None:
    assert problems(row) == []


@pytest.fixture(scope="module")
def played() -> list[Stage]:
    """All rows, played to their end."""
    stages = []
    for row in ROWS:
        stages.append(Stage())
        for step in row.given + row.when:
            stages[-1].play(step)
    return stages


def reasons(outcome: Outcome) -> Iterator[str | None]:
    """Those at the top and those of the parts."""
    yield outcome.reason
    yield outcome.points.reason if outcome.points else None
    yield from (card.reason for card in outcome.gift_cards)
    yield from (tender.reason for tender in outcome.tenders)


def test_every_reason_is_reached(played: list[Stage]) -> None:
    told = {reason for stage in played for outcome in stage.room.outcomes for reason in reasons(outcome)}
    assert told - {None} == set(Reason)


def test_every_type_is_decided_and_every_notice_is_told(played: list[Stage]) -> None:
    assert {type_ for stage in played for type_, _ in stage.room.known} == set(DOCUMENTS)
    told = {item["type"] for stage in played for item in stage.told}
    assert {type_ for type_ in told if type_ in NOTICES} == set(NOTICES)


def test_the_state_table_has_every_cell() -> None:
    """The state that tender T1 is in, by what comes then."""
    cells = set()
    for row in table("tender_states"):
        stage = Stage()
        for step in row.given:
            stage.play(step)
        tenders = stage.room.tenders
        state = dict.__getitem__(tenders, "T1").state if "T1" in list(tenders) else State.NONE
        cells.add((state.value, EVENTS[row.when[-1].split()[0]]))
    states = [state.value for state in State]
    assert set(product(states, set(EVENTS.values()))) - cells - NO_CELL == set()


def test_the_state_table_has_every_rule_of_the_contract() -> None:
    """The rows of each begin with its number."""
    shown = {row.rule.partition(" ")[0] for row in table("tender_states")}
    assert shown == {cells[0] for cells in contract_page.rows("#### Tenders") if cells[0].startswith("TS")}
