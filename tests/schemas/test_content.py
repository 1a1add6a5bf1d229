"""The content of documents (contract §1.2), which never changes."""

import datetime as dt
from hashlib import blake2b
from typing import Any

import orjson
import ormsgpack
import pytest
from pydantic import ValidationError

from schemas.content import VERSIONS
from schemas.policy import Policy
from schemas.registry import DOCUMENTS
from tests.schemas.full import documents, leaves, members
from tests.schemas.wire import content, example, read

TYPES = sorted(DOCUMENTS)
VOIDS = {"scm.sale.voided": "sale_id", "scm.return.voided": "return_id", "scm.tender.voided": "tender_id"}
NOT_CONTENT = {"occurred_at", "business_date", "decide_by", "hold_s", "pin", "reason", "actor"}


def _is_content(type_: str, path: str) -> bool:
    if type_ in VOIDS:
        return path == VOIDS[type_]
    return path not in NOT_CONTENT and not path.endswith(".pin")


def _others(value: object) -> list[object]:
    """Candidates for another value of the same member, of which some member will take one."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value - 1, value + 7]
    others = [f"{value}1", "EUR", "goods", "other", "points", "active", "profiling", "0.7", "within_balance", "cancel"]
    return [
        *others,
        "2026-12-25T00:00:00Z",
        "2026-12-02T00:00:00Z",
        "2027-03-02",
        "crm.loyalty.adjust",
        "scm.sale.completed",
        "Asia/Tokyo",
    ]


@pytest.mark.parametrize("type_", TYPES)
def test_the_documents_here_have_every_member(type_: str) -> None:
    there = {path for data in documents(type_) for path, _, _ in leaves(data)}
    assert set(members(DOCUMENTS[type_].model)) - there == set()


@pytest.mark.parametrize("type_", TYPES)
def test_only_content_makes_a_conflict(type_: str) -> None:
    fixed = {"policy.unlinked_return"}  # has one value so far
    tried, there = set(), set()
    for data in documents(type_):
        before = content(type_, data)
        model = read(type_, data)
        for path, container, key in leaves(data):
            value = container[key]
            if value is None or isinstance(value, dict | list) or path in fixed:
                continue
            there.add(path)
            for other in _others(value):
                container[key] = other
                try:
                    same = read(type_, data) == model
                except ValidationError:
                    continue
                if same:
                    continue
                tried.add(path)
                assert (content(type_, data) != before) is _is_content(type_, path), (path, other)
            container[key] = value
    assert tried == there


SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    # an instant in other offsets, a decimal in other digits
    ("crm.policy.put", {"effective_from": "2026-04-01T00:00:00+01:00"}, {"effective_from": "2026-03-31T23:00:00.000Z"}),
    (
        "crm.policy.put",
        {"policy": {"earn": {"points_per_unit": "1.50"}}},
        {"policy": {"earn": {"points_per_unit": "01.5"}}},
    ),
    (
        "crm.policy.put",
        {"policy": {"earn": {"unit_minor": {"GBP": 100, "EUR": 100}}}},
        {"policy": {"earn": {"unit_minor": {"EUR": 100, "GBP": 100}}}},
    ),
    ("crm.policy.put", {"policy": {}}, {"policy": Policy().wire_form()}),
    ("crm.policy.put", {"policy": {}}, {"policy": {"earn": None, "redeem": {"min_points": None}, "gift_card": {}}}),
    ("crm.customer.create", {"external_ids": {"a": "1", "b": "2"}}, {"external_ids": {"b": "2", "a": "1"}}),
    ("crm.giftcard.issue", {"gift_card": None}, {"gift_card": {"number": None}}),
    ("crm.giftcard.redeem", {"allow_partial": False}, {"allow_partial": None}),
    ("scm.sale.completed", {"tenders": []}, {"tenders": None}),
    ("scm.return.completed", {"refunds": []}, {"refunds": None}),
    *(
        ("scm.sale.completed", {"lines": [{"line_id": 1, "sku": "A", "net_minor": 5, **one}]},
         {"lines": [{"line_id": 1, "sku": "A", "net_minor": 5, **other}]})
        for one, other in (
            ({}, {"item_type": "goods", "loyalty_excluded": False}),
            ({}, {"item_type": None, "loyalty_excluded": None, "quantity": None, "category": None, "gift_card": None}),
            ({"quantity": "1"}, {"quantity": "001.000"}),
            (
                {"item_type": "gift_card", "gift_card": {"number": "60060002"}},
                {"item_type": "gift_card", "gift_card": {"number": "60060002", "load_minor": 5, "card_id": None}},
            ),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "one", "other"), SAME)
def test_same_content(type_: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert content(type_, example(type_) | one) == content(type_, example(type_) | other)


@pytest.mark.parametrize("type_", TYPES)
def test_absent_is_null_is_the_default_written_out(type_: str) -> None:
    for name, field in DOCUMENTS[type_].model.model_fields.items():
        if field.is_required():
            continue
        absent = {key: value for key, value in example(type_).items() if key != name}
        try:
            expected = content(type_, absent)
        except ValidationError:
            continue  # another member asks for it
        assert content(type_, absent | {name: None}) == expected
        if isinstance(field.default, bool | tuple):
            written = list(field.default) if isinstance(field.default, tuple) else field.default
            assert content(type_, absent | {name: written}) == expected


def test_times_are_compared_as_instants() -> None:
    """`decide_by` and `occurred_at` are no content; as values they are instants all the same."""
    at = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
    texts = [
        "2026-03-01T09:30:00Z",
        "2026-03-01T10:30:00+01:00",
        "2026-02-28t23:30:00.000-10:00",
        "2026-03-01T09:30:00-00:00",
    ]
    read_as = {read("scm.sale.voided", {"sale_id": "S", "occurred_at": text}).occurred_at for text in texts}
    assert read_as == {int(at.timestamp()) * 1_000_000}


@pytest.mark.parametrize("type_", TYPES)
def test_content_is_plain(type_: str) -> None:
    """Packed alike by either encoder, and by any version of them."""
    for data in documents(type_):
        plain = content(type_, data)
        assert orjson.loads(orjson.dumps(plain)) == ormsgpack.unpackb(ormsgpack.packb(plain))


def test_content_under_an_older_key() -> None:
    new, old = (content("scm.tender.requested", example("scm.tender.requested"), index) for index in (0, 1))
    assert new[1] == (b"new:7100000000946006".hex(), None)
    assert old[1] == (b"old:7100000000946006".hex(), None)
    assert new[0] == old[0]


# What the contents of the examples hash to, by version. Ledgers store digests of every version that was released: a
# difference would turn replays into conflicts.
DIGESTS_1 = {
    "scm.sale.completed": "0d4dc8ef69cd6501",
    "scm.sale.voided": "dce00854d72d00f1",
    "scm.return.completed": "3e26d10bd2e44f01",
    "scm.tender.requested": "b2cbec7fd477445e",
    "scm.tender.captured": "b18f223fd37789b9",
    "scm.tender.voided": "61b2502d372d5c84",
    "crm.customer.create": "20c3057857c0d67b",
    "crm.customer.update": "8f6e00d212954006",
    "crm.customer.erase": "d0723c98abe50192",
    "crm.customer.merge": "5ffcf3443db32220",
    "crm.consent.set": "aa8590cd2f548b7a",
    "crm.policy.put": "f3279bf9505b3806",
    "crm.loyalty.earn": "56306478103b14a1",
    "crm.loyalty.redeem": "76b4c218c4bdad1b",
    "crm.loyalty.adjust": "bcfa2c9487e27ab1",
    "crm.loyalty.restore": "3899606a213928f7",
    "crm.loyalty.reverse": "16c5f2dbbcccfd92",
    "crm.giftcard.issue": "9ea93aaa01ffc9a4",
    "crm.giftcard.redeem": "651bffa8c428f877",
    "crm.giftcard.reload": "c4fd2d7e4b59d965",
    "crm.giftcard.reverse": "2a49c5cea04027eb",
    "crm.giftcard.freeze": "0420d354146675d5",
    "crm.giftcard.unfreeze": "cc06c6cac24435ad",
    "crm.giftcard.link": "2d88bf269608a268",
    "crm.giftcard.transfer": "e0744ff680285942",
    "crm.pool.join": "ae21a26796afdd45",
    "crm.pool.leave": "b537f33a8938483e",
}


# Where it differs from version 1: in the order of parts, the spelling of card numbers, and members that came since.
DIGESTS_2 = DIGESTS_1 | {
    "crm.customer.update": "a73ef85b2a18add3",
    "crm.customer.create": "e32ae1401bd2800e",
    "scm.sale.completed": "de51cc041d5adddd",
    "scm.return.completed": "f796c1793f57e2e6",
    "crm.policy.put": "d56ca372a3cc59c4",
    "scm.tender.requested": "d821a47c4de5f4aa",
    "crm.giftcard.issue": "b20b260305f0fb91",
    "crm.giftcard.redeem": "548fec52f81e580f",
    "crm.giftcard.transfer": "b13e4318505b0d69",
    "crm.loyalty.transfer": "cdb9d8e40f1f06a1",
    "crm.giftcard.extend": "294dc044dce41c60",
    "crm.giftcard.replace": "8934299aa83b5ebe",
    "crm.pool.leave": "153658964edfb2ba",
    "scm.return.voided": "e659751aff6e8ae8",
    "crm.loyalty.claim": "5017b020175b137a",
}
DIGESTS = [
    (version, type_, digest)
    for version, by_type in ((1, DIGESTS_1), (2, DIGESTS_2))
    for type_, digest in by_type.items()
]


@pytest.mark.parametrize(("version", "type_", "expected"), DIGESTS)
def test_content_is_for_ever(version: int, type_: str, expected: str) -> None:
    packed = b"".join(ormsgpack.packb(content(type_, data, version=version)) for data in documents(type_, version))
    assert blake2b(packed, digest_size=8).hexdigest() == expected


def test_every_version_and_every_type_has_its_digest_here() -> None:
    assert {(version, type_) for version, type_, _ in DIGESTS} == {
        (version, type_) for type_, doctype in DOCUMENTS.items() for version in doctype.contents
    }
    assert {doctype.digest_version for doctype in DOCUMENTS.values()} == {max(VERSIONS)}


@pytest.mark.parametrize(
    ("type_", "parts"),
    [
        ("scm.sale.completed", "lines"),
        ("scm.sale.completed", "tenders"),
        ("scm.return.completed", "lines"),
        ("scm.return.completed", "refunds"),
    ],
)
def test_the_order_of_parts_is_content_in_version_1_only(type_: str, parts: str) -> None:
    data = example(type_)
    [first, *_] = data[parts]
    id_ = f"{parts[:-1]}_id"
    other = 7001 if id_ == "line_id" else "another"
    one = data | {parts: [first, first | {id_: other}]}
    turned = data | {parts: one[parts][::-1]}
    assert content(type_, one) == content(type_, turned)
    assert content(type_, one, version=1) != content(type_, turned, version=1)


def test_the_spelling_of_a_card_number_is_content_in_version_1_only() -> None:
    one, other = ({"gift_card": {"number": number}} for number in ("6006-0000-0001", "600600000001"))
    freeze = example("crm.giftcard.freeze")
    assert content("crm.giftcard.freeze", freeze | one) == content("crm.giftcard.freeze", freeze | other)
    before = [content("crm.giftcard.freeze", freeze | card, version=1) for card in (one, other)]
    assert before[0] != before[1]


def test_cards_that_were_sold_are_compared_line_by_line() -> None:
    """In either order of the lines; which line sold which card is content."""
    lines = [
        {
            "line_id": n,
            "sku": "card",
            "net_minor": 500,
            "item_type": "gift_card",
            "gift_card": {"number": f"6006000{n}"},
        }
        for n in (1, 2)
    ]
    sale = example("scm.sale.completed") | {"tenders": []}
    numbers = [line["gift_card"] for line in lines]
    crossed = [line | {"gift_card": card} for line, card in zip(lines, numbers[::-1], strict=True)]
    assert content("scm.sale.completed", sale | {"lines": lines}) == content(
        "scm.sale.completed", sale | {"lines": lines[::-1]}
    )
    assert content("scm.sale.completed", sale | {"lines": lines}) != content(
        "scm.sale.completed", sale | {"lines": crossed}
    )
