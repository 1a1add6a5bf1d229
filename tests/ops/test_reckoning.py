"""For any sale, the stored basis gives the booked points."""

from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.room import Room, document
from tests.domain.stage import BASE, microseconds
from worker.domain.rules.reckoning import reckon
from worker.ops.earning import exact_text
from worker.stored.sale import pack_sale, sale_of

NOON_US = microseconds(BASE)
CATEGORIES = st.sampled_from([None, "", "toys", "books", "tobacco"])
FACTORS = st.sampled_from(["0.5", "1", "1.1", "2", "3.333333"])
Data = dict[str, Any]


@st.composite
def policies(draw: st.DrawFn) -> Data:
    campaign = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    multiplied = draw(st.lists(st.sampled_from(["", "toys", "books"]), unique=True))
    named = [("open", None), ("asks", "marketing"), ("past", None)]
    campaigns = [{"id": id_, "factor": draw(FACTORS), "needs_consent": asks, **campaign} for id_, asks in named]
    campaigns[2]["to"] = "2026-02-01T00:00:00Z"
    tiers = [{"name": f"from {points}", "from_points_12m": points, "factor": draw(FACTORS)} for points in (0, 500)]
    return {
        "earn": {
            "points_per_unit": draw(st.sampled_from(["1", "0.3", "7"])),
            "unit_minor": {"GBP": draw(st.sampled_from([1, 100, 300]))},
            "exclude_categories": draw(st.lists(st.sampled_from(["", "tobacco"]), unique=True)),
            "multipliers": [{"category": category, "factor": draw(FACTORS)} for category in multiplied],
            "campaigns": [one for one in campaigns if draw(st.booleans())],
            "tiers": [one for one in tiers if draw(st.booleans())],
            "on_gift_card_tender": draw(st.booleans()),
            "expire_days": draw(st.sampled_from([None, 30])),
        }
    }


@st.composite
def sales(draw: st.DrawFn) -> Data:
    lines = []
    for line_id in range(1, draw(st.integers(1, 6)) + 1):
        item_type = draw(st.sampled_from(["goods", "goods", "goods", "fee", "gift_card"]))
        line = {"line_id": line_id, "sku": "s", "net_minor": draw(st.integers(0, 3000)), "item_type": item_type}
        lines.append(line | {"category": draw(CATEGORIES), "loyalty_excluded": draw(st.integers(0, 4)) == 0})
    kinds = draw(st.lists(st.sampled_from(["points", "gift_card", "cash"]), max_size=3))
    tenders = [
        {"tender_id": f"T{n}", "kind": k, "amount_minor": draw(st.integers(0, 2000))} for n, k in enumerate(kinds)
    ]
    return {"lines": lines, "tenders": tenders}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(policy=policies(), sale=sales(), earned=st.sampled_from([1, 600]), consents=st.booleans())
def test_the_reckoning_gives_what_was_booked(policy: Data, sale: Data, earned: int, consents: bool) -> None:  # noqa: FBT001
    room = Room()
    at: Data = {"occurred_at": BASE.isoformat()}
    documents: list[tuple[str, Data]] = [
        ("crm.policy.put", {"command_id": "P", "policy": policy, "effective_from": "2025-01-01T00:00:00Z"}),
        ("crm.customer.create", {"command_id": "C", "customer_id": "C"}),
        ("crm.loyalty.earn", {"command_id": "E", "customer_id": "C", "points": earned}),
        ("crm.consent.set", {"command_id": "K", "customer_id": "C", "purpose": "marketing", "granted": consents}),
        ("scm.sale.completed", {"sale_id": "S", "store_id": "1", "currency": "GBP", "customer_id": "C", **sale}),
    ]
    for type_, data in documents:
        room.read(document(type_, data | at, NOON_US), NOON_US)
    decided = dict.__getitem__(room.sales, "S")
    stored = sale_of("S", pack_sale(decided))
    assert stored.basis == decided.basis
    version = room.books.policies.latest
    told = reckon(version, stored.currency, {id_: line.net_minor for id_, line in stored.lines.items()}, stored.basis)
    assert told is not None
    assert {line.line_id: line.floor + line.left_over for line in told.lines} == {
        line_id: line.points for line_id, line in decided.lines.items()
    }
    assert told.points == told.exact // 1 == sum(line.points for line in decided.lines.values())
    assert all(line.left_over in (0, 1) for line in told.lines)
    assert all(line.exact == 0 for line in told.lines if line.basis.exclusion)


@given(st.fractions())
def test_an_exact_number_is_a_decimal_or_a_fraction(value: Fraction) -> None:
    text = exact_text(value)
    assert Fraction(text) == value
    digits = value.denominator
    for prime in (2, 5):
        while digits % prime == 0:
            digits //= prime
    assert ("/" in text) is (digits > 1)
