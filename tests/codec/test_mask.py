"""Dead letters keep everything but secrets (contract §3.4): card numbers, PINs, what is personal data."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.examples import DOCUMENTS
from tests.codec.records import envelope
from worker.codec.mask import mask
from worker.codec.names import Secrecy, known_names, secrecy
from worker.codec.shapes import MASK

HUNTED = "hunter2"
NUMBER = "6006490000000017"

# --- JSON, member by member ------------------------------------------------------------------------------------------

SECRET_NAMES = ["number", "pin", "name", "email", "phone", "external_ids", "birth_date", "data_base64"]
harmless_names = st.text("abcdxyz_", max_size=5)
scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text("abc {", max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(harmless_names, inner, max_size=3),
    max_leaves=8,
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
    | st.dictionaries(harmless_names, inner, max_size=3)
    | st.builds(
        lambda members, key, secret: members | {key: secret},
        st.dictionaries(harmless_names, inner, max_size=2), st.sampled_from(SECRET_NAMES), secrets,
    ),
    max_leaves=10,
)  # fmt: skip


def without(value: Any) -> Any:  # noqa: ANN401  any JSON
    """The same with every secret as the mask writes it."""
    if isinstance(value, dict):
        return {key: MASK if key in SECRET_NAMES else without(inner) for key, inner in value.items()}
    return [without(inner) for inner in value] if isinstance(value, list) else value


@given(documents, written)
@example({"name": {"first": {"of": HUNTED}}}, json.dumps)
def test_no_secret_survives_and_everything_else_does(document: Any, write: Any) -> None:  # noqa: ANN401
    raw = write(document).encode()
    masked, found, truncated = mask(raw)
    assert (found, truncated) == (without(document) != document, False)
    assert json.loads(masked or b"") == without(document)
    assert found or masked == raw


@given(documents, written, st.data())
def test_no_secret_survives_in_what_is_cut_off(document: Any, write: Any, data: st.DataObject) -> None:  # noqa: ANN401
    raw = write(document).encode()
    masked = mask(raw[: data.draw(st.integers(0, len(raw)))]).value or b""
    assert HUNTED.encode() not in masked or HUNTED in json.dumps(without(document))


@given(documents)
def test_json_in_a_string_is_masked_too(document: Any) -> None:  # noqa: ANN401
    """A publisher that encodes twice makes a dead letter: a string for data."""
    masked, found, _ = mask(json.dumps({"data": json.dumps(document)}).encode())
    assert found is (without(document) != document)
    assert HUNTED.encode() not in (masked or b"")


@pytest.mark.parametrize("type_", sorted(DOCUMENTS))
def test_of_what_is_understood_an_operator_sees_everything_else(type_: str) -> None:
    """Ids made of digits, amounts, times: all that is not a secret stays as it came."""
    data = {
        **json.loads(json.dumps(DOCUMENTS[type_])),
        "sale_id": "20261101000123", "tender_id": "0042-2026-11-01-0007", "customer_id": "100000000017",
        "line_id": 10**15, "amount_minor": 10**15, "sku": "4006381333931", "time": "2026-11-01T10:00:00.123Z",
    }  # fmt: skip
    data.pop("reason", None)
    came = envelope(
        type_, "20261101000123", data, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )
    shown = json.loads(mask(json.dumps(came).encode()).value or b"")
    assert shown == _hidden(came)


def _hidden(value: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        return {
            key: MASK if secrecy(key) is Secrecy.SECRET and inner is not None else _hidden(inner)
            for key, inner in value.items()
        }
    return [_hidden(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (b"", b""),
        (b'{"number": "6006", "x": 1}', b'{"number":"***","x":1}'),
        (b'{"number":6006,"pin":null}', b'{"number":"***","pin":null}'),
        (b'{"name": {"a": {"b": "c"}}, "x": {}}', b'{"name":"***","x":{}}'),
        (b'{"sku": "number", "x": ["pin"]}', None),
        (b'{"\\u006eumber": "6006"}', b'{"number":"***"}'),
        (b'{"data": "{\\"pin\\": \\"12\\", \\"x\\": 1}"}', b'{"data":"{\\"pin\\":\\"***\\",\\"x\\":1}"}'),
        # a card shows what the contract knows of one; other members may be the number by another name
        (b'{"gift_card": "GC1", "to_card": [6006]}', b'{"gift_card":"***","to_card":["***"]}'),
        (b'{"gift_card": {"card_id": "c", "load_minor": 12345678}, "from_card": null}', None),
        (b'{"gift_card": {"id": "G", "x": [1], "ok": true}}', b'{"gift_card":{"id":"***","x":["***"],"ok":true}}'),
        (b'{"giftCard": {"ref": "GCA1"}, "voucher": 17}', b'{"giftCard":{"ref":"***"},"voucher":"***"}'),
        (b'{"card_id": "6006490000000017"}', b'{"card_id":"***"}'),
        (b'{"card_id": "0af76519-16cd-43dd-8448-123456789012"}', None),
        # by shape: members that the contract does not know, and its free text
        (b'{"x": "6006-4900 0000 0017", "y": 6006490000000017}', b'{"x":"***","y":"***"}'),
        (b'{"x": 1234567, "y": "1234567", "z": "2026-11-01"}', None),
        (b'{"reason": "call +44 20 7946 0018", "actor": "ada@example.org"}', b'{"reason":"call ***","actor":"***"}'),
        (b'{"reason": "name: Ada, x: 1", "actor": "desk-4"}', b'{"reason":"name: \\"***\\", x: 1","actor":"desk-4"}'),
        (b'{"6006490000000017": 1, "a@b.org": 2, "x": 3}', b'{"***":2,"x":3}'),
        (b'{"customer_id": "ada@example.org"}', b'{"customer_id":"***"}'),
        (b'"6006490000000017"', b'"***"'),
        (b"6006490000000017", b'"***"'),
        (b"[6006490000000017]", b'["***"]'),
    ],
    ids=repr,
)  # fmt: skip
def test_masks(value: bytes | None, expected: bytes | None) -> None:
    expected = value if expected is None else expected
    assert mask(value)[:2] == (expected, value != expected)


# --- by name, in every spelling and format ---------------------------------------------------------------------------

SPELLINGS = [
    "number", "card_number", "cardNumber", "CARDNUMBER", "Card-Number", "card_no", "cardnr", "giftCardNumber",
    "voucher_code", "gan", "pan", "code", "pin", "PIN", "pinCode", "PIN_CODE", "cardPin", "userPin", "pin2",
    "security_code", "cvv", "track2", "password", "passcode", "name", "names", "customerName", "customer_name",
    "customer-name", "FIRST_NAME", "lastName", "surname", "fullname", "holder", "email", "e-mail", "eMail", "E_MAIL",
    "mail", "emailAddress", "customer.email", "phone", "phoneNumber", "phone_no", "telephone", "mobile", "tel", "fax",
    "birth_date", "dateOfBirth", "address", "external_ids",
]  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_secret_has_many_names(name: str) -> None:
    assert secrecy(name) is Secrecy.SECRET


OTHERS = [
    "sku", "sale_id", "tender_id", "storeId", "shipping", "opinion", "company", "spinner", "pinned_at", "accountant",
    "amount_minor", "currencyCode", "line_id", "item_type", "min_points", "quantity", "time", "subject",
    "traceparent", "panel", "telemetry",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_these_names_are_no_secret_s(name: str) -> None:
    assert secrecy(name) in {Secrecy.KNOWN, Secrecy.UNKNOWN}


def test_every_name_in_the_contract_is_known() -> None:
    assert {"sale_id", "line_id", "net_minor", "from_points_12m", "subject", "traceparent"} <= known_names()
    assert {secrecy(name) for name in ("number", "pin", "name", "email", "phone")} == {Secrecy.SECRET}


def _utf_16(text: str) -> bytes:
    return text.encode("utf-16")


FORMATS: dict[str, Callable[[str, str], bytes]] = {
    "JSON": lambda name, value: json.dumps({"x": 1, name: value, "y": 2}).encode(),
    "JSON cut off": lambda name, value: json.dumps({"x": 1, name: value}).encode()[:-2],
    "JSON with a key twice": lambda name, value: f'{{"x":1,"x":2,"{name}":"{value}"}}'.encode(),
    "JSON in JSON in JSON": lambda name, value: json.dumps(json.dumps(json.dumps({name: value}))).encode()[:-1],
    "JSON lines": lambda name, value: f'{{"{name}": "{value}"}}\n{{"{name}": "{value}"}}\n'.encode(),
    "a schema registry's five bytes": lambda name, value: b"\0\0\0\0\7" + json.dumps({name: value}).encode(),
    "a mark of UTF-8": lambda name, value: b"\xef\xbb\xbf" + json.dumps({name: value}).encode(),
    "a mark of UTF-16 before UTF-8": lambda name, value: b"\xff\xfe" + json.dumps({name: value}).encode(),
    "a NUL inside": lambda name, value: json.dumps({"x": "\0", name: value}).encode() + b"\0",
    "UTF-16": lambda name, value: _utf_16(json.dumps({name: value})),
    "UTF-16 without a mark": lambda name, value: json.dumps({name: value}).encode("utf-16-be"),
    "UTF-32": lambda name, value: json.dumps({name: value}).encode("utf-32"),
    "Latin-1": lambda name, value: json.dumps({"x": "\xe9", name: value}, ensure_ascii=False).encode("latin-1"),
    "Python": lambda name, value: repr({"x": 1, name: value}).encode() + b",",
    "JavaScript": lambda name, value: f"{{x: 1, {name}: '{value}'}}".encode(),
    "PHP": lambda name, value: f'["{name}" => "{value}"]'.encode(),
    "YAML": lambda name, value: f"x: 1\n{name}: {value}\ny: 2\n".encode(),
    "properties": lambda name, value: f"{name} = {value}\n".encode(),
    "a form": lambda name, value: f"x=1&{name}={value}&y=2".encode(),
    "a form in a URL": lambda name, value: quote(f'{{"{name}": "{value}"').encode(),
    "a tag": lambda name, value: f"<x><{name}>{value}</{name}></x>".encode(),
    "a tag with more": lambda name, value: f'<n:{name} xsi:type="s"><![CDATA[{value}]]></n:{name}><y/>'.encode(),
    "tags in a tag": lambda name, value: f"<{name}><a>{value}</a><b>{value}</b></{name}>".encode(),
    "an attribute": lambda name, value: f'<x {name}="{value}"/>'.encode(),
    "JSON in XML": lambda name, value: f"<x>{escape(json.dumps({name: value}), {chr(34): '&quot;'})}</x>".encode(),
    "CSV": lambda name, value: f"x,{name},y\r\n1,{value},2\r\n3,{value},4,{value}\r\n".encode(),
    "TSV": lambda name, value: f"x\t{name}\n1\t{value}\n".encode(),
    "CSV with semicolons and quotes": lambda name, value: f'"{name}";"x"\n"{value}";"1"\n'.encode(),
}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_the_value_of_a_secret_s_name_is_masked(name: str, format_: str) -> None:
    raw = FORMATS[format_](name, HUNTED)
    masked, found, _ = mask(raw)
    assert found
    assert HUNTED not in (masked or b"").replace(b"\0", b"").decode("latin-1"), masked


@pytest.mark.parametrize("write", [json.dumps, repr, lambda value: json.dumps(value, indent=1)])
def test_no_secret_survives_where_any_one_mark_is_missing(write: Any) -> None:  # noqa: ANN401
    inner = {"number": HUNTED, "x": 1, "pin": HUNTED}
    raw = write({"sku": "a", "gift_card": inner, "name": HUNTED, "email": HUNTED, "phone": HUNTED}).encode()
    for place, byte in enumerate(raw):
        if byte in b"\"':,{}":
            masked = mask(raw[:place] + raw[place + 1 :]).value or b""
            assert HUNTED.encode() not in masked, raw[place - 9 : place + 9]
