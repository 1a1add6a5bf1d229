"""Cases of bad records.

Each case changes one thing of a good sale. `reasons`: the one that the contract names, or those that it leaves open.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.language.documents import card_number

Data = dict[str, Any]
ORG = "bad-input"
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
SECRET_CARD = card_number("secret")
SECRETS = (SECRET_CARD, "86420", "Ada Lovelace", "ada@example.org", "+441632960000")


@dataclass(frozen=True)
class Bad:
    """One bad record for an input topic."""

    name: str
    reasons: frozenset[str]
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = STRUCTURED
    topic: str = "scm.sales"
    masked: bool = False
    key: bytes | None = field(default=b"some key")


def good_sale() -> Data:
    """An envelope with a sale that nothing is wrong with."""
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/till/7",
        "type": "scm.sale.completed",
        "subject": "S1",
        "orgcode": ORG,
        "data": {
            "sale_id": "S1",
            "store_id": "store",
            "occurred_at": "2020-01-01T00:00:00Z",
            "currency": "GBP",
            "lines": [{"line_id": 1, "sku": "a", "net_minor": 100}],
        },
    }


def encoded(envelope: Data) -> bytes:
    return json.dumps(envelope).encode()


def changed(name: str, reasons: str, change: Callable[[Data], object], *, masked: bool = False) -> Bad:
    envelope = copy.deepcopy(good_sale())
    change(envelope)
    return Bad(name, frozenset(reasons.split()), encoded(envelope), masked=masked)


def in_data(**fields: object) -> Callable[[Data], object]:
    return lambda envelope: envelope["data"].update(fields)


def in_line(**fields: object) -> Callable[[Data], object]:
    return lambda envelope: envelope["data"]["lines"][0].update(fields)


def in_envelope(**fields: object) -> Callable[[Data], object]:
    return lambda envelope: envelope.update(fields)


def without(name: str) -> Callable[[Data], object]:
    return lambda envelope: envelope.pop(name)


def other_document(document_type: str, subject_field: str, /, **fields: object) -> Callable[[Data], object]:
    """Another type of document altogether."""

    def change(envelope: Data) -> None:
        envelope["type"] = document_type
        envelope["data"] = {subject_field: "S1", "occurred_at": "2020-01-01T00:00:00Z", **fields}

    return change


def raw(name: str, reasons: str, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = STRUCTURED) -> Bad:
    return Bad(name, frozenset(reasons.split()), value, headers)


def replaced(name: str, reasons: str, old: str, new: str) -> Bad:
    text = json.dumps(good_sale())
    assert old in text
    return Bad(name, frozenset(reasons.split()), text.replace(old, new).encode("utf-8", "surrogatepass"))


def soon(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


_BINARY = tuple(
    (f"ce_{name}", str(good_sale()[name]).encode())
    for name in ("specversion", "id", "source", "type", "subject", "orgcode")
)


def binary_without(name: str) -> tuple[tuple[str, bytes], ...]:
    return (*((key, value) for key, value in _BINARY if key != name), ("content-type", b"application/json"))
