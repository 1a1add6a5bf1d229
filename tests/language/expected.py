"""Outcomes as text, and the differences between an outcome and an expectation.

    applied|partial|rejected|… [reason] [points +19=1019 [held 5] [pending 5] [(reason)]]
    [card G -500=0 [held 5] [(reason)]]… [tender T1 captured 4000/2500/2500/0 [(reason)]]…
    [lines 1:11 2:5] [policy 1] [customer C] [sale S1] [worth T1 802] [until T1 <time>] [...]

`tender` shows requested/approved/captured/refunded; `*` stands for any one word, `any` for any status; `...` at the end
allows parts that are not named.
`worth` shows the points of a tender, `until` when its hold expires. Parts that say that nothing changed, and those from
`policy` on, may be left out.
"""

from __future__ import annotations

import re
from typing import Any

from tests.language.documents import card_name
from tests.schemas.contract_page import CATEGORY

Data = dict[str, Any]
Parts = dict[str, str]

NAMED = ("card", "tender", "worth", "until", "to")
QUIET = ("policy", "customer", "sale", "worth", "until")


def parse(text: str) -> Parts:
    """Return the parts of an expectation by name: `status`, `points`, `card G`, `tender T1`, `lines`, `policy`,
    `customer`, `to D` (the counterparty), `...`.
    """
    words = text.split()
    parts: Parts = {}
    if words and words[-1] == "...":
        parts["..."] = words.pop()
    name = "status"
    rest: list[str] = []
    words = iter(words)  # type: ignore[assignment]
    for word in words:
        if word in (*NAMED, "points", "lines", *QUIET):
            parts[name] = " ".join(rest)
            name, rest = (f"{word} {next(words)}" if word in NAMED else word), []  # type: ignore[call-overload]
        else:
            rest.append(word)
    parts[name] = " ".join(rest)
    return parts


def render(data: Data) -> Parts:
    """Return the same parts of an outcome's `data`."""
    reason = data.get("reason")
    parts = {"status": " ".join(filter(None, [data["status"], reason]))}
    if data.get("category") != (CATEGORY[reason] if reason else None):
        parts["category"] = str(data.get("category"))
    if data.get("points"):
        parts["points"] = _points(data["points"])
    if other := data.get("counterparty"):
        parts["to " + other["customer_id"]] = _points(other["points"])
    for card in data.get("gift_cards") or ():
        parts["card " + card_name(card.get("last4"))] = _card(card)
    own = [{**data["tender"], "reason": None}] if data.get("tender") else []  # its reason is at the top of the outcome
    for tender in [*(data.get("tenders") or ()), *own]:
        amounts = "/".join(str(tender[f"{k}_minor"]) for k in ("requested", "approved", "captured", "refunded"))
        parts["tender " + tender["tender_id"]] = f"{tender['state']} {amounts}{_because(tender)}"
        if tender.get("points") is not None:
            parts["worth " + tender["tender_id"]] = str(tender["points"])
        if tender.get("expires_at") is not None:
            parts["until " + tender["tender_id"]] = tender["expires_at"]
    earned = sorted((line["line_id"], line["points"]) for line in data.get("lines") or ())
    lines = [f"{line_id}:{points}" for line_id, points in earned if points]
    parts |= {"lines": " ".join(lines)} if lines else {}
    parts |= {name: data[f"{name}_id"] for name in ("customer", "sale") if data.get(f"{name}_id")}
    return parts | ({"policy": str(data["policy_version"])} if data.get("policy_version") is not None else {})


def _points(points: Data) -> str:
    if "balance" not in points:
        return f"{points['change']:+d}{_because(points)}"
    text = f"{points['change']:+d}={points['balance']}"
    text += "".join(f" {name} {points[name]}" for name in ("held", "pending") if points[name])
    free = points["balance"] - points["held"] - points["pending"]
    if points["available"] != max(0, free):
        text += f" available {points['available']}"
    return text + _because(points)


def _card(card: Data) -> str:
    if "balance_minor" not in card:
        return _because(card).strip()
    held = f" held {card['held_minor']}" if card["held_minor"] else ""
    currency = "" if card["currency"] == "GBP" else f" {card['currency']}"
    return f"{card['change_minor']:+d}={card['balance_minor']}{held}{currency}{_because(card)}"


def _because(block: Data) -> str:
    return f" ({block['reason']})" if block.get("reason") else ""


def says_nothing(name: str, text: str) -> bool:
    """Return whether a part may be left out, because it says that nothing changed."""
    kind = name.partition(" ")[0]
    unchanged = re.fullmatch(r"\+0=\S+( held \d+)?( pending \d+)?( [A-Z]{3})?|\+0 \(customer_not_found\)", text)
    return kind in QUIET or (kind in ("points", "card", "to") and unchanged is not None)


def differences(expected: str | None, data: Data) -> list[str]:
    """Return the differences between the outcome and the line in words; none if they agree."""
    actual = render(data)
    if expected is None:
        return (
            []
            if actual["status"] in ("applied", "approved")
            else [f"status: {actual['status']}, expected to go through"]
        )
    wanted = parse(expected)
    partly = wanted.pop("...", None)
    found = [
        f"{n}: {actual.get(n, 'absent')}, expected {text}" for n, text in wanted.items() if not _agrees(n, text, actual)
    ]
    if not partly:
        found += [
            f"{n}: {text}, not expected" for n, text in actual.items() if n not in wanted and not says_nothing(n, text)
        ]
    return found


def _agrees(name: str, text: str, actual: Parts) -> bool:
    if name not in actual:
        return re.fullmatch(r"\+0=\S+", text) is not None
    if text == "any":
        return True
    pattern = r"\S+".join(re.escape(piece) for piece in text.split("*"))
    return re.fullmatch(pattern, actual[name]) is not None
