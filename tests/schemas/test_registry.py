from typing import Any

import ormsgpack
import pytest

from schemas import examples
from schemas.commands import PolicyPut
from schemas.content import VERSIONS
from schemas.registry import BY_CODE, DOCUMENTS
from schemas.scalars import CardToken, PinToken
from tests.schemas.full import documents
from tests.schemas.wire import KEYS, example, read

TYPES = sorted(DOCUMENTS)

# Stored in databases: a number here never changes its meaning.
CODES = {
    1: "scm.sale.completed",
    2: "scm.sale.voided",
    3: "scm.return.completed",
    4: "scm.tender.requested",
    5: "scm.tender.captured",
    6: "scm.tender.voided",
    7: "scm.return.voided",
    10: "crm.customer.create",
    11: "crm.customer.update",
    12: "crm.customer.erase",
    13: "crm.customer.merge",
    14: "crm.consent.set",
    15: "crm.policy.put",
    16: "crm.loyalty.earn",
    17: "crm.loyalty.redeem",
    18: "crm.loyalty.adjust",
    19: "crm.loyalty.restore",
    20: "crm.loyalty.reverse",
    21: "crm.giftcard.issue",
    22: "crm.giftcard.redeem",
    23: "crm.giftcard.reload",
    24: "crm.giftcard.reverse",
    25: "crm.giftcard.freeze",
    26: "crm.giftcard.unfreeze",
    27: "crm.giftcard.link",
    28: "crm.giftcard.transfer",
    29: "crm.pool.join",
    30: "crm.pool.leave",
    31: "crm.loyalty.transfer",
    32: "crm.giftcard.extend",
    33: "crm.giftcard.replace",
    34: "crm.loyalty.claim",
}


def test_codes_are_for_ever() -> None:
    assert {code: doctype.name for code, doctype in BY_CODE.items()} == CODES


def test_every_type_has_an_example_and_a_content() -> None:
    assert sorted(examples.DOCUMENTS) == TYPES
    assert {max(doctype.contents) for doctype in DOCUMENTS.values()} == {max(VERSIONS)}


@pytest.mark.parametrize("type_", TYPES)
def test_id_field_is_the_identity(type_: str) -> None:
    doctype = DOCUMENTS[type_]
    data = example(type_)
    assert getattr(read(type_, data), doctype.id_field) == data[doctype.id_field]
    assert doctype.model.model_fields[doctype.id_field].is_required()


@pytest.mark.parametrize("type_", TYPES)
def test_stored_form_survives_msgpack(type_: str) -> None:
    doctype = DOCUMENTS[type_]
    for data in documents(type_):
        model = read(type_, data)
        packed = ormsgpack.packb(doctype.dump(model))
        assert doctype.restore(ormsgpack.unpackb(packed)) == model
        assert doctype.restore(doctype.dump(model)) == model


@pytest.mark.parametrize("type_", TYPES)
def test_nothing_plain_is_kept(type_: str) -> None:
    model = read(type_, example(type_))
    for secret in ("6006-4900-0000-0017", "4711"):
        assert secret not in repr(model)
        assert secret.encode() not in ormsgpack.packb(DOCUMENTS[type_].dump(model))
        for version in DOCUMENTS[type_].contents:
            assert secret not in repr(DOCUMENTS[type_].content(model, 0, version))


def test_numbers_and_pins_become_tokens_of_every_key() -> None:
    card = read("scm.tender.requested", example("scm.tender.requested")).gift_card
    assert card.number == CardToken(
        (b"new:7100000000946006", b"old:7100000000946006"),
        "0017",
        (b"new:7100-0000-0094-6006", b"old:7100-0000-0094-6006"),
    )
    assert card.pin == PinToken((b"new:1174", b"old:1174"))


def test_stored_form_is_refused_from_the_wire() -> None:
    doctype = DOCUMENTS["scm.tender.requested"]
    stored = ormsgpack.unpackb(ormsgpack.packb(doctype.dump(read(doctype.name, example(doctype.name)))))
    with pytest.raises(ValueError, match="a time with offset") as refused:
        doctype.validate(stored, KEYS)
    assert {one["loc"] for one in refused.value.errors()} >= {  # type: ignore[attr-defined]  # a ValidationError
        ("occurred_at",),
        ("gift_card", "number"),
        ("gift_card", "pin"),
    }


@pytest.mark.parametrize("type_", TYPES)
def test_models_are_frozen(type_: str) -> None:
    model = read(type_, example(type_))
    with pytest.raises(ValueError, match="frozen"):
        model.occurred_at = 0


@pytest.mark.parametrize("type_", TYPES)
def test_unknown_members_are_ignored(type_: str) -> None:
    data: dict[str, Any] = example(type_)
    plain = read(type_, data)
    for inner in (data, *(item for item in data.get("lines", ())), *(item for item in data.get("tenders", ()))):
        inner["x_new"] = {"deep": [None, "\0"]}
    assert read(type_, data) == plain


def test_policy_is_read_whole() -> None:
    put = read("crm.policy.put", example("crm.policy.put"))
    assert isinstance(put, PolicyPut)
    assert put.policy.wire_form()["earn"]["multipliers"] == [{"category": "toys", "factor": "2"}]
    assert put.effective_from == 1_774_998_000_000_000
