"""Structs have the members, the stored form and the content of the models. tests/codec/test_events.py reads many."""

import json
from typing import Any

import pytest

from schemas import card_commands
from schemas.registry import DOCUMENTS
from schemas.structs import Quick, Struct, Underivable
from tests.schemas.full import documents
from tests.schemas.wire import example
from worker.codec import Keyring, events

KEYRING = Keyring("acme", (b"n" * 32, b"o" * 32))
QUICK = sorted(name for name, doctype in DOCUMENTS.items() if doctype.quick)


def read(type_: str, data: object) -> Any:  # noqa: ANN401  # a struct, or None
    return events.document(type_, json.dumps(data).encode())


def test_documents_of_tills_have_structs() -> None:
    assert [name for name in DOCUMENTS if name.startswith("scm.")] == [name for name in DOCUMENTS if name in QUICK]


@pytest.mark.parametrize("type_", QUICK)
def test_a_struct_reads_documents_without_a_card_like_the_model(type_: str) -> None:
    doctype = DOCUMENTS[type_]
    for data in [example(type_), *documents(type_)]:
        struct, model = read(type_, data), doctype.validate(data, KEYRING)
        if any(name in json.dumps(data) for name in ('"number"', '"gift_card": {', "null")):
            assert struct is None
            continue
        assert isinstance(struct, Struct)
        assert doctype.dump(struct) == doctype.dump(model)
        assert list(doctype.dump(struct)) == list(doctype.dump(model))  # packed in this order
        for version in doctype.contents:
            assert KEYRING.digest(doctype, struct, 0, version) == KEYRING.digest(doctype, model, 0, version)


@pytest.mark.parametrize(("value", "canonical"), [("1.50", "1.5"), ("01", "1"), ("1.0", "1"), ("1", "1")])
def test_quantities_are_canonical(value: str, canonical: str) -> None:
    data: Any = example("scm.sale.completed")
    data["lines"][0]["quantity"] = value
    assert read("scm.sale.completed", data).lines[0].quantity == canonical


def test_quantities_are_canonical_however_many_there_are() -> None:
    data: Any = example("scm.sale.completed")
    line = data["lines"][0]
    for first in range(0, 3000, 500):  # more than are remembered, and each of them again in the next round
        for _ in range(2):
            data["lines"] = [{**line, "line_id": n, "quantity": f"{n}.{n % 3}0"} for n in range(first + 1, first + 501)]
            lines = read("scm.sale.completed", data).lines
            assert all(line.quantity == f"{line.line_id}.{line.line_id % 3}".removesuffix(".0") for line in lines)


@pytest.mark.parametrize("text", ["a\n", "a\0", "a\\", "é"])
def test_a_text_with_an_escape_is_for_the_model(text: str) -> None:
    assert read("scm.sale.voided", example("scm.sale.voided") | {"reason": text}) is None


@pytest.mark.parametrize("text", ["a\x7f", "é", "😀" * 128])
def test_a_text_may_have_any_character_and_an_id_only_printable_ascii(text: str) -> None:
    for name, there in (("reason", True), ("sale_id", False)):
        raw = json.dumps(example("scm.sale.voided") | {name: text}, ensure_ascii=False).encode()
        assert (events.document("scm.sale.voided", raw) is not None) is there


def test_nobody_changes_a_document() -> None:
    with pytest.raises(AttributeError):
        read("scm.sale.completed", example("scm.sale.completed")).sale_id = "other"


def test_a_model_that_requires_a_card_has_no_struct() -> None:
    with pytest.raises(Underivable):
        Quick(card_commands.GiftCardTransfer, ascii_only=True)
