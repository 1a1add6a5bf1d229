"""Structs and models read the same documents alike. `python -m tests.schemas.test_structs COUNT SEED` compares more."""

import json
import random
import sys
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import commands
from schemas.registry import DOCUMENTS
from schemas.structs import Quick, Struct, Underivable
from tests.schemas.full import documents
from tests.schemas.test_agreement import generated
from tests.schemas.wire import example
from worker.codec import Keyring
from worker.codec.parse import Refused, is_plain, parse

KEYRING = Keyring("acme", (b"n" * 32, b"o" * 32))
QUICK = sorted(name for name, kind in DOCUMENTS.items() if kind.quick is not None)
COUNT = 5_000


def compared(type_: str, raw: bytes) -> str:
    """How a document was read: "quick", "slow" or "refused"; raises AssertionError if the two ways differ."""
    kind = DOCUMENTS[type_]
    try:
        data = parse(raw)
    except Refused:
        return "refused"
    quick = kind.quick.read(data) if kind.quick is not None and is_plain(raw) else None
    try:
        model = kind.validate(data, KEYRING)
    except ValidationError:
        assert quick is None, (type_, raw)
        return "refused"
    if quick is None:
        return "slow"
    assert kind.dump(quick) == kind.dump(model), (type_, raw)
    assert list(kind.dump(quick)) == list(kind.dump(model))  # packed in this order
    for version in kind.contents:
        assert KEYRING.digest(kind, quick, 0, version) == KEYRING.digest(kind, model, 0, version), (type_, raw)
    return "quick"


def compare(count: int, seed: int) -> Counter[str]:
    """Compare so many documents, some with escapes or indented, and count how they were read."""
    chance = random.Random(seed)
    seen = Counter[str]()
    for _ in range(count):
        type_, data = generated(chance, QUICK)
        raw = json.dumps(data, ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, None, 1))).encode()
        seen[compared(type_, raw)] += 1
    return seen


def test_valid_and_broken_documents() -> None:
    seen = compare(COUNT, 20261127)
    assert min(seen["quick"], seen["refused"]) > COUNT // 5
    assert seen["slow"] > COUNT // 50


@pytest.mark.parametrize("type_", QUICK)
def test_the_examples_that_name_no_card_are_read_quickly(type_: str) -> None:
    for data in [example(type_), *documents(type_)]:
        raw = json.dumps(data).encode()
        named = any(name in raw for name in (b'"number"', b'"gift_card": {', b"null"))
        assert compared(type_, raw) == ("slow" if named else "quick"), data


@pytest.mark.parametrize("text", ["a\x7f", "a\n", "a\0", "é", "😀"])
def test_a_text_that_is_not_plain_is_for_the_model(text: str) -> None:
    for ascii_only in (True, False):
        raw = json.dumps(example("scm.sale.voided") | {"sale_id": text}, ensure_ascii=ascii_only).encode()
        assert not is_plain(raw)


@pytest.mark.parametrize("value", ["1.50", "01", "1.0", "1"])
def test_quantities_are_canonical_in_both(value: str) -> None:
    data: Any = example("scm.sale.completed")
    data["lines"][0]["quantity"] = value
    assert compared("scm.sale.completed", json.dumps(data).encode()) == "quick"


def test_nobody_changes_a_document() -> None:
    sale: Any = DOCUMENTS["scm.sale.completed"].read(example("scm.sale.completed"), KEYRING, plain=True)
    assert type(sale).__mro__[1] is Struct
    with pytest.raises(AttributeError):
        sale.sale_id = "other"


def test_a_model_that_requires_a_card_has_no_quick_way() -> None:
    with pytest.raises(Underivable, match="definitions"):
        Quick(commands.GiftCardTransfer)


if __name__ == "__main__":
    print(compare(int(sys.argv[1]), int(sys.argv[2])))  # noqa: T201  # for a human
