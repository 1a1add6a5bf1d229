from fractions import Fraction
from typing import Any

import jsonschema
import pytest

from schemas.json_schema import standalone
from schemas.policy import DEFAULT_POLICY, Policy
from tests.schemas.contract_page import DEFAULT_POLICY as DEFAULT

CAMPAIGN = {"id": "xmas", "from": "2026-12-01T00:00:00Z", "to": "2026-12-27T00:00:00Z", "factor": "3"}
GOLD = {"name": "gold", "from_points_12m": 5000, "factor": "1.5"}
TOYS = {"category": "toys", "factor": "2"}


def test_default_is_the_contract_s() -> None:
    assert DEFAULT_POLICY.wire_form() == DEFAULT


@pytest.mark.parametrize(
    "members",
    [
        {},
        DEFAULT,
        {"earn": None, "redeem": None, "negative_balance": None, "gift_card": None, "park_deadline_days": None},
        {"earn": {}, "redeem": {}, "gift_card": {}},
        {"earn": dict.fromkeys(DEFAULT["earn"]), "redeem": dict.fromkeys(DEFAULT["redeem"])},
        {"redeem": {"max_share_of_sale": "1.000"}},
    ],
)
def test_an_absent_member_or_null_is_the_default(members: dict[str, Any]) -> None:
    assert Policy.model_validate(members) == DEFAULT_POLICY
    assert Policy.model_validate(members).to_json() == DEFAULT_POLICY.to_json()
    jsonschema.Draft202012Validator(standalone(Policy)).validate(members)


def test_decimals_are_exact() -> None:
    policy = Policy.model_validate(
        {
            "earn": {"points_per_unit": "0.1", "multipliers": [TOYS], "tiers": [GOLD]},
            "redeem": {"point_value_minor": {"GBP": "0.333333333333"}, "max_share_of_sale": "0.50"},
        }
    )
    assert policy.earn.points_per_unit == Fraction(1, 10)
    assert policy.earn.multipliers[0].factor == 2
    assert policy.earn.tiers[0].factor == Fraction(3, 2)
    assert policy.redeem.point_value_minor == {"GBP": Fraction(333_333_333_333, 10**12)}
    assert policy.redeem.max_share_of_sale == Fraction(1, 2)


def test_json_round_trip_is_canonical() -> None:
    policy = Policy.model_validate(
        {
            "earn": {
                "points_per_unit": "01.50",
                "unit_minor": {"USD": 100, "EUR": 50},
                "exclude_categories": ["tabac à priser"],
                "multipliers": [TOYS],
                "campaigns": [CAMPAIGN | {"from": "2026-12-01T01:00:00.25+01:00", "needs_consent": "marketing"}],
                "tiers": [GOLD],
            },
            "redeem": {"point_value_minor": {"USD": "0.001000000001", "EUR": "999999.999999999999"}},
        }
    )
    earn = policy.wire_form()["earn"]
    assert earn["points_per_unit"] == "1.5"
    assert list(earn["unit_minor"]) == ["EUR", "USD"]
    assert earn["campaigns"][0]["from"] == "2026-12-01T00:00:00.250000Z"
    assert policy.wire_form()["redeem"]["point_value_minor"] == {
        "EUR": "999999.999999999999",
        "USD": "0.001000000001",
    }
    assert Policy.from_json(policy.to_json()) == policy
    assert Policy.from_json(policy.to_json()).to_json() == policy.to_json()
    assert Policy.model_validate(policy.wire_form()) == policy


def test_campaigns_of_one_id_may_follow_each_other() -> None:
    next_year = CAMPAIGN | {"from": CAMPAIGN["to"], "to": "2027-01-02T00:00:00+00:00"}
    other = CAMPAIGN | {"id": "advent"}
    policy = Policy.model_validate({"earn": {"campaigns": [next_year, other, CAMPAIGN]}})
    assert [campaign.id for campaign in policy.earn.campaigns] == ["xmas", "advent", "xmas"]
    first = policy.earn.campaigns[2]
    assert (first.from_us, first.to_us) == (1_796_083_200_000_000, 1_798_329_600_000_000)
