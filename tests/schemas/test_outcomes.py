import json
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import examples
from schemas.outcomes import OutcomeData, OutcomeEnvelope, TenderChangedData

ENVELOPE = {
    "specversion": "1.0",
    "id": "1",
    "source": "/crm",
    "type": "crm.outcome.sale.completed",
    "subject": "S",
    "orgcode": "acme",
    "time": "2026-03-01T10:15:00Z",
    "datacontenttype": "application/json",
}
POINTS = {"change": 1, "balance": 1, "available": 1, "held": 0, "pending": 0, "version": 1}
CARD = {
    "card_id": "G",
    "last4": "0017",
    "currency": "GBP",
    "change_minor": 0,
    "balance_minor": 0,
    "held_minor": 0,
    "version": 1,
}


def _without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


def _read(data: object) -> OutcomeData:
    return OutcomeEnvelope.model_validate_json(json.dumps(ENVELOPE | {"data": data})).data


@pytest.mark.parametrize(
    "data",
    [
        {"status": "applied"},
        {"status": "applied", "points": {"change": 5, "reason": "customer_not_found"}},
        {"status": "applied", "points": POINTS, "gift_cards": [CARD, {"reason": "card_not_accepted"}]},
        {"status": "applied", "gift_cards": [_without(CARD, "last4")]},
        {"status": "applied", "reason": "tenders_mismatch", "category": "invalid-request"},
    ],
)
def test_outcome(data: dict[str, Any]) -> None:
    assert type(_read(data)) is OutcomeData


def test_a_cause_makes_it_a_change_of_a_tender() -> None:
    assert type(_read(dict(examples.OUTCOMES["crm.tender.changed"]))) is TenderChangedData


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        ({"status": "done"}, "literal_error"),
        ({"status": "applied", "name": "Ada"}, "extra_forbidden"),
        ({"status": "rejected", "reason": "whim", "category": "invalid-state"}, "enum"),
        ({"status": "rejected", "reason": "over_returned"}, "category_of_reason"),
        ({"status": "rejected", "category": "invalid-state"}, "category_of_reason"),
        ({"status": "rejected", "reason": "over_returned", "category": "not-found"}, "category_of_reason"),
        *(
            ({"status": "applied", "points": _without(POINTS, name)}, "all_or_none")
            for name in ("balance", "available", "held", "pending", "version")
        ),
        ({"status": "applied", "points": _without(POINTS, "change")}, "missing"),
        ({"status": "applied", "points": POINTS | {"held": -1}}, "greater_than_equal"),
        *(
            ({"status": "applied", "gift_cards": [_without(CARD, name)]}, "all_or_none")
            for name in ("card_id", "currency", "change_minor", "balance_minor", "held_minor", "version")
        ),
        ({"status": "applied", "lines": [{"line_id": 0, "points": 1}]}, "greater_than_equal"),
        ({"status": "applied", "cause": {"type": "scm.sale.completed", "id": "S"}}, "missing"),
    ],
)
def test_refusal(data: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _read(data)
    assert rule in {error["type"] for error in refused.value.errors()}
