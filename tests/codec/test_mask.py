"""Dead letters keep everything but secrets (contract §3): card numbers, PINs, name, e-mail, phone."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.codec.mask import SECRET, mask

HUNTED = "hunter2"
harmless_keys = st.text(max_size=6).filter(lambda key: key.lower() not in SECRET)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(harmless_keys, inner, max_size=3), max_leaves=8
)
# Whatever somebody may have put where a secret belongs; the secret is somewhere in it.
secrets = st.recursive(
    st.sampled_from([HUNTED, f'"{HUNTED}', f"\\{HUNTED}", f"{HUNTED}\n", f"{{{HUNTED}]"]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "number", HUNTED, '"}']), inner, min_size=1, max_size=2)
    ),
    max_leaves=4,
)
written = st.sampled_from([
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: json.dumps(value, indent=1),
    lambda value: json.dumps(value, separators=(" , ", " : ")),
])  # fmt: skip


documents = st.recursive(
    values,
    lambda inner: st.lists(inner, min_size=1, max_size=3)
    | st.dictionaries(harmless_keys, inner, max_size=3)
    | st.builds(
        lambda members, key, secret: members | {key: secret},
        st.dictionaries(harmless_keys, inner, max_size=2), st.sampled_from(sorted(SECRET)), secrets,
    ),
    max_leaves=10,
)  # fmt: skip


def without(value: Any) -> Any:  # noqa: ANN401  any JSON
    """The same with every secret as the mask writes it."""
    if isinstance(value, dict):
        return {key: "***" if key in SECRET else without(inner) for key, inner in value.items()}
    return [without(inner) for inner in value] if isinstance(value, list) else value


@given(documents, written)
@example({"name": {"first": {"of": HUNTED}}}, json.dumps)
def test_no_secret_survives_and_everything_else_does(document: Any, write: Any) -> None:  # noqa: ANN401
    text = write(document)
    masked, found = mask(text.encode("utf-8", "surrogatepass"))
    assert masked is not None
    assert found is (without(document) != document)
    assert json.loads(masked.decode("utf-8", "surrogatepass")) == without(document)
    if not found:
        assert masked == text.encode("utf-8", "surrogatepass")


@given(documents, written, st.data())
def test_no_secret_survives_in_what_is_cut_off(document: Any, write: Any, data: st.DataObject) -> None:  # noqa: ANN401
    raw = write(document).encode("utf-8", "surrogatepass")
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    masked, _ = mask(cut)
    assert HUNTED.encode() not in (masked or b"") or HUNTED in json.dumps(without(document))


@given(documents)
def test_json_in_a_string_is_masked_too(document: Any) -> None:  # noqa: ANN401
    """A publisher that encodes twice makes a dead letter: a string for data."""
    raw = json.dumps({"data": json.dumps(document)}).encode()
    masked, found = mask(raw)
    assert found is (without(document) != document)
    assert HUNTED.encode() not in (masked or b"")


@given(st.binary(max_size=300))
def test_bytes_without_secrets_stay_as_they_are(raw: bytes) -> None:
    assert mask(raw) == (raw, False) or any(name.encode() in raw for name in SECRET)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (b"", b""),
        (b'{"number": "6006", "x": 1}', b'{"number": "***", "x": 1}'),
        (b'{"number":6006,"x":1}', b'{"number":"***","x":1}'),
        (b'{"pin" :\n"1234"}', b'{"pin" :\n"***"}'),
        (b'{"name": "a\\"b", "email": null, "phone": 7}', b'{"name": "***", "email": null, "phone": "***"}'),
        (b'{"name": ["a", "b"], "x": [1]}', b'{"name": "***", "x": [1]}'),
        (b'{"name": {"a": {"b": "c"}}, "x": {}}', b'{"name": "***", "x": {}}'),
        (b'{"sku": "number", "names": "n", "my_pin": 1}', b'{"sku": "number", "names": "n", "my_pin": 1}'),
        (b'{"number": "6006', b'{"number": "***"'),
        (b'{"number": "6006\xff", "pin": }', b'{"number": "***", "pin": }'),
        (b'{"\\u006eumber": "6006"}', b'{"\\u006eumber": "***"}'),
        (b'{"\\u006e\\u0075mber": "6006", "x', b'{"\\u006e\\u0075mber": "***", "x'),
        (b'{"data": "{\\"pin\\": \\"12\\", \\"x\\": 1}"}', b'{"data": "{\\"pin\\": \\"***\\", \\"x\\": 1}"}'),
        (b'{"data_base64": "eyJwaW4iOiIxMiJ9", "x": 1}', b'{"data_base64": "***", "x": 1}'),
        (b'{"PIN": "1234", "Email": "a@b.c"}', b'{"PIN": "***", "Email": "***"}'),
        (b'{"gift_card": "6006", "to_card": [6006]}', b'{"gift_card": "***", "to_card": "***"}'),
        (b'{"gift_card": {"card_id": "c"}, "from_card": null}', b'{"gift_card": {"card_id": "c"}, "from_card": null}'),
    ],
    ids=repr,
)
def test_masks(value: bytes | None, expected: bytes | None) -> None:
    assert mask(value) == (expected, value != expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"{'number': '6006', 'pin': \"12\"}", b"{'number': \"***\", 'pin': \"***\"}"),
        (b'{number: "6006", name: Ada Lovelace, x: 1}', b'{number: "***", name: "***", x: 1}'),
        (b'{"number" "6006", "pin: "12", email": "a@b"', b'{"number" "***", "pin: "***", email": "***"'),
        (b'{"name": "Ada, "phone": "+44"}', b'{"name": "***"phone": "***"}'),
        (b'{"data": "{\\"pin\\" \\"12\\", x', b'{"data": "{\\"pin\\" "***", x'),
        (b"number=6006&pin=12&sku=a", b'number="***"&pin="***"&sku=a'),
        (b"<number>6006</number><sku>a</sku>", b'<number>"***"</number><sku>a</sku>'),
        (b"name: Ada Lovelace\nsku: a", b'name: "***"\nsku: a'),
        (b'{"sku": "phone", "x": "a name", "my_pin": 1, "name": null,', None),
        ('{"pin": "12", "x": "é"'.encode("utf-16"), '{"pin": "***", "x": "é"'.encode("utf-16")),
        ('{"pin": "12"'.encode("utf-16-be") + b"\0", '{"pin": "***"\N{REPLACEMENT CHARACTER}'.encode("utf-16-be")),
        ("no secret".encode("utf-16"), None),
    ],
    ids=repr,
)
def test_masks_what_is_no_json(value: bytes, expected: bytes | None) -> None:
    assert mask(value, broken=True) == (expected or value, expected is not None)


@pytest.mark.parametrize("write", [json.dumps, repr, lambda value: json.dumps(value, indent=1)])
def test_no_secret_survives_where_any_one_mark_is_missing(write: Any) -> None:  # noqa: ANN401
    secrets = {"number": HUNTED, "x": 1, "pin": HUNTED}
    raw = write({"sku": "a", "gift_card": secrets, "name": HUNTED, "email": HUNTED, "phone": HUNTED}).encode()
    for place, byte in enumerate(raw):
        if byte in b"\"':,{}":
            masked, _ = mask(raw[:place] + raw[place + 1 :], broken=True)
            assert HUNTED.encode() not in (masked or b""), raw[place - 9 : place + 9]


def test_a_dead_letter_of_ten_megabytes_is_masked_in_no_time() -> None:
    raw = orjson.dumps({"lines": [{"number": "6006" * 4, "sku": '\\"' * 20}] * 100_000})
    masked, found = mask(raw)
    assert found
    assert b"6006" not in (masked or b"")
    for hostile in (
        b'"number":{' * 100_000,
        b'\\"number\\":' * 100_000,
        b"\\" * 1_000_000,
        b'{"name":' + b"[" * 1_000_000,
    ):
        mask(hostile)
        mask(hostile, broken=True)
