"""Hostile records: each becomes a dead letter with its reason, and no word of it says a value (contract §3)."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.examples import DOCUMENTS as EXAMPLES
from tests.codec.records import NOW_MS, Data, Record, binary, envelope, structured
from worker.codec import Decoder, Document, Undecodable

KEY = b"k" * 32
DECODER = Decoder((KEY,), frozenset(), 1 << 20)
SALE: Data = {
    "sale_id": "S1",
    "store_id": "st",
    "occurred_at": "2026-03-01T12:00:00Z",
    "currency": "GBP",
    "lines": [{"line_id": 1, "sku": "x", "net_minor": 100}],
}


def decode(record: Record, decoder: Decoder = DECODER) -> Document | Undecodable:
    return decoder.decode(record, NOW_MS * 1000)


def refused(record: Record, decoder: Decoder = DECODER) -> tuple[str, str]:
    """Reason and detail of the dead letter that a record becomes."""
    decoded = decoder.decode(record, NOW_MS * 1000)
    assert isinstance(decoded, Undecodable), decoded
    assert decoded.record is record
    return decoded.reason.value, decoded.detail


def sale(**changed: object) -> Data:
    return {**SALE, **changed}


def line(**changed: object) -> Data:
    return sale(lines=[{**SALE["lines"][0], **changed}])


def raw(data: Data, **attributes: object) -> bytes:
    return orjson.dumps(envelope("scm.sale.completed", "S1", data, **attributes))


# (what, bytes) → reason
VALUES: list[tuple[str, bytes | None, str]] = [
    ("nothing: a tombstone", None, "not_cloudevent"),
    ("empty", b"", "not_cloudevent"),
    ("broken", raw(SALE)[:-1], "not_json"),
    ("words", b"hello", "not_json"),
    ("two values", raw(SALE) + b"{}", "not_json"),
    ("single quotes", b"{'specversion': '1.0'}", "not_json"),
    ("a trailing comma", b'{"specversion": "1.0",}', "not_json"),
    ("a comment", b'{"specversion": "1.0"} // x', "not_json"),
    ("NaN", b'{"specversion": NaN}', "not_json"),
    ("Infinity", b'{"specversion": -Infinity}', "not_json"),
    ("a NUL byte", raw(SALE).replace(b"st", b"s\0t"), "not_json"),
    ("a line break in a string", raw(SALE).replace(b'"st"', b'"s\nt"'), "not_json"),
    ("not UTF-8", raw(SALE).replace(b'"st"', b'"\xff\xfe"'), "not_json"),
    ("UTF-16", raw(SALE).decode().encode("utf-16"), "not_json"),
    ("overlong UTF-8", raw(SALE).replace(b'"st"', b'"\xc0\x80"'), "not_json"),
    ("a surrogate in UTF-8", raw(SALE).replace(b'"st"', b'"\xed\xa0\x80"'), "not_json"),
    ("null", b"null", "not_cloudevent"),
    ("a number", b"7", "not_cloudevent"),
    ("a string", b'"x"', "not_cloudevent"),
    ("a list", b"[{}]", "not_cloudevent"),
    ("no envelope", orjson.dumps(SALE), "not_cloudevent"),
    ("an older envelope", raw(SALE, specversion="0.3"), "not_cloudevent"),
    ("a number for a version", raw(SALE, specversion=1.0), "not_cloudevent"),
    ("no id", raw(SALE, id=""), "not_cloudevent"),
    ("an id that is a number", raw(SALE, id=7), "not_cloudevent"),
    ("no source", raw(SALE, source=None), "not_cloudevent"),
    ("no type", raw(SALE, type=None), "not_cloudevent"),
    ("a type that nobody knows", raw(SALE, type="scm.sale.forgotten"), "unknown_type"),
    ("a version of a type that nobody knows", raw(SALE, type="scm.sale.completed.v2"), "unknown_type"),
    ("a type in capitals", raw(SALE, type="SCM.SALE.COMPLETED"), "unknown_type"),
    ("an outcome", raw(SALE, type="crm.outcome.sale.completed"), "unknown_type"),
    ("a lone surrogate", raw(SALE).replace(b'"st"', b'"\\ud800"'), "invalid"),
    ("\\u0000", raw(SALE).replace(b'"st"', b'"a\\u0000"'), "invalid"),
    ("\\u0000 in a key", raw(SALE).replace(b'"store_id"', b'"\\u0000":1,"store_id"'), "invalid"),
    ("a key twice", raw(SALE).replace(b'"store_id"', b'"store_id":"a","store_id"'), "invalid"),
    ("an attribute twice", raw(SALE).replace(b'"id":"e1"', b'"id":"e1","id":"e1"'), "invalid"),
    ("a number of 5,000 digits", raw(SALE).replace(b"100", b"1" * 5000), "invalid"),
    ("100,000 levels", b'{"specversion":"1.0","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid"),
]

DATA: list[tuple[str, object, str]] = [
    ("no data", None, "invalid"),
    ("a list", [], "invalid"),
    ("a string", "x", "invalid"),
    ("JSON in a string", orjson.dumps(SALE).decode(), "invalid"),
    ("a member is missing", {k: v for k, v in SALE.items() if k != "currency"}, "invalid"),
    ("another id than the subject", sale(sale_id="S2"), "invalid"),
    ("no lines", sale(lines=[]), "invalid"),
    ("10,000 lines", sale(lines=[{"line_id": n + 1, "sku": "x", "net_minor": 1} for n in range(10_000)]), "invalid"),
    ("a line twice", sale(lines=SALE["lines"] * 2), "invalid"),
    ("an object for a list", sale(lines={"0": SALE["lines"][0]}), "invalid"),
    ('"5" for 5', line(net_minor="5"), "invalid"),
    ("5.0 for 5", line(net_minor=5.0), "invalid"),
    ("1e2 for 100", line(net_minor=1e2), "invalid"),
    ("true for 1", line(net_minor=True), "invalid"),
    ("10 to the 16", line(net_minor=10**16), "invalid"),
    ("2 to the 63", line(net_minor=2**63), "invalid"),
    ("less than nothing", line(net_minor=-1), "invalid"),
    ("line 0", line(line_id=0), "invalid"),
    ("1 for true", line(loyalty_excluded=1), "invalid"),
    ("a quantity as a number", line(quantity=1), "invalid"),
    ("a quantity with an exponent", line(quantity="1e3"), "invalid"),
    ("a currency that is none", sale(currency="XXY"), "invalid"),
    ("a currency in small letters", sale(currency="gbp"), "invalid"),
    ("a time without offset", sale(occurred_at="2026-03-01T12:00:00"), "invalid"),
    ("a day for a time", sale(occurred_at="2026-03-01"), "invalid"),
    ("seconds for a time", sale(occurred_at=1_772_366_400), "invalid"),
    ("the 30th of February", sale(occurred_at="2026-02-30T12:00:00Z"), "invalid"),
    ("a customer id that is empty", sale(customer_id=""), "invalid"),
    ("a customer id that is not ASCII", sale(customer_id="ä"), "invalid"),
    ("a customer id that is long", sale(customer_id="x" * 129), "invalid"),
    (
        "a tender kind that nobody knows",
        sale(tenders=[{"tender_id": "T", "kind": "iou", "amount_minor": 1}]),
        "invalid",
    ),
    ("a card on a line of goods", line(gift_card={"number": "60060000"}), "invalid"),
    ("a day ahead and a second", sale(occurred_at="2026-03-02T12:00:01Z"), "clock_ahead"),
    ("ahead, and wrong besides", sale(occurred_at="2026-03-03T12:00:00Z", currency="gbp"), "invalid"),
]


@pytest.mark.parametrize(("value", "reason"), [one[1:] for one in VALUES], ids=[one[0] for one in VALUES])
def test_a_value_is_refused(value: bytes | None, reason: str) -> None:
    assert refused(Record(value))[0] == reason
    assert refused(Record(value, [("content-type", b"application/cloudevents+json; charset=utf-8")]))[0] == reason


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b'{"id":"1",', "data: JSON in UTF-8 (line 1, column 11: Expecting property name enclosed in double quotes)"),
        (b'{"id":"1"}\n{}', "data: JSON in UTF-8 (line 2, column 1: Extra data)"),
        (b'{"specversion":\n NaN}', "data: JSON in UTF-8 (NaN and Infinity are not JSON)"),
        (b'{"specversion": "\xe9"}', "data: JSON in UTF-8 (byte 18 is not UTF-8)"),
        (b"\xef\xbb\xbf{}", "data: JSON in UTF-8 (line 1, column 1: Unexpected UTF-8 BOM (decode using utf-8-sig))"),
        (b"[{}]", "value: a CloudEvent, which is one JSON object"),
        (orjson.dumps(SALE), "specversion is missing, in the value or as a header ce_specversion"),
        (raw(SALE, type="SCM.Sale.Complete"), "type: a type of the contract (did you mean scm.sale.completed?)"),
        (raw(SALE, type="till.opened"), "type: a type of the contract"),
        (raw(sale(occurred_at="2027-03-01T12:00:00Z")), "occurred_at: at most 24 hours after the record's timestamp"),
    ],
)
def test_the_detail_says_what_would_be_right(value: bytes, says: str) -> None:
    assert refused(Record(value))[1] == says


@pytest.mark.parametrize("build", [structured, binary])
@pytest.mark.parametrize(("data", "reason"), [one[1:] for one in DATA], ids=[one[0] for one in DATA])
def test_data_is_refused_in_either_mode(build: Callable[..., Record], data: object, reason: str) -> None:
    assert refused(build("scm.sale.completed", "S1", data))[0] == reason


@pytest.mark.parametrize(
    "attributes",
    [
        {"subject": None}, {"subject": ""}, {"subject": "x" * 129}, {"subject": "S\u00e41"}, {"subject": 1},
        {"orgcode": None}, {"orgcode": ""}, {"orgcode": "Acme"}, {"orgcode": "a" * 33}, {"orgcode": "a b"},
        {"orgcode": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_subject_or_orgcode_is_invalid(attributes: Data) -> None:
    reason, detail = refused(Record(orjson.dumps({**envelope("scm.sale.completed", "S1", SALE), **attributes})))
    assert (reason, detail.split(":")[0]) == ("invalid", next(iter(attributes)))


def test_a_tenant_who_is_not_served_is_unknown() -> None:
    one = Decoder((KEY,), frozenset({"other"}), 1 << 20)
    assert refused(structured("scm.sale.completed", "S1", SALE), one)[0] == "unknown_org"
    assert isinstance(decode(structured("scm.sale.completed", "S1", SALE, orgcode="other"), one), Document)


def test_a_document_that_is_too_large_is_not_parsed() -> None:
    assert refused(Record(b"{" * (10 << 20)))[0] == "too_large"
    exact = raw(SALE)
    assert isinstance(decode(Record(exact), Decoder((KEY,), frozenset(), len(exact))), Document)
    assert refused(Record(exact), Decoder((KEY,), frozenset(), len(exact) - 1))[0] == "too_large"


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("id", "not_cloudevent"), ("source", "not_cloudevent"), ("type", "not_cloudevent"),
     ("specversion", "not_cloudevent"), ("subject", "invalid"), ("orgcode", "invalid")],
)  # fmt: skip
def test_binary_mode_with_a_header_missing(missing: str, reason: str) -> None:
    record = binary("scm.sale.completed", "S1", SALE)
    for gone in (None, b""):
        headers = [header for header in record.headers if header[0] != "ce_" + missing]
        headers += [] if gone is None else [("ce_" + missing, gone)]
        assert refused(Record(record.value, headers))[0] == reason


def test_a_binary_attribute_that_says_two_things() -> None:
    record = binary("scm.sale.completed", "S1", SALE)
    assert isinstance(decode(Record(record.value, [*record.headers, ("ce_subject", b"S1")])), Document)
    assert refused(Record(record.value, [*record.headers, ("ce_subject", b"S2")])) == (
        "invalid",
        "headers: each ce_ header once",
    )


def test_binary_headers_that_are_not_utf_8() -> None:
    record = binary("scm.sale.completed", "S1", SALE)
    assert refused(Record(record.value, [*record.headers, ("ce_time", b"\xff")]))[0] == "not_cloudevent"


def test_a_clock_a_day_ahead_is_just_right() -> None:
    data = sale(occurred_at="2026-03-02T12:00:00Z")
    assert isinstance(decode(structured("scm.sale.completed", "S1", data)), Document)
    late = Record(structured("scm.sale.completed", "S1", data).value, timestamp=NOW_MS - 1)
    assert refused(late)[0] == "clock_ahead"


@pytest.mark.parametrize(
    "timestamp", [-1, 0, -(1 << 63), NOW_MS * 1000, NOW_MS * 1_000_000, NOW_MS + 24 * 3_600_000 + 1, (1 << 63) - 1]
)
def test_a_timestamp_that_cannot_be_right_counts_as_none(timestamp: int) -> None:
    for occurred_at in ("2026-02-01T12:00:00Z", "2026-03-01T12:00:00Z", "9999-12-31T23:59:59Z"):
        value = structured("scm.sale.completed", "S1", sale(occurred_at=occurred_at)).value
        decoded = decode(Record(value, timestamp=timestamp))
        assert isinstance(decoded, Document)
        assert decoded.record_us == NOW_MS * 1000


def test_a_timestamp_a_day_ahead_is_just_right() -> None:
    ahead_ms = NOW_MS + 24 * 3_600_000
    decoded = decode(Record(structured("scm.sale.completed", "S1", SALE).value, timestamp=ahead_ms))
    assert isinstance(decoded, Document)
    assert decoded.record_us == ahead_ms * 1000


@pytest.mark.parametrize("type_", sorted(EXAMPLES))
@given(data=st.data())
def test_no_detail_says_a_value(type_: str, data: st.DataObject) -> None:
    """A secret anywhere in the document, in place of any value or as a key, is in no word of the dead letter."""
    secret = "hunter2 SECRET"  # no member's name: one that a policy does not have is told
    document = orjson.loads(orjson.dumps(EXAMPLES[type_]))
    places = list(_places(document))
    container, key = data.draw(st.sampled_from(places))
    container[key] = data.draw(st.sampled_from([secret, [secret], {secret: secret}, {"number": {secret: 1}}]))
    subject = str(next(iter(EXAMPLES[type_].values())))
    decoded = decode(structured(type_, subject, document))
    if isinstance(decoded, Undecodable):
        assert secret not in decoded.detail
        assert len(decoded.detail) < 500


def _places(value: Any) -> Any:  # noqa: ANN401  whatever the JSON is
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


@given(st.binary(max_size=200), st.lists(st.tuples(st.sampled_from(["ce_id", "ce_type", "content-type", "x"]),
                                                   st.none() | st.binary(max_size=20)), max_size=4))  # fmt: skip
def test_no_bytes_break_the_decoder(value: bytes, headers: list[tuple[str, bytes | None]]) -> None:
    assert isinstance(decode(Record(value, headers)), Undecodable)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(st.sampled_from(sorted(EXAMPLES)), json_values)
def test_no_data_breaks_the_decoder(type_: str, data: object) -> None:
    value = orjson.dumps(envelope(type_, "x", data), option=orjson.OPT_PASSTHROUGH_SUBCLASS) if _plain(data) else b"{"
    assert isinstance(decode(Record(value)), Undecodable)


def _plain(value: object) -> bool:
    """Return whether orjson writes it: it writes no lone surrogates, and no integers beyond 64 bits."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
