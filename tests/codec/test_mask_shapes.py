"""Masking by shape in text without names, and in large texts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.codec.mask import MOST_BYTES, TEXT_BYTES, mask
from worker.codec.shapes import MASK, masked_lines, masked_text

HUNTED = "hunter2"
NUMBER = "6006490000000017"


# --- by shape --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NUMBER, MASK),
        ("x 6006 4900 0000 0017 y", "x *** y"),
        ("6006-4900--0000 - 0017", MASK),
        ("6006\u00a04900\u20130000\u202f0017", MASK),
        ("GC60064900X", "GC***X"),
        ("1234567 is short", "1234567 is short"),
        ("+44 (0)20 7946-0018", MASK),
        ("020.7946.0018", MASK),
        ("ada.lovelace+x@mail.example.org!", "***!"),
        (f"%B{NUMBER}^LOVELACE/ADA^25121010000?", MASK),
        (f";{NUMBER}=25121010000?", MASK),
        (f"{NUMBER}D2512", MASK),
        ("PIN 4711, the pin is 1234; Pin: 99", 'PIN ***, the pin is ***; Pin: "***"'),
        ("pinned 12 of 4711", "pinned 12 of 4711"),
        ("2026-11-01T10:00:00.123Z 2026-11-01 0001-01-01", "2026-11-01T10:00:00.123Z 2026-11-01 0001-01-01"),
        ("0af76519-16cd-43dd-8448-123456789012", "0af76519-16cd-43dd-8448-123456789012"),
        ("x " + "QUJDz9" * 16 + "= y", "x *** y"),
        ("x" * 50 + " " + "Ab" * 30, "x" * 50 + " " + "Ab" * 30),
        ("name: O'Neill, Ada, x: 1", 'name: "***", x: 1'),
        ("Card Number: AB12\nsku: b", 'Card Number: "***"\nsku: b'),
    ],
)
def test_text_is_masked_by_shape(text: str, expected: str) -> None:
    assert masked_text(text) == expected
    assert masked_text(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{NUMBER},4711,Ada Lovelace\nx,y\n", "***,***,***\nx,y\n"),
        (f"{NUMBER}|4711|Ada", "***|***|***"),
        (f"x {NUMBER} y", "x *** y"),
        ("a,b\n1,2\n", "a,b\n1,2\n"),
    ],
)
def test_the_neighbours_of_a_number_are_masked(text: str, expected: str) -> None:
    """A PIN and a name have no shape; in a table without a header they stand beside the number."""
    assert masked_lines(text) == expected


def test_bytes_that_are_not_text_are_masked_entirely() -> None:
    avro = b"\0\0\0\0\x07\x02" + b"\x20" + NUMBER.encode() + b"\x084711" + b"\x18Ada Lovelace\x06GBP"
    assert mask(avro)[:2] == (b"***", True)


@given(st.binary(max_size=300))
def test_bytes_stay_as_they_are_or_are_masked(raw: bytes) -> None:
    masked, found, truncated = mask(raw)
    assert not truncated
    assert masked == raw if not found else MASK.encode() in (masked or b"")


# --- size ------------------------------------------------------------------------------------------------------------


def test_large_json_is_masked_whole_and_large_text_is_cut() -> None:
    lines = [{"line_id": n, "number": NUMBER, "sku": '\\"' * 20} for n in range(5_000)]
    whole = mask(json.dumps({"lines": lines}).encode())
    assert (whole.found, whole.truncated) == (True, False)
    assert json.loads(whole.value or b"")["lines"][-1]["line_id"] == 4_999
    for raw in (json.dumps({"lines": lines * 3}).encode(), b"x" * (MOST_BYTES + 1), b"sku: a\n" * 10_000):
        cut = mask(raw)
        assert cut.truncated
        assert len(cut.value or b"") <= TEXT_BYTES
        assert NUMBER.encode() not in (cut.value or b"")


def test_a_number_is_not_cut_in_two() -> None:
    for before in range(TEXT_BYTES - 20, TEXT_BYTES):
        assert b"6" not in (mask(b"x" * before + b" 6006 4900 0000 0017 " + b"y" * 99).value or b"")


def test_a_long_string_in_json_is_masked_whole() -> None:
    assert mask(json.dumps({"x": "1 " * TEXT_BYTES}).encode()).value == b'{"x":"***"}'


HOSTILE = [
    "1", "1-", "1....", "1234567x", "60064900^", "60064900=", "1 ", "a", "a ", "a:", "a=", "a.", "a@", "@", "a@a.a",
    "-", "_", "'", "x'x,", '"', "\\", '\\"', "\\u0061", "%22", "<", "<name>", "<name ", "</name>", "name:", "name:a,",
    '"number":{', '\\"number\\":', '{"name":[', "[", ",", "number,pin\n", "2026-11-01T10:00:00 ", "QUJD", "pin ",
    '"pin" ', "&quot;", 'a"a', "0af76519-16cd-43dd-8448-",
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE, ids=repr)
def test_masking_takes_linear_time(part: str) -> None:
    """The text has a megabyte. Quadratic time would take hours."""
    masked_lines(part * (MOST_BYTES // len(part)))
    mask(json.dumps(part * 100).encode() * 100)
