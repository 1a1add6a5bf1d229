import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.operations import OPERATIONS
from schemas.reasons import Place, Reason, first
from tests.schemas.contract_page import REASONS

TABLES = Path(__file__).parents[1] / "domain" / "tables"
DOCUMENTS = {
    "request": Place.REQUEST, "capture": Place.CAPTURE, "sale": Place.SALE, "return": Place.RETURN,
    "unreturn": Place.RETURN,
}  # fmt: skip
PARTS = {"points": Place.POINTS, "card": Place.GIFT_CARD, "tender": Place.TENDER}


def test_the_contract_has_the_same_reasons_in_the_same_order() -> None:
    assert [(reason.value, reason.category.value, reason.meaning) for reason in Reason] == [
        (row.reason, row.category, row.meaning) for row in REASONS
    ]


@pytest.mark.parametrize("reason", Reason)
def test_advice_names_operations_that_there_are(reason: Reason) -> None:
    assert reason.advice(lambda name: OPERATIONS[name].route)
    assert reason.places


def shown(table: str) -> set[tuple[Reason, Place]]:
    """Return the cells of a table of decisions that show reasons: at the top, and in brackets behind a part."""
    found = set()
    for line in table.splitlines():
        if line.startswith(("#", "let ")) or line.count("|") != 2:
            continue
        when, then = (cell.strip() for cell in line.split("|")[1:])
        document = when.split(";")[-1].split()[:1]
        top = re.match(r"\w+ (\w+)", then)
        if document and top and top[1] in set(Reason):
            found.add((Reason(top[1]), DOCUMENTS.get(document[0], Place.COMMAND)))
        part = None
        for name, reason in re.findall(r"\b(points|card|tender)\b|\((\w+)\)", then):
            part = PARTS.get(name, part)
            if part is not None and reason in set(Reason):
                found.add((Reason(reason), part))
    return found


def test_reasons_occur_in_their_places_only() -> None:
    places = {(reason, place) for reason in Reason for place in reason.places}
    of_voids = {(Reason.ALREADY_VOIDED, Place.COMMAND), (Reason.INSUFFICIENT_BALANCE, Place.COMMAND)}
    found = {place for path in TABLES.glob("*.txt") for place in shown(path.read_text(encoding="utf-8"))}
    assert found - places - of_voids == set()


@given(st.permutations(list(Reason)), st.integers(0, len(Reason)))
def test_first_is_the_first_of_the_list(reasons: list[Reason], some: int) -> None:
    some_reasons = reasons[:some]
    expected = next((reason for reason in Reason if reason in some_reasons), None)
    assert first(iter(some_reasons)) is expected


def test_each_comes_before_the_next() -> None:
    assert [first([later, earlier]) for earlier, later in pairwise(Reason)] == list(Reason)[:-1]
