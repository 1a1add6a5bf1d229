"""Turn the words of a line into the members of a command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.language.names import Clock, Data, Words, card_ref, pin


def simple(kind: str, **places: Callable[[str], Any]) -> Callable[[Words, Clock], tuple[str, Data]]:
    """Make a command whose fields follow its id in order. Trailing fields may be absent; `-` leaves one out."""

    def build(words: Words, clock: Clock) -> tuple[str, Data]:
        del clock
        given = [w for w in words[1:] if "=" not in w and w != "partial"]
        data: Data = {"command_id": words[0]}
        data |= {field: read(word) for (field, read), word in zip(places.items(), given, strict=False) if word != "-"}
        return kind, data | ({"allow_partial": True} if "partial" in words else {})

    return build


def of(word: str) -> Data:
    """`crm.loyalty.redeem:K1`"""
    kind, _, subject = word.partition(":")
    return {"type": kind, "id": subject}


def card_command(kind: str, *fields: str) -> Callable[[Words, Clock], tuple[str, Data]]:
    """`reload K1 G 500`: the card, then the named fields. An amount brings its currency."""

    def build(words: Words, clock: Clock) -> tuple[str, Data]:
        data: Data = {"command_id": words[0], "gift_card": card_ref(words[1], clock)}
        if kind == "crm.giftcard.issue":
            data |= pin(words)
        elif kind == "crm.giftcard.redeem":
            data["gift_card"] |= pin(words)
        given = [w for w in words[2:] if "=" not in w and w != "partial"]
        for name, word in zip(fields, given, strict=False):
            data |= {name: int(word), "currency": "GBP"} if name == "amount_minor" else {name: word}
        return kind, data | ({"allow_partial": True} if "partial" in words else {})

    return build


def transfer(words: Words, clock: Clock) -> tuple[str, Data]:
    """`transfer K1 G1 G2 [500] [pin=…]`"""
    data: Data = {
        "command_id": words[0],
        "from_card": card_ref(words[1], clock) | pin(words),
        "to_card": card_ref(words[2], clock),
    }
    amount = [int(w) for w in words[3:] if w.isdigit()]
    return "crm.giftcard.transfer", data | ({"amount_minor": amount[0]} if amount else {})


def replace(words: Words, clock: Clock) -> tuple[str, Data]:
    """`replace K1 G H [pin=…]`: H takes over from G; the PIN is H's."""
    data: Data = {"command_id": words[0], "from_card": card_ref(words[1], clock), "to_card": card_ref(words[2], clock)}
    return "crm.giftcard.replace", data | pin(words)


def about(kind: str, prefix: str, **fixed: object) -> Callable[[Words, Clock], tuple[str, Data]]:
    """`customer C`: a command about one customer, with an id derived from the customer's."""
    return lambda words, _: (kind, {"command_id": f"{prefix}-{words[0]}", "customer_id": words[0], **fixed})


def policy(words: Words, clock: Clock) -> tuple[str, Data]:
    """`policy {…} [from=-3d] [id=P2]`: by default effective long ago."""
    options = dict(w.split("=") for w in words if re.match(r"\w+=", w))
    start = clock.at(options.get("from", "-1000d"))
    data = {
        "command_id": options.get("id", "policy"),
        "policy": json.loads(words[0]),
        "effective_from": start.isoformat(),
    }
    return "crm.policy.put", data


def consent(words: Words, clock: Clock) -> tuple[str, Data]:
    """`consent K1 C marketing yes`"""
    del clock
    granted = words[3] == "yes"
    return "crm.consent.set", {"command_id": words[0], "customer_id": words[1], "purpose": words[2], "granted": granted}
