"""The JSON Schemas and the decoder accept the same documents, except for what JSON Schema has no words for."""

import copy
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema_rs
import orjson
import pytest

from schemas.json_schema import standalone
from schemas.reasons import DeadLetterReason
from schemas.registry import DOCUMENTS
from tests.codec.records import NOW_MS, structured
from tests.codec.test_decode import DECODER
from tests.schemas.full import documents
from worker.codec import Document, Undecodable

COUNT = 10_000
TYPES = sorted(DOCUMENTS)
VALIDATORS = {type_: jsonschema_rs.validator_for(standalone(DOCUMENTS[type_].model)) for type_ in TYPES}

# What the decoder refuses and no JSON Schema can, by the end of its message.
BEYOND = (
    # two members or two items against each other
    "a value that no item before it has",
    "another customer than from_customer_id",
    "later than from",
    "at least min_load_minor",
    "no two campaigns with one id at the same time",
    "at most 1000 points for a minor unit, all factors together",
    # the number that a text in quotes says
    "above 0",
    "at least 0.001",
    "at most 1",
    "at most 1000",
    "at most 1000000",
    # 29 February, and offsets at the ends of the calendar
    "a time with offset, like 2026-03-01T10:15:00Z",
    "a date, like 2026-03-01",
    # 5.0 is an integer to JSON Schema
    ", without a decimal point",
    # the envelope's subject, which is not in `data`
    "the same as the envelope's subject",
)
NUMBERS = [-(10**15) - 1, -(10**15), -1, 0, 1, 2, 604_800, 604_801, 10**15, 10**15 + 1, 10**18, 1.5, True, False]
TEXTS = [
    "", " ", "x", "x" * 128, "x" * 129, "x" * 256, "x" * 257, "é", "a\n", "a\x7f", "😀" * 128, "GBP", "gbp", "XXX",
    "goods", "gift_card", "points", "cash", "active", "marketing", "cancel", "1", "1.5", "01.50", "1,5", "-1", ".5",
    "1" * 16, "0", "2026-03-01", "2026-02-30", "2024-02-29", "0000-01-01", "31.12.2026", "2026-03-01T10:15:00Z",
    "2026-03-01T10:15:00",
    "2026-03-01t10:15:00.123456789+01:30", "2026-13-01T10:15:00Z", "2026-03-01T24:00:00Z", "2026-03-01T10:15:60Z",
    "6006490000000017", "6006-4900 0000 0017", "6006490", "a" * 33, "ABCD efgh", "4711", "471", "12a4",
    "crm.loyalty.earn", "scm.sale.completed", "crm.giftcard.transfer", "unlimited", "reverse_at_current_rate",
]  # fmt: skip
OTHERS: list[Any] = [
    None, [], {}, [1], ["x"], {"x": 1}, {"": "x"}, {"shop": "77-1"}, {"shop": 77}, {"é": "x"}, {"GBP": 100},
    {"ZZZ": 100},
    {"number": "60064900"}, {"card_id": "G"}, {"number": "60064900", "card_id": "G"}, {"number": None, "card_id": "G"},
    {"type": "crm.loyalty.earn", "id": "x"}, [{"line_id": 1, "sku": "A", "net_minor": 5}],
    [{"line_id": 1, "sku": "A", "net_minor": 5, "item_type": "gift_card", "gift_card": {"card_id": "G"}}],
    [{"tender_id": "T", "kind": "cash", "amount_minor": 5}], {"earn": {"expire_days": 0}}, {"earn": None},
    {"gift_crad": {}},
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401  # any JSON
    """Every container in the document, and every key or index in it."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in list(steps):
        yield value, step
        if isinstance(inner, dict | list):
            yield from places(inner)


def generated(chance: random.Random, types: Sequence[str] = TYPES) -> tuple[str, dict[str, Any]]:
    """A document of some type with up to three changes."""
    type_ = chance.choice(types)
    data: dict[str, Any] = orjson.loads(orjson.dumps(chance.choice(documents(type_))))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        holder, step = chance.choice(list(places(data)))
        match chance.randrange(6):
            case 0:
                holder.pop(step)
            case 1 if isinstance(holder, dict):
                holder[chance.choice(("x_unknown", "training", "customer_id", "gift_card", "pin"))] = chance.choice(
                    TEXTS
                )
            case _:
                holder[step] = copy.deepcopy(chance.choice(chance.choice((NUMBERS, TEXTS, OTHERS))))
        if not data:
            break
    return type_, orjson.loads(orjson.dumps(data))


def test_ten_thousand_documents() -> None:
    chance, seen = random.Random(20261127), Counter[tuple[bool, bool]]()
    for _ in range(COUNT):
        type_, data = generated(chance)
        subject = data.get(DOCUMENTS[type_].id_field)
        read = DECODER.decode(structured(type_, subject if isinstance(subject, str) else "S", data), NOW_MS * 1000)
        valid = VALIDATORS[type_].is_valid(data)
        # A clock that is ahead is found only in a document that is valid.
        taken = isinstance(read, Document) or read.reason is DeadLetterReason.CLOCK_AHEAD
        seen[valid, taken] += 1
        if isinstance(read, Undecodable) and valid and not taken:
            told = read.detail.split("; ")
            assert all(part.endswith(BEYOND) or part.endswith(" more") for part in told), (type_, data, told)
        elif not valid:
            assert not taken, (type_, data, [error.message for error in VALIDATORS[type_].iter_errors(data)])
    assert min(seen[True, True], seen[False, False]) > COUNT // 4


@pytest.mark.parametrize("type_", TYPES)
def test_the_documents_before_any_change_are_valid_and_taken(type_: str) -> None:
    for data in documents(type_):
        assert VALIDATORS[type_].is_valid(data)
