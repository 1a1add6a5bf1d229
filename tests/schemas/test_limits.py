"""The limits from within: type, what is changed, to what, and what the model then says."""

from typing import Any

import jsonschema
import pytest

from schemas.json_schema import standalone
from schemas.registry import DOCUMENTS
from tests.schemas.wire import ABSENT, changed, example, named, read

SALE = "scm.sale.completed"
RETURN = "scm.return.completed"
REQUEST = "scm.tender.requested"
ADJUST = "crm.loyalty.adjust"

LINE = {"line_id": 1, "sku": "A", "net_minor": 100}
REFUND = {"refund_id": "1", "kind": "gift_card", "amount_minor": 100}
CARD = {"number": "6006-0001"}
BIG = 10**15

ROWS: list[tuple[str, str, object, str, object]] = [
    (SALE, "sale_id", " " + "~" * 127, "sale_id", " " + "~" * 127),
    (SALE, "lines.0.sku", "", "lines.0.sku", ""),
    (SALE, "lines.0.sku", "😀" * 256, "lines.0.sku", "😀" * 256),
    (SALE, "lines.0.net_minor", 0, "lines.0.net_minor", 0),
    (SALE, "lines.0.net_minor", BIG, "lines.0.net_minor", BIG),
    (SALE, "lines.0.line_id", BIG, "lines.0.line_id", BIG),
    (SALE, "lines.0.quantity", "00.50", "lines.0.quantity", "0.5"),
    (SALE, "lines.0.quantity", "0.000", "lines.0.quantity", "0"),
    (SALE, "lines.0.quantity", "100", "lines.0.quantity", "100"),
    (SALE, "lines.0.quantity", "9" * 15 + "." + "1" * 12, "lines.0.quantity", "9" * 15 + "." + "1" * 12),
    (SALE, "occurred_at", "1970-01-01T00:00:00Z", "occurred_at", 0),
    (SALE, "occurred_at", "1969-12-31T23:59:59.999999Z", "occurred_at", -1),
    (SALE, "occurred_at", "1970-01-01t01:30:00.1234567+01:30", "occurred_at", 123_456),
    (SALE, "occurred_at", "1970-01-01T00:00:00.5z", "occurred_at", 500_000),
    (SALE, "occurred_at", "0001-01-01T00:00:00Z", "occurred_at", -62_135_596_800_000_000),
    (SALE, "occurred_at", "9999-12-31T23:59:59.999999Z", "occurred_at", 253_402_300_799_999_999),
    (SALE, "business_date", "1970-01-02", "business_date", 1),
    (SALE, "business_date", "2024-02-29", "business_date", 19_782),
    (SALE, "currency", "XAU", "currency", "XAU"),
    (SALE, "currency", "HRK", "currency", "HRK"),
    (SALE, "lines", [{**LINE, "item_type": "gift_card"}], "lines.0.gift_card", None),
    (REQUEST, "hold_s", 1, "hold_s", 1),
    (REQUEST, "hold_s", 604_800, "hold_s", 604_800),
    (REQUEST, "gift_card.number", "1" * 32, "gift_card.number.spelled", ()),
    (REQUEST, "gift_card.number", "6006" + " " * 99 + "4900", "gift_card.number.tokens.0", b"new:00946006"),
    (REQUEST, "gift_card.number", "-- a1-B2 c3 d4z9-", "gift_card.number.last4", "D4Z9"),
    (RETURN, "sale_id", ABSENT, "sale_id", None),
    (RETURN, "refunds", [{**REFUND, "gift_card": {"card_id": "G"}}], "refunds.0.gift_card.card_id", "G"),
    (RETURN, "refunds", [{**REFUND, "kind": "card", "tender_id": "T"}], "refunds.0.tender_id", "T"),
    (ADJUST, "points", -BIG, "points", -BIG),
    (ADJUST, "points", BIG, "points", BIG),
    ("crm.giftcard.issue", "gift_card", None, "gift_card.number", None),
    ("crm.giftcard.issue", "gift_card", {"card_id": "ignored"}, "gift_card.number", None),
    ("crm.giftcard.issue", "amount_minor", 0, "amount_minor", 0),
    ("scm.tender.voided", "reason", "unknown_outcome", "reason", "unknown_outcome"),
    ("scm.tender.captured", "amount_minor", None, "amount_minor", None),
]


@pytest.mark.parametrize(("type_", "path", "value", "where", "expected"), ROWS, ids=named)
def test_accepted(type_: str, path: str, value: object, where: str, expected: object) -> None:
    data = changed(type_, path, value)
    found: Any = read(type_, data)
    for step in where.split("."):
        found = found[int(step)] if step.isdecimal() else getattr(found, step)
    assert found == expected
    jsonschema.Draft202012Validator(standalone(DOCUMENTS[type_].model)).validate(data)


def test_load_is_the_net_of_the_line_by_default() -> None:
    card = {**LINE, "item_type": "gift_card"}
    lines = [
        {**card, "gift_card": CARD},
        {**card, "line_id": 2, "gift_card": {**CARD, "load_minor": 120}},
        {**card, "line_id": 3, "gift_card": {**CARD, "load_minor": 0}},
        {**card, "line_id": 4},
    ]
    sale = read(SALE, {**example(SALE), "lines": lines})
    assert [line.load_minor for line in sale.lines] == [100, 120, 0, 0]
