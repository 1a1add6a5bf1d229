"""Events that are read at once are read as the models read them. `python -m tests.codec.test_events COUNT SEED`
compares more.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from schemas.reasons import DeadLetterReason
from schemas.registry import DOCUMENTS
from schemas.structs import Struct
from tests.codec.records import NOW, NOW_MS, Data, Record, binary, envelope, structured
from tests.schemas.full import documents
from tests.schemas.test_agreement import generated
from worker.codec import Decoder, Document, Undecodable

DECODER = Decoder((b"n" * 32, b"o" * 32), frozenset(), 1 << 20)
QUICK = sorted(name for name, doctype in DOCUMENTS.items() if doctype.quick)
COUNT = 5_000
# An attribute that nobody reads, with an escape: the models read the event.
ESCAPED = b'"x":"\\u0020"'
SENT: Data = {"time": NOW, "datacontenttype": "application/json"}
BROKEN = (b"", b",", b'"', b"\0", b"\x7f", b"}", b"1", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80")
ATTRIBUTES: list[Data] = [
    {}, {"traceparent": "00-1-2-01"}, {"traceparent": 7},
    {"time": None}, {"source": "https://till:8080/a?b=c:d"}, {"source": ""}, {"id": 1}, {"subject": "S S"},
    {"subject": None}, {"orgcode": "ACME"}, {"specversion": "1.1"}, {"specversion": 1.0}, {"comexample": "x"},
    {"type": ["scm.sale.completed"]}, {"type": "scm.sale.complete"}, {"time": {"a": [1]}},
]  # fmt: skip


GAPS = ("",), ("", "", "", " ", "\n", "\t ")
"""What a publisher may write between the parts of JSON: nothing, or white space here and there."""


def written(value: object, chance: random.Random, twice: float, gaps: Sequence[str]) -> str:
    """JSON in which an object may have a member twice."""
    gap = chance.choice(gaps)
    if isinstance(value, dict):
        members = list(value.items())
        if members and chance.random() < twice:
            members.insert(chance.randrange(len(members) + 1), chance.choice(members))
        parts = (f"{json.dumps(name)}{gap}:{gap}{written(part, chance, twice, gaps)}" for name, part in members)
        return "{" + gap + f",{gap}".join(parts) + gap + "}"
    if isinstance(value, list):
        return "[" + f"{gap},".join(written(part, chance, twice, gaps) for part in value) + gap + "]"
    return json.dumps(value, ensure_ascii=chance.random() < 0.5)


def told(decoded: Document | Undecodable) -> tuple[Any, ...]:
    if isinstance(decoded, Undecodable):
        is_json = decoded.reason is not DeadLetterReason.NOT_JSON  # else the detail has a position, which differs
        return decoded.reason, is_json and decoded.detail
    doctype, model = decoded.doctype, decoded.model
    return (
        decoded.type, decoded.orgcode, decoded.subject, decoded.source, decoded.traceparent, decoded.digest,
        decoded.record_us, doctype.dump(model), list(doctype.dump(model)),
    )  # fmt: skip


def compared(record: Record) -> str:
    """Return how an event was read: "quick", "slow" or "refused". Raises AssertionError if the two ways differ."""
    raw = record.value or b""
    start, comma = raw.index(b"{") + 1, b"," if b":" in raw else b""
    read = DECODER.decode(record, NOW_MS * 1000)
    by_models = DECODER.decode(Record(raw[:start] + ESCAPED + comma + raw[start:], record.headers), NOW_MS * 1000)
    assert told(read) == told(by_models), raw
    if isinstance(read, Undecodable):
        return "refused"
    return "quick" if isinstance(read.model, Struct) else "slow"


def compare(count: int, seed: int) -> Counter[str]:
    """Compare this many events, and count how they were read."""
    chance = random.Random(seed)
    seen = Counter[str]()
    for _ in range(count):
        type_, data = generated(chance, QUICK)
        if chance.random() < 0.6:  # a document without changes
            data = chance.choice(documents(type_))
        subject = data.get(DOCUMENTS[type_].id_field)
        event = envelope(type_, str(subject), data) | chance.choice((SENT, SENT, SENT, chance.choice(ATTRIBUTES)))
        record = binary(type_, str(subject), data) if chance.random() < 0.2 else Record(b"")  # with its headers
        twice, gaps = chance.choice((0, 0, 0, 0.1)), chance.choice(GAPS)
        raw = written(data if record.headers else event, chance, twice, gaps).encode()
        broken = chance.randrange(len(raw)) if chance.random() < 0.1 else None
        if broken is not None:
            raw = b"{" + raw[1:broken] + chance.choice(BROKEN) + raw[broken + 1 :]
        seen[compared(Record(raw, record.headers))] += 1
    return seen


def test_valid_and_broken_events() -> None:
    seen = compare(COUNT, 20261127)
    assert min(seen.values()) > COUNT // 20, seen


@pytest.mark.parametrize("name", ["type", "subject", "lines", "sku", "amount_minor", "customer_id"])
def test_a_name_that_comes_twice_is_refused_wherever_it_is(name: str) -> None:
    sale = {
        "sale_id": "S", "store_id": "1", "occurred_at": NOW, "currency": "GBP", "customer_id": "C",
        "lines": [{"line_id": 1, "sku": "A", "net_minor": 5}],
        "tenders": [{"tender_id": "T", "kind": "cash", "amount_minor": 5}],
    }  # fmt: skip
    raw = structured("scm.sale.completed", "S", sale).value or b""
    assert compared(Record(raw)) == "quick"
    start = raw.index(b'"%s"' % name.encode())
    again = b'"%s":%s,' % (name.encode(), orjson.dumps("x:y"))
    refused = DECODER.decode(Record(raw[:start] + again + raw[start:]), NOW_MS * 1000)
    assert isinstance(refused, Undecodable)
    assert refused.detail == "data: each name once in an object"


def test_members_that_nobody_reads_are_passed_over() -> None:
    data = {"sale_id": "S", "occurred_at": NOW, "till": {"name": "x", "tags": [[1], {"a": 1}]}}
    for record in (structured("scm.sale.voided", "S", data), binary("scm.sale.voided", "S", data)):
        assert compared(record) == "quick"


if __name__ == "__main__":
    print(compare(int(sys.argv[1]), int(sys.argv[2])))  # noqa: T201  # for a human
