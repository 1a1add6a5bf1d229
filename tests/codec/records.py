"""Records as a topic has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Data = dict[str, Any]

NOW_MS = 1_772_366_400_000  # noon of 2026-03-01
NOW = "2026-03-01T12:00:00Z"
ORG = "acme"


@dataclass
class Record:
    """The parts of a Kafka record that the decoder reads."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    key: bytes | None = b"key"
    topic: str = "scm.sales"
    partition: int = 1
    offset: int = 42
    timestamp: int = NOW_MS


def envelope(type_: str, subject: str, data: object, **attributes: object) -> Data:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/till",
        "type": type_,
        "subject": subject,
        "orgcode": ORG,
        "data": data,
        **attributes,
    }


def structured(type_: str, subject: str, data: object, **attributes: object) -> Record:
    return Record(orjson.dumps(envelope(type_, subject, data, **attributes)))


def binary(type_: str, subject: str, data: object, **attributes: str) -> Record:
    names = {"specversion": "1.0", "id": "e1", "source": "/till", "type": type_, "subject": subject, "orgcode": ORG}
    headers = [("ce_" + name, value.encode()) for name, value in (names | attributes).items()]
    return Record(orjson.dumps(data), [*headers, ("content-type", b"application/json")])
