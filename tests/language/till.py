"""Documents of a till: sales, returns, tenders."""

from __future__ import annotations

import re

from tests.language.names import Clock, Data, Words, card_ref, pin


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
            "gift_card": card_ref(alias, clock) | ({"load_minor": int(load)} if load else {}),
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

    Without a receipt, a line may be as in a sale: `1:250:toys`, `1:250!`, `1:250~fee`.
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
            refund |= {"gift_card": card_ref(match[2], clock)} if match[2] else {}
            refunds.append(refund | ({"tender_id": match[3]} if match[3] else {}))
    data: Data = {"return_id": return_id, "currency": "GBP", "lines": lines, "refunds": refunds}
    data |= {"sale_id": sale_id} if sale_id != "-" else {}
    return "scm.return.completed", data | ({"customer_id": customer} if customer != "-" else {})


def request(words: Words, clock: Clock) -> tuple[str, Data]:
    """`request T1 card G|#G 4000 …` or `request T1 points C 401 …`, then `partial`, `capture`, `pin=1234`."""
    tender_id, kind, payer, amount = words[:4]
    data: Data = {"tender_id": tender_id, "currency": "GBP", "amount_minor": int(amount), "kind": KINDS[kind]}
    data |= {"customer_id": payer} if kind == "points" else {"gift_card": card_ref(payer, clock) | pin(words)}
    data |= {"allow_partial": True} if "partial" in words else {}
    return "scm.tender.requested", data | ({"capture": True} if "capture" in words else {})


def capture(words: Words, clock: Clock) -> tuple[str, Data]:
    """`capture T1 [2000]`"""
    del clock
    amount = [int(w) for w in words[1:] if w.isdigit()]
    return "scm.tender.captured", {"tender_id": words[0]} | ({"amount_minor": amount[0]} if amount else {})
