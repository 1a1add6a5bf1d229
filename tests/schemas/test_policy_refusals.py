"""Invalid policies, and their messages."""

import json

import pytest
from pydantic import ValidationError

from schemas.errors import detail
from schemas.policy import DEFAULT_POLICY, Policy
from schemas.registry import DOCUMENTS
from schemas.scalars import DECIMAL_PATTERN, PATTERNS
from tests.schemas.test_policy import CAMPAIGN, GOLD, TOYS
from tests.schemas.wire import KEYS

DECIMAL = PATTERNS[DECIMAL_PATTERN]
ROWS: list[tuple[object, str]] = [
    (None, "data: an object"),
    ({"earn": []}, "earn: an object"),
    (
        {"earn": {"points_per_unit": 1}},
        f"earn.points_per_unit: {DECIMAL}",
    ),
    (
        {"earn": {"points_per_unit": "-1"}},
        f"earn.points_per_unit: {DECIMAL}",
    ),
    (
        {"earn": {"points_per_unit": "1e3"}},
        f"earn.points_per_unit: {DECIMAL}",
    ),
    (
        {"earn": {"points_per_unit": "1/2"}},
        f"earn.points_per_unit: {DECIMAL}",
    ),
    (
        {"earn": {"points_per_unit": "NaN"}},
        f"earn.points_per_unit: {DECIMAL}",
    ),
    ({"earn": {"unit_minor": {"GBX": 100}}}, "earn.unit_minor.*: an ISO 4217 currency code in capitals, like GBP"),
    ({"earn": {"unit_minor": {"GBP": 0}}}, "earn.unit_minor.*: at least 1"),
    ({"earn": {"unit_minor": {"GBP": "100"}}}, "earn.unit_minor.*: a whole number, without quotes"),
    ({"earn": {"exclude_categories": ["a\0"]}}, "earn.exclude_categories[0]: a text without NUL characters"),
    ({"earn": {"multipliers": [TOYS, TOYS | {"factor": "0"}]}}, "earn.multipliers[1].factor: above 0"),
    ({"earn": {"multipliers": [{"factor": "1"}]}}, "earn.multipliers[0]: category is missing"),
    ({"earn": {"multipliers": [TOYS | {"factor": None}]}}, "earn.multipliers[0]: factor is missing"),
    ({"earn": {"campaigns": [CAMPAIGN, CAMPAIGN]}}, "earn.campaigns: no two campaigns with one id at the same time"),
    (
        {
            "earn": {
                "campaigns": [
                    CAMPAIGN,
                    CAMPAIGN | {"from": "2026-12-26T23:59:59.999999Z", "to": "2027-01-02T00:00:00Z"},
                ]
            }
        },
        "earn.campaigns: no two campaigns with one id at the same time",
    ),
    ({"earn": {"campaigns": [CAMPAIGN | {"to": CAMPAIGN["from"]}]}}, "earn.campaigns[0].to: later than from"),
    ({"earn": {"campaigns": [CAMPAIGN | {"to": "2026-11-01T00:00:00Z"}]}}, "earn.campaigns[0].to: later than from"),
    (
        {"earn": {"campaigns": [CAMPAIGN | {"from": "2026-12-01"}]}},
        "earn.campaigns[0].from: a time with offset, like 2026-03-01T10:15:00Z",
    ),
    ({"earn": {"campaigns": [CAMPAIGN | {"factor": "0.0"}]}}, "earn.campaigns[0].factor: above 0"),
    (
        {"earn": {"campaigns": [CAMPAIGN | {"needs_consent": "yes"}]}},
        "earn.campaigns[0].needs_consent: one of marketing, profiling, service",
    ),
    ({"earn": {"campaigns": [CAMPAIGN | {"factor": "1000.1"}]}}, "earn.campaigns[0].factor: at most 1000"),
    ({"earn": {"multipliers": [TOYS | {"factor": "1000.1"}]}}, "earn.multipliers[0].factor: at most 1000"),
    ({"earn": {"tiers": [GOLD | {"factor": "1001"}]}}, "earn.tiers[0].factor: at most 1000"),
    (
        {"earn": {"points_per_unit": "1001", "unit_minor": {"GBP": 100, "JPY": 1}}},
        "earn: at most 1000 points for a minor unit, all factors together",
    ),
    ({"earn": {"tiers": [GOLD, GOLD]}}, "earn.tiers[1].name: a value that no item before it has"),
    (
        {"earn": {"tiers": [GOLD, GOLD | {"from_points_12m": 1}]}},
        "earn.tiers[1].name: a value that no item before it has",
    ),
    (
        {"earn": {"tiers": [GOLD, GOLD | {"name": "platinum"}]}},
        "earn.tiers[1].from_points_12m: a value that no item before it has",
    ),
    ({"earn": {"tiers": [GOLD | {"from_points_12m": -1}]}}, "earn.tiers[0].from_points_12m: at least 0"),
    ({"earn": {"on_points_tender": 1}}, "earn.on_points_tender: true or false"),
    ({"earn": {"pending_days": -1}}, "earn.pending_days: at least 0"),
    ({"earn": {"pending_days": 36_501}}, "earn.pending_days: at most 36500"),
    ({"earn": {"expire_days": 0}}, "earn.expire_days: at least 1"),
    ({"earn": {"pending_days": 3, "expire_days": 3}}, "earn: pending_days below expire_days"),
    ({"time_zone": "Europe/Lodnon"}, "time_zone: the IANA name of a time zone, like Europe/London"),
    ({"time_zone": "../UTC"}, "time_zone: the IANA name of a time zone, like Europe/London"),
    ({"time_zone": "Europe"}, "time_zone: the IANA name of a time zone, like Europe/London"),
    ({"time_zone": "zone.tab"}, "time_zone: the IANA name of a time zone, like Europe/London"),
    ({"time_zone": "tzdata.zi"}, "time_zone: the IANA name of a time zone, like Europe/London"),
    ({"time_zone": "__init__"}, "time_zone: the IANA name of a time zone, like Europe/London"),
    ({"redeem": {"point_value_minor": {"GBP": "0"}}}, "redeem.point_value_minor.*: above 0"),
    ({"redeem": {"point_value_minor": {"GBP": "0.000999999999"}}}, "redeem.point_value_minor.*: at least 0.001"),
    ({"redeem": {"point_value_minor": {"GBP": "1000000.1"}}}, "redeem.point_value_minor.*: at most 1000000"),
    (
        {"redeem": {"point_value_minor": {"gbp": "1"}}},
        "redeem.point_value_minor.*: an ISO 4217 currency code in capitals, like GBP",
    ),
    ({"redeem": {"min_points": -1}}, "redeem.min_points: at least 0"),
    ({"redeem": {"step_points": 0}}, "redeem.step_points: at least 1"),
    ({"redeem": {"max_share_of_sale": "1.000000000001"}}, "redeem.max_share_of_sale: at most 1"),
    (
        {"redeem": {"max_share_of_sale": "-0.5"}},
        f"redeem.max_share_of_sale: {DECIMAL}",
    ),
    ({"negative_balance": "never"}, "negative_balance: one of unlimited, within_balance"),
    ({"unlinked_return": "ignore"}, "unlinked_return: reverse_at_current_rate"),
    ({"restore_grace_days": True}, "restore_grace_days: a whole number"),
    ({"park_deadline_days": -1}, "park_deadline_days: at least 0"),
    ({"gift_card": {"min_load_minor": 50_001}}, "gift_card.max_load_minor: at least min_load_minor"),
    ({"gift_card": {"max_load_minor": 0}}, "gift_card.max_load_minor: at least min_load_minor"),
    ({"gift_card": {"min_load_minor": -1}}, "gift_card.min_load_minor: at least 0"),
    ({"gift_card": {"hold_s": 604_801}}, "gift_card.hold_s: at most 604800"),
    ({"gift_card": {"expire_days": 0}}, "gift_card.expire_days: at least 1"),
    ({"gift_card": {"reload": "yes"}}, "gift_card.reload: true or false, without quotes"),
    # members that no policy has: a misspelt one would otherwise put the default's rule into force
    ({"gift_crad": {}}, "gift_crad: no such member (did you mean gift_card?)"),
    ({"birthday": None}, "birthday: no such member"),
    ({"earn": {"point_per_unit": "2"}}, "earn.point_per_unit: no such member (did you mean points_per_unit?)"),
    (
        {"earn": {"multipliers": [TOYS | {"until": "x"}]}},
        "earn.multipliers[0].until: no such member",
    ),
    (
        {"earn": {"campaigns": [CAMPAIGN | {"from_us": 1}]}},
        "earn.campaigns[0].from_us: no such member",
    ),
    ({"6006 4900 0000 0017": 1}, "*: no such member"),
    ({"a@b.example": 1}, "*: no such member"),
    # limits (contract §4)
    ({"earn": {"multipliers": [TOYS] * 1001}}, "data: at most 1000 multipliers, campaigns and tiers together"),
    (
        {"earn": {"multipliers": [TOYS] * 1000, "tiers": [GOLD]}},
        "data: at most 1000 multipliers, campaigns and tiers together",
    ),
    ({"earn": {"exclude_categories": ["c" * 250] * 260}}, "data: at most 65536 bytes of JSON"),
]


@pytest.mark.parametrize(("members", "told"), ROWS, ids=[told for _, told in ROWS])
def test_refusal(members: object, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(members)
    assert detail(refused.value) == told


def test_a_put_names_the_misspelt_member() -> None:
    """At every interface the same model reads the command, so the path begins at its data."""
    data = {"command_id": "P1", "occurred_at": "2026-03-01T12:00:00Z", "effective_from": "2026-03-01T12:00:00Z"}
    with pytest.raises(ValidationError) as refused:
        DOCUMENTS["crm.policy.put"].validate(data | {"policy": {"earn": {"point_per_unit": "2"}}}, KEYS)
    assert detail(refused.value) == "policy.earn.point_per_unit: no such member (did you mean points_per_unit?)"


def test_a_thousand_rules_and_just_under_64_kib_are_allowed() -> None:
    assert len(Policy.model_validate({"earn": {"multipliers": [TOYS] * 999, "tiers": [GOLD]}}).earn.multipliers) == 999
    room = 65_536 - len(DEFAULT_POLICY.to_json())
    filled = {"earn": {"exclude_categories": ["c" * 253] * (room // 256)}}
    assert 65_536 - 256 < len(Policy.model_validate(filled).to_json()) <= 65_536


def test_a_policy_stored_before_these_rules_still_loads() -> None:
    """Releases before stored what a policy of theirs said; limits bind what is put from now on."""
    stored = {
        "gift_crad": {},
        "earn": {"multipliers": [TOYS] * 1500, "point_per_unit": "2", "pending_days": 3, "expire_days": 3},
    }
    loaded = Policy.from_json(json.dumps(stored).encode())
    assert len(loaded.earn.multipliers) == 1500
    assert loaded.earn.points_per_unit == 1


def test_limits_may_be_equal() -> None:
    limits = {"min_load_minor": 5, "max_load_minor": 5, "max_balance_minor": 5}
    assert Policy.model_validate({"gift_card": limits}).gift_card.max_balance_minor == 5


def test_all_factors_together_give_at_most_a_thousand_points_a_penny() -> None:
    """Alone each is within its own bound; the bound itself is allowed."""
    earn = {"points_per_unit": "2000", "unit_minor": {"GBP": 4, "EUR": 100}}
    more = {"multipliers": [TOYS], "campaigns": [CAMPAIGN | {"factor": "0.5"}]}
    assert Policy.model_validate({"earn": earn | more}).earn.multipliers[0].factor == 2
    for one in {"tiers": [GOLD]}, {"campaigns": [CAMPAIGN]}, {"multipliers": [TOYS | {"factor": "2.000000000001"}]}:
        with pytest.raises(ValidationError) as refused:
            Policy.model_validate({"earn": earn | more | one})
        assert detail(refused.value) == "earn: at most 1000 points for a minor unit, all factors together"
