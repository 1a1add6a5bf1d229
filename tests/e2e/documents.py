"""From the words of a scenario line to the document that is published."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Data = dict[str, Any]
Words = list[str]


@dataclass
class Document:
    """One document: `stamped` is the record's timestamp, `data` the document's own."""

    type: str
    subject: str
    data: Data
    stamped: datetime


@dataclass
class Clock:
    """The moment all offsets (`@-3d`) of a run count from."""

    base: datetime
    card_ids: dict[str, str] = field(default_factory=dict)  # number → id, once an outcome has told it

    def at(self, offset: str) -> datetime:
        match = re.fullmatch(r"([+-]?\d+)([dhms])", offset)
        if not match:
            raise ValueError(offset)
        unit = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}[match[2]]
        return self.base + timedelta(**{unit: int(match[1])})


_NAMES: dict[str, str] = {}


def card_number(alias: str) -> str:
    """Sixteen digits for a card's name in a scenario."""
    number = f"60000000{zlib.crc32(alias.encode()) % 10**8:08d}"
    if _NAMES.setdefault(number[-4:], alias) != alias:
        raise ValueError(f"{alias} ends like {_NAMES[number[-4:]]}: choose another name")
    return number


def card_name(last4: str | None) -> str:
    """The name of a card by the last four digits of its number."""
    return _NAMES.get(last4 or "", "?")


def _card(alias: str, clock: Clock) -> Data:
    """`G` by number, `#G` by the id that the worker gave it."""
    if alias.startswith("#"):
        number = card_number(alias[1:])
        return {"card_id": clock.card_ids.get(number, "card:" + number)}
    return {"number": card_number(alias)}


def _line(word: str, clock: Clock) -> Data:
    """`1:1099` `2:250:toys`, excluded `2:250!`, `3:500~fee`, a card sold `4:5000>G`, of another load `4:5000>G/60`."""
    head, _, sold = word.partition(">")
    head, _, item_type = head.partition("~")
    number, net, *category = head.rstrip("!").split(":")
    line: Data = {"line_id": int(number), "sku": "sku-" + number, "net_minor": int(net)}
    line |= {"category": category[0]} if category else {}
    line |= {"loyalty_excluded": True} if head.endswith("!") else {}
    line |= {"item_type": item_type} if item_type else {}
    if sold:
        alias, _, load = sold.partition("/")
        line |= {
            "item_type": "gift_card",
            "gift_card": _card(alias, clock) | ({"load_minor": int(load)} if load else {}),
        }
    return line


KINDS = {"card": "gift_card", "points": "points", "cash": "cash", "bank": "card", "other": "other"}


def sale(words: Words, clock: Clock) -> tuple[str, Data]:
    """`sale S1 C|- <lines> [T1=card:2500] [=cash:100]`: cash pays the rest unless `untendered` or `exact`."""
    sale_id, customer = words[:2]
    lines = [_line(w, clock) for w in words[2:] if re.match(r"\d+:", w)]
    tenders: list[Data] = []
    for number, (tender_id, kind, amount) in enumerate(_tenders(words[2:]), 1):
        tenders.append({"tender_id": tender_id or f"{sale_id}-{number}", "kind": KINDS[kind], "amount_minor": amount})
    rest = sum(line["net_minor"] for line in lines) - sum(t["amount_minor"] for t in tenders)
    if rest > 0 and not {"untendered", "exact"} & set(words):
        tenders.append({"tender_id": f"{sale_id}-rest", "kind": "cash", "amount_minor": rest})
    data: Data = {"sale_id": sale_id, "store_id": "store", "currency": "GBP", "lines": lines, "tenders": tenders}
    return "scm.sale.completed", data | ({"customer_id": customer} if customer != "-" else {})


def _tenders(words: Words) -> list[tuple[str, str, int]]:
    found = [re.fullmatch(r"([\w.-]*)=(card|points|cash|bank|other):(\d+)", w) for w in words]
    return [(m[1], m[2], int(m[3])) for m in found if m]


def return_(words: Words, clock: Clock) -> tuple[str, Data]:
    """`return R1 S1|- C|- 1:400 [card:T1:300] [points:T1:300] [card>G:500] [cash:20]`: refunds follow the lines.

    A line without a receipt may be as in a sale: `1:250:toys`, `1:250!`, `1:250~fee`.
    """
    return_id, sale_id, customer = words[:3]
    lines: list[Data] = []
    refunds: list[Data] = []
    for word in words[3:]:
        if re.match(r"\d+:\d+", word):
            line = _line(word, clock)
            del line["sku"]
            sale_line: Data = {"sale_line_id": line["line_id"]} if sale_id != "-" else {}
            lines.append(line | {"line_id": len(lines) + 1} | sale_line)
        elif match := re.fullmatch(r"(card|points|cash|bank|other)(?:>(#?[\w-]+)|:([\w.-]+))?:(\d+)", word):
            refund: Data = {
                "refund_id": f"{return_id}-{len(refunds) + 1}",
                "kind": KINDS[match[1]],
                "amount_minor": int(match[4]),
            }
            refund |= {"gift_card": _card(match[2], clock)} if match[2] else {}
            refunds.append(refund | ({"tender_id": match[3]} if match[3] else {}))
    data: Data = {"return_id": return_id, "currency": "GBP", "lines": lines, "refunds": refunds}
    data |= {"sale_id": sale_id} if sale_id != "-" else {}
    return "scm.return.completed", data | ({"customer_id": customer} if customer != "-" else {})


def request(words: Words, clock: Clock) -> tuple[str, Data]:
    """`request T1 card G|#G 4000 …` or `request T1 points C 401 …`, then `partial`, `capture`, `pin=1234`."""
    tender_id, kind, payer, amount = words[:4]
    data: Data = {"tender_id": tender_id, "currency": "GBP", "amount_minor": int(amount), "kind": KINDS[kind]}
    data |= {"customer_id": payer} if kind == "points" else {"gift_card": _card(payer, clock) | _pin(words)}
    data |= {"allow_partial": True} if "partial" in words else {}
    return "scm.tender.requested", data | ({"capture": True} if "capture" in words else {})


def _pin(words: Words) -> Data:
    pins = [w.removeprefix("pin=") for w in words if w.startswith("pin=")]
    return {"pin": pins[0]} if pins else {}


def _simple(kind: str, **places: Callable[[str], Any]) -> Callable[[Words, Clock], tuple[str, Data]]:
    """A command whose fields stand in order after its id; a trailing field may be absent, `-` leaves one out."""

    def build(words: Words, clock: Clock) -> tuple[str, Data]:
        del clock
        given = [w for w in words[1:] if "=" not in w and w != "partial"]
        data: Data = {"command_id": words[0]}
        data |= {field: read(word) for (field, read), word in zip(places.items(), given, strict=False) if word != "-"}
        return kind, data | ({"allow_partial": True} if "partial" in words else {})

    return build


def _of(word: str) -> Data:
    """`crm.loyalty.redeem:K1`"""
    kind, _, subject = word.partition(":")
    return {"type": kind, "id": subject}


def _card_command(kind: str, *fields: str) -> Callable[[Words, Clock], tuple[str, Data]]:
    """`reload K1 G 500`: the card, then the named fields; amounts bring their currency along."""

    def build(words: Words, clock: Clock) -> tuple[str, Data]:
        data: Data = {"command_id": words[0], "gift_card": _card(words[1], clock)}
        if kind == "crm.giftcard.issue":
            data |= _pin(words)
        elif kind == "crm.giftcard.redeem":
            data["gift_card"] |= _pin(words)
        given = [w for w in words[2:] if "=" not in w and w != "partial"]
        for name, word in zip(fields, given, strict=False):
            data |= {name: int(word), "currency": "GBP"} if name == "amount_minor" else {name: word}
        return kind, data | ({"allow_partial": True} if "partial" in words else {})

    return build


def transfer(words: Words, clock: Clock) -> tuple[str, Data]:
    """`transfer K1 G1 G2 [500] [pin=…]`"""
    data: Data = {
        "command_id": words[0],
        "from_card": _card(words[1], clock) | _pin(words),
        "to_card": _card(words[2], clock),
    }
    amount = [int(w) for w in words[3:] if w.isdigit()]
    return "crm.giftcard.transfer", data | ({"amount_minor": amount[0]} if amount else {})


def replace(words: Words, clock: Clock) -> tuple[str, Data]:
    """`replace K1 G H [pin=…]`: H takes over from G; the PIN is H's."""
    data: Data = {"command_id": words[0], "from_card": _card(words[1], clock), "to_card": _card(words[2], clock)}
    return "crm.giftcard.replace", data | _pin(words)


def _about(kind: str, prefix: str, **fixed: object) -> Callable[[Words, Clock], tuple[str, Data]]:
    """`customer C`: a command about one customer, whose id follows from it."""
    return lambda words, _: (kind, {"command_id": f"{prefix}-{words[0]}", "customer_id": words[0], **fixed})


def policy(words: Words, clock: Clock) -> tuple[str, Data]:
    """`policy {…} [from=-3d] [id=P2]`: effective long ago unless said."""
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


def capture(words: Words, clock: Clock) -> tuple[str, Data]:
    """`capture T1 [2000]`"""
    del clock
    amount = [int(w) for w in words[1:] if w.isdigit()]
    return "scm.tender.captured", {"tender_id": words[0]} | ({"amount_minor": amount[0]} if amount else {})


VERBS: dict[str, Callable[[Words, Clock], tuple[str, Data]]] = {
    "sale": sale,
    "void": lambda words, _: ("scm.sale.voided", {"sale_id": words[0]}),
    "return": return_,
    "unreturn": lambda words, _: ("scm.return.voided", {"return_id": words[0]}),
    "request": request,
    "capture": capture,
    "cancel": lambda words, _: ("scm.tender.voided", {"tender_id": words[0]}),
    "policy": policy,
    "consent": consent,
    "customer": _about("crm.customer.create", "new"),
    "block": _about("crm.customer.update", "block", status="blocked"),
    "unblock": _about("crm.customer.update", "unblock", status="active"),
    "erase": _about("crm.customer.erase", "erase", reason="asked"),
    "create": _simple("crm.customer.create", customer_id=str),
    "update": _simple("crm.customer.update", customer_id=str, status=str),
    "forget": _simple("crm.customer.erase", customer_id=str, reason=str),
    "merge": _simple("crm.customer.merge", from_customer_id=str, into_customer_id=str),
    "earn": _simple("crm.loyalty.earn", customer_id=str, points=int),
    "redeem": _simple("crm.loyalty.redeem", customer_id=str, points=int),
    "adjust": lambda words, clock: (
        "crm.loyalty.adjust",
        _simple("", customer_id=str, points=int)(words, clock)[1] | {"reason": "correction", "actor": "desk"},
    ),
    "claim": _simple("crm.loyalty.claim", sale_id=str, customer_id=str),
    "give": _simple("crm.loyalty.transfer", from_customer_id=str, to_customer_id=str, points=int),
    "restore": _simple("crm.loyalty.restore", of=_of, points=int),
    "reverse": _simple("crm.loyalty.reverse", of=_of, points=int),
    "issue": _card_command("crm.giftcard.issue", "amount_minor"),
    "spend": _card_command("crm.giftcard.redeem", "amount_minor"),
    "reload": _card_command("crm.giftcard.reload", "amount_minor"),
    "cardreverse": _simple("crm.giftcard.reverse", of=_of, amount_minor=int),
    "freeze": _card_command("crm.giftcard.freeze"),
    "unfreeze": _card_command("crm.giftcard.unfreeze"),
    "link": _card_command("crm.giftcard.link", "customer_id"),
    "extend": _card_command("crm.giftcard.extend"),
    "replace": replace,
    "transfer": transfer,
    "join": _simple("crm.pool.join", customer_id=str, pool_id=str),
    "leave": _simple("crm.pool.leave", customer_id=str, pool_id=str, points=int),
}

_NOT_FIELDS = {"pin", "from", "id"}


def build(words: tuple[str, ...], clock: Clock) -> Document:
    """The document of one line.

    `@-3d` is when it happened, `stamped@-3d` its record's timestamp; `field=value` sets any field, `field=+3d` a time
    and `field=day+3d` a date by offset.
    """
    verb, *rest = words
    times = [w for w in rest if re.fullmatch(r"(stamped)?@[+-]?\d+[dhms]", w)]
    plain = [w for w in rest if w not in times]
    kind, data = VERBS[verb](plain, clock)
    occurred = [clock.at(w[1:]) for w in times if w.startswith("@")]
    data["occurred_at"] = (occurred[0] if occurred else clock.base).isoformat()
    for name, value in (w.split("=", 1) for w in plain if re.match(r"[a-z_]+=", w)):
        if name not in _NOT_FIELDS:
            data[name] = _value(value, clock)
    stamped = [clock.at(w.partition("@")[2]) for w in times if w.startswith("stamped")]
    subject_field = {"scm.sale": "sale_id", "scm.return": "return_id", "scm.tender": "tender_id"}.get(
        kind.rpartition(".")[0], "command_id"
    )
    return Document(kind, data[subject_field], data, stamped[0] if stamped else clock.base)


def _value(text: str, clock: Clock) -> object:
    if re.fullmatch(r"[+-]\d+[dhms]", text):
        return clock.at(text).isoformat()
    if text.startswith("day"):
        return clock.at(text[3:]).date().isoformat()
    if re.fullmatch(r"\d+", text):
        return int(text)
    return {"true": True, "false": False, "null": None}.get(text, text)
