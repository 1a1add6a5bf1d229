"""Decoding: both content modes, identity, content; and the parts of cards that are kept."""

import random
from typing import Any

import orjson
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.examples import DOCUMENTS as EXAMPLES
from schemas.registry import DOCUMENTS
from tests.codec.records import NOW_MS, Data, Record, binary, envelope, structured
from tests.domain.room import keyring
from worker.codec import Decoder, Document, Keyring

OLD, NEW = b"o" * 32, b"n" * 32
DECODER = Decoder((NEW, OLD), frozenset(), 1 << 20)
TYPES = sorted(EXAMPLES)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def example(type_: str) -> tuple[str, Data]:
    data = orjson.loads(orjson.dumps(EXAMPLES[type_]))
    data["occurred_at"] = "2026-03-01T12:00:00Z"
    return str(next(iter(data.values()))), data


def decode(record: Record, decoder: Decoder = DECODER) -> Document:
    decoded = decoder.decode(record, NOW_MS * 1000)
    assert isinstance(decoded, Document), decoded
    return decoded


def identity(document: Document) -> tuple[str, str, str]:
    return document.orgcode, document.type, document.subject


@pytest.mark.parametrize("type_", TYPES)
def test_both_modes_say_the_same(type_: str) -> None:
    subject, data = example(type_)
    documents = [
        decode(structured(type_, subject, data)),
        decode(binary(type_, subject, data)),
        decode(Record(structured(type_, subject, data).value, [("content-type", b"application/cloudevents+json")])),
        decode(Record(structured(type_, subject, data).value, [("Content-Type", b"Application/CloudEvents+JSON")])),
    ]
    assert {identity(document) for document in documents} == {("acme", type_, subject)}
    assert len({document.digest for document in documents}) == 1
    assert all(document.model == documents[0].model for document in documents)
    assert {document.record_us for document in documents} == {NOW_MS * 1000}


@pytest.mark.parametrize("type_", TYPES)
@given(seed=st.integers(0, 2**32))
def test_content_is_the_same_however_it_is_written(type_: str, seed: int) -> None:
    """Key order, white space, other envelope ids and unknown extra fields do not matter (contract §1)."""
    subject, data = example(type_)
    shuffled = _rewritten(data, random.Random(seed))
    other = envelope(type_, subject, shuffled, id=f"e{seed}", time="2026-03-01T11:00:00Z", somethingelse="x")
    again = decode(Record(orjson.dumps(other, option=orjson.OPT_INDENT_2)))
    plain = decode(structured(type_, subject, data))
    assert (identity(again), again.digest) == (identity(plain), plain.digest)


def _rewritten(value: Any, chance: random.Random, *, strict: bool = False) -> Any:  # noqa: ANN401  whatever the JSON is
    """The same in another order, and with members that nobody knows, except where it is read strictly."""
    if isinstance(value, list):
        return [_rewritten(one, chance, strict=strict) for one in value]
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return value
    items = [(key, _rewritten(one, chance, strict=strict or key == "policy")) for key, one in value.items()]
    chance.shuffle(items)
    open_ended = {"external_ids", "unit_minor", "point_value_minor"}  # any key counts there
    return dict(items) | (
        {"x_extra": 1}
        if chance.random() < 0.5 and not strict and not open_ended & value.keys() and len(value) > 1
        else {}
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"occurred_at": "2026-02-01T00:00:00+01:00"}, True),
        ({}, {"business_date": "2026-02-28"}, True),
        ({}, {"training": False, "customer_id": None, "tenders": []}, True),
        ({"lines": [{"line_id": 1, "sku": "x", "net_minor": 5, "quantity": "1.50"}]},
         {"lines": [{"line_id": 1, "sku": "x", "net_minor": 5, "quantity": "01.5", "item_type": "goods"}]}, True),
        ({}, {"store_id": "other"}, False),
        ({}, {"training": True}, False),
        ({}, {"lines": [{"line_id": 1, "sku": "x", "net_minor": 6}]}, False),
    ],
    ids=str,
)  # fmt: skip
def test_the_members_that_are_content(one: Data, other: Data, same: bool) -> None:  # noqa: FBT001  of the table
    base = {"sale_id": "S1", "store_id": "s", "occurred_at": "2026-03-01T12:00:00Z", "currency": "GBP",
            "lines": [{"line_id": 1, "sku": "x", "net_minor": 5}]}  # fmt: skip
    digests = {decode(structured("scm.sale.completed", "S1", {**base, **part})).digest for part in (one, other)}
    assert (len(digests) == 1) is same


def test_cards_are_tokens_of_key_and_tenant() -> None:
    subject, data = example("scm.tender.requested")
    ours = decode(structured("scm.tender.requested", subject, data))
    theirs = decode(structured("scm.tender.requested", subject, data, orgcode="other"))
    number = ours.model.gift_card.number
    assert number.last4 == data["gift_card"]["number"][-4:]
    assert len(number.tokens) == len(ours.model.gift_card.pin.tokens) == 2
    assert len({*number.tokens, *theirs.model.gift_card.number.tokens}) == 4
    text = repr((ours.model, theirs.model, ours.doctype.dump(ours.model)))
    assert data["gift_card"]["number"] not in text
    assert data["gift_card"]["pin"] not in text


def test_a_key_that_was_replaced_still_knows_its_cards_and_content() -> None:
    subject, data = example("scm.tender.requested")
    record = structured("scm.tender.requested", subject, data)
    before, now = decode(record, Decoder((OLD,), frozenset(), 1 << 20)), decode(record)
    assert before.model.gift_card.number.tokens[0] in now.model.gift_card.number.tokens
    assert before.digest != now.digest
    assert now.matches(before.digest, before.doctype.digest_version)
    assert now.matches(now.digest, now.doctype.digest_version)
    assert not now.matches(now.digest, 1)  # of the number as it was spelled
    data["amount_minor"] += 1
    changed = decode(structured("scm.tender.requested", subject, data))
    assert not changed.matches(before.digest, before.doctype.digest_version)


@pytest.mark.parametrize(
    ("type_", "digest"),
    [
        ("scm.tender.requested", "0b5a3a988527c36236a3e6aa723cf3ee"),
        ("crm.giftcard.issue", "b2cc66331574557e62b9b56c1adf5c0d"),
    ],
)
def test_a_digest_made_before_numbers_had_a_canonical_form_still_matches(type_: str, digest: str) -> None:
    """Version 1 was made of the number as it was spelled; these were stored by that release."""
    doctype, ring = DOCUMENTS[type_], keyring()
    _, data = example(type_)
    assert "-" in data["gift_card"]["number"]
    model = doctype.validate(data, ring)
    assert ring.matches(doctype, model, bytes.fromhex(digest), 1)
    assert ring.matches(doctype, doctype.restore(doctype.dump(model)), bytes.fromhex(digest), 1)  # of what was parked
    data["gift_card"]["number"] = "6006490000000033"
    assert not ring.matches(doctype, doctype.validate(data, ring), bytes.fromhex(digest), 1)


def test_a_digest_without_the_key_says_nothing() -> None:
    subject, data = example("crm.customer.create")
    document = decode(structured("crm.customer.create", subject, data))
    assert Keyring("acme", (b"x" * 32,)).digest(document.doctype, document.model) != document.digest


@pytest.mark.parametrize(
    ("attributes", "headers", "trace"),
    [
        ({}, [], None),
        ({"traceparent": TRACE}, [], TRACE.encode()),
        ({}, [("traceparent", TRACE.encode())], TRACE.encode()),
        ({"traceparent": "other"}, [("traceparent", TRACE.encode())], TRACE.encode()),
        ({"traceparent": 7}, [], None),
        ({"traceparent": "\u00e4"}, [], None),
        ({}, [("traceparent", None)], None),
        ({"traceparent": "x" * 257}, [], None),
        ({"traceparent": TRACE}, [("traceparent", b"x" * 257)], TRACE.encode()),
        ({}, [("ce_traceparent", TRACE.encode())], TRACE.encode()),
    ],
    ids=str,
)
def test_traceparent_is_an_attribute_or_a_header(
    attributes: Data, headers: list[tuple[str, bytes | None]], trace: bytes | None
) -> None:
    subject, data = example("scm.sale.voided")
    value = orjson.dumps(envelope("scm.sale.voided", subject, data, **attributes))
    assert decode(Record(value, headers)).traceparent == trace


def test_traceparent_of_binary_mode() -> None:
    subject, data = example("scm.sale.voided")
    assert decode(binary("scm.sale.voided", subject, data, traceparent=TRACE)).traceparent == TRACE.encode()


@pytest.mark.parametrize("type_", TYPES)
def test_a_parked_document_is_restored_unchanged(type_: str) -> None:
    document = decode(structured(type_, *example(type_)))
    stored = ormsgpack.unpackb(ormsgpack.packb(document.doctype.dump(document.model)))
    restored = document.doctype.restore(stored)
    assert document.doctype.dump(restored) == document.doctype.dump(document.model)
    assert document.keyring.digest(document.doctype, restored) == document.digest
