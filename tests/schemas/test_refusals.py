"""Every way to be refused: type, what is changed, to what, and what is said."""

from collections.abc import Iterator

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_schema import standalone
from schemas.registry import DOCUMENTS
from tests.schemas.wire import ABSENT, changed, example, named, refusal

SALE = "scm.sale.completed"
RETURN = "scm.return.completed"
REQUEST = "scm.tender.requested"
EARN = "crm.loyalty.earn"
ADJUST = "crm.loyalty.adjust"
CREATE = "crm.customer.create"

LINE = {"line_id": 1, "sku": "A", "net_minor": 100}
TENDER = {"tender_id": "T", "kind": "cash", "amount_minor": 100}
REFUND = {"refund_id": "1", "kind": "gift_card", "amount_minor": 100}
CARD = {"number": "6006-0001"}
BIG = 10**15

ROWS: list[tuple[str, str, object, str]] = [
    # not a document at all
    (SALE, "", None, "data: model_type"),
    (SALE, "", [], "data: model_type"),
    (SALE, "", "sale", "data: model_type"),
    # members that must be there
    (SALE, "sale_id", ABSENT, "sale_id: missing"),
    (SALE, "store_id", ABSENT, "store_id: missing"),
    (SALE, "occurred_at", ABSENT, "occurred_at: missing"),
    (SALE, "currency", ABSENT, "currency: missing"),
    (SALE, "lines", ABSENT, "lines: missing"),
    (SALE, "lines.1.net_minor", ABSENT, "lines[1].net_minor: missing"),
    (SALE, "lines.0.sku", ABSENT, "lines[0].sku: missing"),
    (SALE, "tenders.0.kind", ABSENT, "tenders[0].kind: missing"),
    (RETURN, "lines.0.line_id", ABSENT, "lines[0].line_id: missing"),
    (REQUEST, "amount_minor", ABSENT, "amount_minor: missing"),
    (REQUEST, "kind", ABSENT, "kind: missing"),
    ("scm.tender.captured", "tender_id", ABSENT, "tender_id: missing"),
    ("crm.customer.erase", "reason", ABSENT, "reason: missing"),
    ("crm.consent.set", "granted", ABSENT, "granted: missing"),
    ("crm.policy.put", "policy", ABSENT, "policy: missing"),
    ("crm.policy.put", "effective_from", ABSENT, "effective_from: missing"),
    (ADJUST, "reason", ABSENT, "reason: missing"),
    (ADJUST, "actor", ABSENT, "actor: missing"),
    ("crm.loyalty.restore", "of.id", ABSENT, "of.id: missing"),
    ("crm.giftcard.freeze", "gift_card", ABSENT, "gift_card: missing"),
    # null is absent
    (SALE, "sale_id", None, "sale_id: string_type"),
    (SALE, "lines.0", None, "lines[0]: model_type"),
    (ADJUST, "actor", None, "actor: string_type"),
    # integers are strict and have limits
    (SALE, "lines.0.net_minor", "1500", "lines[0].net_minor: int_type"),
    (SALE, "lines.0.net_minor", 1500.0, "lines[0].net_minor: int_type"),
    (SALE, "lines.0.net_minor", True, "lines[0].net_minor: int_type"),
    (SALE, "lines.0.net_minor", -1, "lines[0].net_minor: greater_than_equal"),
    (SALE, "lines.0.net_minor", BIG + 1, "lines[0].net_minor: less_than_equal"),
    (SALE, "lines.0.net_minor", 10**5000, "lines[0].net_minor: less_than_equal"),
    (SALE, "lines.0.line_id", 0, "lines[0].line_id: greater_than_equal"),
    (SALE, "tenders.0.amount_minor", -1, "tenders[0].amount_minor: greater_than_equal"),
    (RETURN, "lines.0.net_minor", 0, "lines[0].net_minor: greater_than_equal"),
    (RETURN, "refunds.0.amount_minor", 0, "refunds[0].amount_minor: greater_than_equal"),
    (REQUEST, "amount_minor", 0, "amount_minor: greater_than_equal"),
    (REQUEST, "hold_s", 0, "hold_s: greater_than_equal"),
    (REQUEST, "hold_s", 604_801, "hold_s: less_than_equal"),
    (REQUEST, "eligible_minor", -1, "eligible_minor: greater_than_equal"),
    (REQUEST, "sale_total_minor", -1, "sale_total_minor: greater_than_equal"),
    ("scm.tender.captured", "amount_minor", 0, "amount_minor: greater_than_equal"),
    (EARN, "points", 0, "points: greater_than_equal"),
    (ADJUST, "points", 0, "points: not_zero"),
    (ADJUST, "points", -BIG - 1, "points: greater_than_equal"),
    (ADJUST, "points", BIG + 1, "points: less_than_equal"),
    ("crm.giftcard.issue", "amount_minor", -1, "amount_minor: greater_than_equal"),
    ("crm.giftcard.redeem", "amount_minor", 0, "amount_minor: greater_than_equal"),
    ("crm.giftcard.transfer", "amount_minor", 0, "amount_minor: greater_than_equal"),
    # booleans are strict
    (SALE, "training", 1, "training: bool_type"),
    (SALE, "training", "true", "training: bool_type"),
    (REQUEST, "capture", 0, "capture: bool_type"),
    ("crm.consent.set", "granted", "yes", "granted: bool_type"),
    # ids: 1 to 128 printable ASCII
    (SALE, "sale_id", "", "sale_id: string_too_short"),
    (SALE, "sale_id", "x" * 129, "sale_id: string_too_long"),
    (SALE, "sale_id", "é", "sale_id: string_pattern_mismatch"),
    (SALE, "sale_id", "a\n", "sale_id: string_pattern_mismatch"),
    (SALE, "sale_id", "a\x7f", "sale_id: string_pattern_mismatch"),
    (SALE, "sale_id", "a\u0000", "sale_id: string_pattern_mismatch"),
    (SALE, "sale_id", "\ud800", "sale_id: string_unicode"),
    (SALE, "sale_id", 42, "sale_id: string_type"),
    (SALE, "store_id", "", "store_id: string_too_short"),
    (SALE, "customer_id", "\t", "customer_id: string_pattern_mismatch"),
    (SALE, "tenders.1.tender_id", "", "tenders[1].tender_id: string_too_short"),
    # text: at most 256 characters, no NUL, no lone surrogate
    (SALE, "lines.0.sku", "x" * 257, "lines[0].sku: string_too_long"),
    (SALE, "lines.0.sku", "a\u0000b", "lines[0].sku: string_pattern_mismatch"),
    (SALE, "lines.0.category", "\udfff", "lines[0].category: string_unicode"),
    (CREATE, "name", "x" * 257, "name: string_too_long"),
    (CREATE, "email", "a\u0000", "email: string_pattern_mismatch"),
    (ADJUST, "reason", "", "reason: string_too_short"),
    (ADJUST, "actor", "", "actor: string_too_short"),
    # words of a list
    (SALE, "currency", "gbp", "currency: literal_error"),
    (SALE, "currency", "ZZZ", "currency: literal_error"),
    (SALE, "currency", "XXX", "currency: literal_error"),
    (SALE, "currency", "GBP\n", "currency: literal_error"),
    (SALE, "currency", "\ud800", "currency: string_unicode"),
    (SALE, "currency", [], "currency: literal_error"),
    (SALE, "lines.0.item_type", "service", "lines[0].item_type: literal_error"),
    (SALE, "tenders.0.kind", "cheque", "tenders[0].kind: literal_error"),
    (REQUEST, "kind", "cash", "kind: literal_error"),
    ("scm.tender.voided", "reason", "whim", "reason: literal_error"),
    ("crm.customer.update", "status", "erased", "status: literal_error"),
    ("crm.consent.set", "purpose", "sale", "purpose: literal_error"),
    ("crm.loyalty.restore", "of.type", "loyalty.redeem", "of.type: literal_error"),
    # decimals
    *((SALE, "lines.0.quantity", bad, "lines[0].quantity: string_pattern_mismatch") for bad in (
        "", ".5", "1.", "-1", "+1", "1e3", "1,5", " 1", "1\n", "٣", "0x1", "NaN", "1" * 16, "0." + "1" * 13
    )),
    (SALE, "lines.0.quantity", 1, "lines[0].quantity: string_type"),
    # times and dates
    *((SALE, "occurred_at", bad, "occurred_at: rfc3339") for bad in (
        "", "2026-03-01", "2026-03-01T10:00:00", "2026-03-01 10:00:00Z", "2026-03-01T10:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T23:59:60Z", "2026-02-29T10:00:00Z", "2026-13-01T10:00:00Z", "2026-03-01T10:00:00+24:00",
        "2026-03-01T10:00:00+0100", "2026-03-01T10:00:00,5Z", "2026-03-01T10:00:00.Z", "2026-W09-7T10:00:00Z",
        "20260301T100000Z", "2026-03-01T10:00:00Z\n", "٢٠٢٦-03-01T10:00:00Z", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "\ud800", 1_772_359_200_000_000, None, True,
    )),
    *((SALE, "business_date", bad, "business_date: date") for bad in (
        "", "2026-02-29", "2026-3-1", "20260301", "2026-03-01T00:00:00Z", "2026-W09-7", "0000-01-01", "2026-03-01\n",
        20_513, False,
    )),
    (REQUEST, "decide_by", "soon", "decide_by: rfc3339"),
    ("crm.giftcard.issue", "expires_on", "2027-02-30", "expires_on: date"),
    # card numbers and PINs
    *((REQUEST, "gift_card.number", bad, "gift_card.number: card_number") for bad in (
        "", "7391", "6006 490", "--------", "1" * 33, "a1-" * 17, "6006\t4900", "60064900\n", "6006_4900",
        "６００６４９００", 60064900, ["60064900"], [[b"token"], "0017"], [[b"token"], "0017", [b"token"]],
        "\ud80060064900"
    )),
    *((REQUEST, "gift_card.pin", bad, "gift_card.pin: pin") for bad in (
        "", "123", "1" * 13, "12a4", "1234\n", "１２３４", 1234, True, [[b"token"]]
    )),
    # lists
    (SALE, "lines", [], "lines: too_short"),
    (SALE, "lines", {}, "lines: tuple_type"),
    (SALE, "lines", "x", "lines: tuple_type"),
    (SALE, "lines", [{**LINE, "line_id": n} for n in range(1, 1002)], "lines: too_long"),
    (SALE, "lines", [LINE, LINE], "lines: not_unique"),
    (SALE, "tenders", [{**TENDER, "tender_id": str(n)} for n in range(51)], "tenders: too_long"),
    (SALE, "tenders", [TENDER, {**TENDER, "kind": "card"}], "tenders: not_unique"),
    (RETURN, "lines", [], "lines: too_short"),
    (RETURN, "lines", [{**LINE, "sale_line_id": 1}, {**LINE, "sale_line_id": 2}], "lines: not_unique"),
    (RETURN, "refunds", [{**REFUND, "gift_card": CARD, "refund_id": str(n)} for n in range(51)], "refunds: too_long"),
    (RETURN, "refunds", [{**REFUND, "gift_card": CARD}] * 2, "refunds: not_unique"),
    (CREATE, "external_ids", [], "external_ids: dict_type"),
    (CREATE, "external_ids", {str(n): "x" for n in range(51)}, "external_ids: too_long"),
    (CREATE, "external_ids", {"shop": 7}, "external_ids.*: string_type"),
    (CREATE, "external_ids", {"": "7"}, "external_ids.*: string_too_short"),
    (CREATE, "external_ids", {"\ud800": "7"}, "external_ids.*: string_unicode"),
    # one of two
    (REQUEST, "gift_card", {}, "gift_card: one_of_number_card_id"),
    (REQUEST, "gift_card", {"pin": "1234"}, "gift_card: one_of_number_card_id"),
    (REQUEST, "gift_card", {"number": None, "card_id": None}, "gift_card: one_of_number_card_id"),
    (REQUEST, "gift_card", {**CARD, "card_id": "G"}, "gift_card: one_of_number_card_id"),
    ("crm.giftcard.redeem", "gift_card", {}, "gift_card: one_of_number_card_id"),
    ("crm.giftcard.transfer", "to_card", {}, "to_card: one_of_number_card_id"),
    (SALE, "lines", [{**LINE, "item_type": "gift_card", "gift_card": {}}], "lines[0].gift_card: one_of_number_card_id"),
    (RETURN, "refunds", [REFUND], "refunds[0]: one_of_tender_id_gift_card"),
    (RETURN, "refunds", [{**REFUND, "gift_card": CARD, "tender_id": "T"}], "refunds[0]: one_of_tender_id_gift_card"),
    (EARN, "points", ABSENT, "data: one_of_points_amount_minor"),
    (EARN, "amount_minor", 100, "data: one_of_points_amount_minor"),
    (EARN, "currency", "GBP", "data: one_of_points_amount_minor"),
    # members that others ask for or exclude
    (SALE, "lines", [{**LINE, "gift_card": CARD}], "lines: gift_card_on_other_line"),
    (SALE, "lines", [{**LINE, "item_type": "fee", "gift_card": CARD}], "lines: gift_card_on_other_line"),
    (RETURN, "lines.0.sale_line_id", ABSENT, "data: sale_line_id_required"),
    (RETURN, "refunds", [{**REFUND, "kind": "points"}], "refunds[0]: tender_id_required"),
    (RETURN, "refunds", [{**REFUND, "kind": "cash", "gift_card": CARD}], "refunds[0]: gift_card_of_other_kind"),
    (REQUEST, "gift_card", ABSENT, "data: gift_card_required"),
    (REQUEST, "kind", "points", "data: customer_id_required"),
    ("crm.customer.merge", "into_customer_id", "C-1002", "data: same_customer"),
    # three are told, the rest counted
    (SALE, "lines", [{}, 7], "lines[0].line_id: missing; lines[0].sku: missing; lines[0].net_minor: missing; 1 more"),
]  # fmt: skip

# What JSON Schema can't say, or says by a format that validators may skip.
BEYOND_JSON_SCHEMA = {"not_unique", "same_customer", "rfc3339", "date", "string_unicode"}
# Python's jsonschema takes 1500.0 for an integer, can't print an integer so long, and lets `$` match before a last \n.
BEYOND_JSONSCHEMA = (1500.0, 10**5000, "a\n", "1\n", "60064900\n", "1234\n")


@pytest.mark.parametrize(("type_", "path", "value", "told"), ROWS, ids=named)
def test_refusal(type_: str, path: str, value: object, told: str) -> None:
    assert refusal(type_, changed(type_, path, value)) == told


def _rules(told: str) -> Iterator[str]:
    for part in told.split("; "):
        yield part.rpartition(": ")[2]


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        pytest.param(type_, changed(type_, path, value), id=f"{type_}-{told}-{named(value)}")
        for type_, path, value, told in ROWS
        if not set(_rules(told)) & BEYOND_JSON_SCHEMA and value not in BEYOND_JSONSCHEMA
    ],
)
def test_json_schema_refuses_it_too(type_: str, data: object) -> None:
    validator = jsonschema.Draft202012Validator(standalone(DOCUMENTS[type_].model))
    assert not validator.is_valid(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _paths(value: object, so_far: str = "") -> Iterator[str]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield f"{so_far}{key}"
        yield from _paths(member, f"{so_far}{key}.")


PLACES = [(type_, path) for type_ in sorted(DOCUMENTS) for path in _paths(example(type_))]


@given(place=st.sampled_from(PLACES), value=JSON)
def test_whatever_comes_is_read_or_refused(place: tuple[str, str], value: object) -> None:
    """Any other exception would kill the worker on one bad record."""
    type_, path = place
    assert refusal(type_, changed(type_, path, value)).isprintable()


@given(
    place=st.sampled_from(PLACES),
    junk=st.text(st.characters(categories=["Lu"]), min_size=5).map(lambda t: f"secret{t}"),
)
def test_no_value_and_no_made_up_key_is_told(place: tuple[str, str], junk: str) -> None:
    """But for a policy's members: the path of an unknown one is what is wrong (contract §4)."""
    type_, path = place
    of_a_policy = path.split(".")[0] == "policy"
    for value in (junk, [junk]) if of_a_policy else (junk, [junk], {junk: junk}, {junk: {junk: 1}}):
        assert "secret" not in refusal(type_, changed(type_, path, value))
