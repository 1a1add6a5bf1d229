"""Every way to be refused: the type, the member, its value, and the message."""

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

BAD_QUANTITY = (
    'lines[0].quantity: a decimal number in quotes like "1.5", with at most 15 digits before the point and 12 after'
)
BAD_BIRTH_DATE = "birth_date: a date, like 1815-12-10, or --12-10 without the year"
BAD_NUMBER = "gift_card.number: 8 to 32 digits and letters, not counting spaces and dashes"
BAD_TYPE = (
    "of.type: one of scm.sale.completed, scm.return.completed, scm.tender.requested, "
    "crm.loyalty.earn, crm.loyalty.redeem, crm.loyalty.adjust, crm.loyalty.restore, "
    "crm.loyalty.reverse, crm.giftcard.issue, crm.giftcard.redeem, crm.giftcard.reload, "
    "crm.giftcard.reverse"
)

ROWS: list[tuple[str, str, object, str]] = [
    # not a document at all
    (SALE, "", None, "data: an object"),
    (SALE, "", [], "data: an object"),
    (SALE, "", "sale", "data: an object"),
    # members that must be there
    (SALE, "sale_id", ABSENT, "sale_id is missing"),
    (SALE, "store_id", ABSENT, "store_id is missing"),
    (SALE, "occurred_at", ABSENT, "occurred_at is missing"),
    (SALE, "currency", ABSENT, "currency is missing"),
    (SALE, "lines", ABSENT, "lines is missing"),
    (SALE, "lines.1.net_minor", ABSENT, "lines[1]: net_minor is missing"),
    (SALE, "lines.0.sku", ABSENT, "lines[0]: sku is missing"),
    (SALE, "tenders.0.kind", ABSENT, "tenders[0]: kind is missing"),
    (RETURN, "lines.0.line_id", ABSENT, "lines[0]: line_id is missing"),
    (REQUEST, "amount_minor", ABSENT, "amount_minor is missing"),
    (REQUEST, "kind", ABSENT, "kind is missing"),
    ("scm.tender.captured", "tender_id", ABSENT, "tender_id is missing"),
    ("crm.customer.erase", "reason", ABSENT, "reason is missing"),
    ("crm.consent.set", "granted", ABSENT, "granted is missing"),
    ("crm.policy.put", "policy", ABSENT, "policy is missing"),
    ("crm.policy.put", "effective_from", ABSENT, "effective_from is missing"),
    (ADJUST, "reason", ABSENT, "reason is missing"),
    (ADJUST, "actor", ABSENT, "actor is missing"),
    ("crm.customer.create", "birth_date", "1815-02-29", BAD_BIRTH_DATE),
    ("crm.customer.create", "birth_date", "1815-12", BAD_BIRTH_DATE),
    ("crm.customer.create", "birth_date", "-12-10", BAD_BIRTH_DATE),
    ("crm.customer.create", "birth_date", "--13-01", BAD_BIRTH_DATE),
    ("crm.customer.update", "birth_date", 18151210, "birth_date: a text, in quotes"),
    ("crm.loyalty.restore", "of.id", ABSENT, "of: id is missing"),
    ("crm.giftcard.freeze", "gift_card", ABSENT, "gift_card is missing"),
    # null is absent
    (SALE, "sale_id", None, "sale_id: a text, in quotes"),
    (SALE, "lines.0", None, "lines[0]: an object"),
    (ADJUST, "actor", None, "actor: a text, in quotes"),
    # integers are strict and have limits
    (SALE, "lines.0.net_minor", "1500", "lines[0].net_minor: a whole number of minor units, without quotes"),
    (SALE, "lines.0.net_minor", 1500.0, "lines[0].net_minor: a whole number of minor units, without a decimal point"),
    (SALE, "lines.0.net_minor", True, "lines[0].net_minor: a whole number of minor units"),
    (SALE, "lines.0.net_minor", -1, "lines[0].net_minor: at least 0"),
    (SALE, "lines.0.net_minor", BIG + 1, "lines[0].net_minor: at most 1000000000000000"),
    (SALE, "lines.0.net_minor", 10**5000, "lines[0].net_minor: at most 1000000000000000"),
    (SALE, "lines.0.line_id", 0, "lines[0].line_id: at least 1"),
    (SALE, "tenders.0.amount_minor", -1, "tenders[0].amount_minor: at least 0"),
    (RETURN, "lines.0.net_minor", -1, "lines[0].net_minor: at least 0"),
    (RETURN, "refunds.0.amount_minor", 0, "refunds[0].amount_minor: at least 1"),
    (REQUEST, "amount_minor", 0, "amount_minor: at least 1"),
    (REQUEST, "hold_s", 0, "hold_s: at least 1"),
    (REQUEST, "hold_s", 604_801, "hold_s: at most 604800"),
    (REQUEST, "eligible_minor", -1, "eligible_minor: at least 0"),
    (REQUEST, "sale_total_minor", -1, "sale_total_minor: at least 0"),
    ("scm.tender.captured", "amount_minor", 0, "amount_minor: at least 1"),
    (EARN, "points", 0, "points: at least 1"),
    (ADJUST, "points", 0, "points: a whole number other than 0"),
    (ADJUST, "points", -BIG - 1, "points: at least -1000000000000000"),
    (ADJUST, "points", BIG + 1, "points: at most 1000000000000000"),
    ("crm.giftcard.issue", "amount_minor", -1, "amount_minor: at least 0"),
    ("crm.giftcard.redeem", "amount_minor", 0, "amount_minor: at least 1"),
    ("crm.giftcard.transfer", "amount_minor", 0, "amount_minor: at least 1"),
    # booleans are strict
    (SALE, "training", 1, "training: true or false"),
    (SALE, "training", "true", "training: true or false, without quotes"),
    (REQUEST, "capture", 0, "capture: true or false"),
    ("crm.consent.set", "granted", "yes", "granted: true or false, without quotes"),
    # ids: 1 to 128 printable ASCII
    (SALE, "sale_id", "", "sale_id: at least 1 character"),
    (SALE, "sale_id", "x" * 129, "sale_id: at most 128 characters"),
    (SALE, "sale_id", "é", "sale_id: printable ASCII characters only"),
    (SALE, "sale_id", "a\n", "sale_id: printable ASCII characters only"),
    (SALE, "sale_id", "a\x7f", "sale_id: printable ASCII characters only"),
    (SALE, "sale_id", "a\u0000", "sale_id: printable ASCII characters only"),
    (SALE, "sale_id", "\ud800", "sale_id: a text in Unicode, without half a surrogate pair"),
    (SALE, "sale_id", 42, "sale_id: a text, in quotes"),
    (SALE, "store_id", "", "store_id: at least 1 character"),
    (SALE, "customer_id", "\t", "customer_id: printable ASCII characters only"),
    (SALE, "tenders.1.tender_id", "", "tenders[1].tender_id: at least 1 character"),
    # text: at most 256 characters, no NUL, no lone surrogate
    (SALE, "lines.0.sku", "x" * 257, "lines[0].sku: at most 256 characters"),
    (SALE, "lines.0.sku", "a\u0000b", "lines[0].sku: a text without NUL characters"),
    (SALE, "lines.0.category", "\udfff", "lines[0].category: a text in Unicode, without half a surrogate pair"),
    (CREATE, "name", "x" * 257, "name: at most 256 characters"),
    (CREATE, "email", "a\u0000", "email: a text without NUL characters"),
    (ADJUST, "reason", "", "reason: at least 1 character"),
    (ADJUST, "actor", "", "actor: at least 1 character"),
    # words of a list
    (SALE, "currency", "gbp", "currency: an ISO 4217 currency code in capitals, like GBP"),
    (SALE, "currency", "ZZZ", "currency: an ISO 4217 currency code in capitals, like GBP"),
    (SALE, "currency", "XXX", "currency: an ISO 4217 currency code in capitals, like GBP"),
    (SALE, "currency", "GBP\n", "currency: an ISO 4217 currency code in capitals, like GBP"),
    (SALE, "currency", "\ud800", "currency: a text in Unicode, without half a surrogate pair"),
    (SALE, "currency", [], "currency: an ISO 4217 currency code in capitals, like GBP"),
    (SALE, "lines.0.item_type", "service", "lines[0].item_type: one of goods, gift_card, fee"),
    (SALE, "tenders.0.kind", "cheque", "tenders[0].kind: one of gift_card, points, card, cash, other"),
    (REQUEST, "kind", "cash", "kind: one of gift_card, points"),
    ("scm.tender.voided", "reason", "whim", "reason: one of cancel, timeout, unknown_outcome"),
    ("crm.customer.update", "status", "erased", "status: one of active, blocked"),
    ("crm.consent.set", "purpose", "sale", "purpose: one of marketing, profiling, service"),
    ("crm.loyalty.restore", "of.type", "loyalty.redeem",
     BAD_TYPE),
    # decimals
    *((SALE, "lines.0.quantity", bad, BAD_QUANTITY) for bad in (
        "", ".5", "1.", "-1", "+1", "1e3", "1,5", " 1", "1\n", "٣", "0x1", "NaN", "1" * 16, "0." + "1" * 13
    )),
    (SALE, "lines.0.quantity", 1, "lines[0].quantity: a text, in quotes"),
    # times and dates
    *((SALE, "occurred_at", bad, "occurred_at: a time with offset, like 2026-03-01T10:15:00Z") for bad in (
        "", "2026-03-01", "2026-03-01T10:00:00", "2026-03-01 10:00:00Z", "2026-03-01T10:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T23:59:60Z", "2026-02-29T10:00:00Z", "2026-13-01T10:00:00Z", "2026-03-01T10:00:00+24:00",
        "2026-03-01T10:00:00+0100", "2026-03-01T10:00:00,5Z", "2026-03-01T10:00:00.Z", "2026-W09-7T10:00:00Z",
        "20260301T100000Z", "2026-03-01T10:00:00Z\n", "٢٠٢٦-03-01T10:00:00Z", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "\ud800", 1_772_359_200_000_000, None, True,
    )),
    *((SALE, "business_date", bad, "business_date: a date, like 2026-03-01") for bad in (
        "", "2026-02-29", "2026-3-1", "20260301", "2026-03-01T00:00:00Z", "2026-W09-7", "0000-01-01", "2026-03-01\n",
        20_513, False,
    )),
    (REQUEST, "decide_by", "soon", "decide_by: a time with offset, like 2026-03-01T10:15:00Z"),
    ("crm.giftcard.issue", "expires_on", "2027-02-30", "expires_on: a date, like 2026-03-01"),
    # card numbers and PINs
    *((REQUEST, "gift_card.number", bad, BAD_NUMBER) for bad in (
        "", "7391", "6006 490", "--------", "1" * 33, "a1-" * 17, "6006\t4900", "60064900\n", "6006_4900",
        "６００６４９００", 60064900, ["60064900"], [[b"token"], "0017"], [[b"token"], "0017", [b"token"]],
        "\ud80060064900"
    )),
    *((REQUEST, "gift_card.pin", bad, "gift_card.pin: 4 to 12 digits, in quotes") for bad in (
        "", "123", "1" * 13, "12a4", "1234\n", "１２３４", 1234, True, [[b"token"]]
    )),
    # lists
    (SALE, "lines", [], "lines: at least 1 item"),
    (SALE, "lines", {}, "lines: a list"),
    (SALE, "lines", "x", "lines: a list"),
    (SALE, "lines", [{**LINE, "line_id": n} for n in range(1, 1002)], "lines: at most 1000 items"),
    (SALE, "lines", [LINE, LINE], "lines[1].line_id: a value that no item before it has"),
    (SALE, "tenders", [{**TENDER, "tender_id": str(n)} for n in range(51)], "tenders: at most 50 items"),
    (SALE, "tenders", [TENDER, {**TENDER, "kind": "card"}],
     "tenders[1].tender_id: a value that no item before it has"),
    (RETURN, "lines", [], "lines: at least 1 item"),
    (RETURN, "lines", [{**LINE, "sale_line_id": 1}, {**LINE, "sale_line_id": 2}],
     "lines[1].line_id: a value that no item before it has"),
    (RETURN, "refunds", [{**REFUND, "gift_card": CARD, "refund_id": str(n)} for n in range(51)],
     "refunds: at most 50 items"),
    (RETURN, "refunds", [{**REFUND, "gift_card": CARD}] * 2,
     "refunds[1].refund_id: a value that no item before it has"),
    (CREATE, "external_ids", [], "external_ids: an object"),
    (CREATE, "external_ids", {str(n): "x" for n in range(51)}, "external_ids: at most 50 entries"),
    (CREATE, "external_ids", {"shop": 7}, "external_ids.*: a text, in quotes"),
    (CREATE, "external_ids", {"": "7"}, "external_ids.*: at least 1 character"),
    (CREATE, "external_ids", {"\ud800": "7"}, "external_ids.*: a text in Unicode, without half a surrogate pair"),
    # one of two
    (REQUEST, "gift_card", {}, "gift_card: either number or card_id"),
    (REQUEST, "gift_card", {"pin": "1234"}, "gift_card: either number or card_id"),
    (REQUEST, "gift_card", {"number": None, "card_id": None}, "gift_card: either number or card_id"),
    (REQUEST, "gift_card", {**CARD, "card_id": "G"}, "gift_card: either number or card_id"),
    ("crm.giftcard.redeem", "gift_card", {}, "gift_card: either number or card_id"),
    ("crm.giftcard.transfer", "to_card", {}, "to_card: either number or card_id"),
    (SALE, "lines", [{**LINE, "item_type": "gift_card", "gift_card": {}}],
     "lines[0].gift_card: either number or card_id"),
    (RETURN, "refunds", [REFUND], "refunds[0]: either tender_id or gift_card"),
    (RETURN, "refunds", [{**REFUND, "gift_card": CARD, "tender_id": "T"}], "refunds[0]: either tender_id or gift_card"),
    (EARN, "points", ABSENT, "data: either points, or amount_minor and currency"),
    (EARN, "amount_minor", 100, "data: either points, or amount_minor and currency"),
    (EARN, "currency", "GBP", "data: either points, or amount_minor and currency"),
    # members that others ask for or exclude
    (SALE, "lines", [{**LINE, "gift_card": CARD}], "lines[0].item_type: gift_card, because the line has a gift_card"),
    (SALE, "lines", [{**LINE, "item_type": "fee", "gift_card": CARD}],
     "lines[0].item_type: gift_card, because the line has a gift_card"),
    (RETURN, "lines.0.sale_line_id", ABSENT, "lines[0]: sale_line_id is missing, because there is a sale_id"),
    (RETURN, "refunds", [{**REFUND, "kind": "points"}], "refunds[0]: tender_id is missing, because kind is points"),
    (RETURN, "refunds", [{**REFUND, "kind": "cash", "gift_card": CARD}],
     "refunds[0].gift_card: absent, unless kind is gift_card"),
    (REQUEST, "gift_card", ABSENT, "data: gift_card is missing, because kind is gift_card"),
    (REQUEST, "kind", "points", "data: customer_id is missing, because kind is points"),
    ("crm.customer.merge", "into_customer_id", "C-1002", "into_customer_id: another customer than from_customer_id"),
    # three are told, the rest counted
    (SALE, "lines", [{}, 7], "lines[0]: line_id, sku and net_minor are missing; lines[1]: an object"),
]  # fmt: skip

# What JSON Schema can't say, or says by a format that validators may skip.
BEYOND_JSON_SCHEMA = {
    "a value that no item before it has",
    "another customer than from_customer_id",
    "a time with offset, like 2026-03-01T10:15:00Z",
    "a date, like 2026-03-01",
    "a date, like 1815-12-10, or --12-10 without the year",  # 29 February, 31 June
    "a text in Unicode, without half a surrogate pair",
}
# Python's jsonschema takes 1500.0 for an integer, can't print an integer so long, and lets `$` match before a last \n.
BEYOND_JSONSCHEMA = (1500.0, 10**5000, "a\n", "1\n", "60064900\n", "1234\n")


@pytest.mark.parametrize(("type_", "path", "value", "told"), ROWS, ids=named)
def test_refusal(type_: str, path: str, value: object, told: str) -> None:
    assert refusal(type_, changed(type_, path, value)) == told


def _rules(told: str) -> Iterator[str]:
    for part in told.split("; "):
        yield part.partition(": ")[2]


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
def test_any_input_is_read_or_refused(place: tuple[str, str], value: object) -> None:
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
