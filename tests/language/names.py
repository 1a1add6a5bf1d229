"""The values behind the words of a line: moments, and the numbers and ids of cards."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Data = dict[str, Any]
Words = list[str]


@dataclass
class Clock:
    """The moment from which all offsets (`@-3d`) of a run count."""

    base: datetime
    card_ids: dict[str, str] = field(default_factory=dict)  # number → id, once an outcome has shown it

    def at(self, offset: str) -> datetime:
        match = re.fullmatch(r"([+-]?\d+)([dhms])", offset)
        if not match:
            raise ValueError(offset)
        unit = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}[match[2]]
        return self.base + timedelta(**{unit: int(match[1])})


_NAMES: dict[str, str] = {}


def card_number(alias: str) -> str:
    """Return sixteen digits for a card's name in a scenario."""
    number = f"60000000{zlib.crc32(alias.encode()) % 10**8:08d}"
    if _NAMES.setdefault(number[-4:], alias) != alias:
        raise ValueError(f"{alias} ends like {_NAMES[number[-4:]]}: choose another name")
    return number


def card_name(last4: str | None) -> str:
    """Return the name of a card by the last four digits of its number."""
    return _NAMES.get(last4 or "", "?")


def card_ref(alias: str, clock: Clock) -> Data:
    """`G` by number, `#G` by the id that the worker gave it."""
    if alias.startswith("#"):
        number = card_number(alias[1:])
        return {"card_id": clock.card_ids.get(number, "card:" + number)}
    return {"number": card_number(alias)}


def pin(words: Words) -> Data:
    pins = [w.removeprefix("pin=") for w in words if w.startswith("pin=")]
    return {"pin": pins[0]} if pins else {}
