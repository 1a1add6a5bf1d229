"""Turn the words of a line into a document to publish: each verb, and the words that any verb takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tests.language.commands import about, card_command, consent, of, policy, replace, simple, transfer
from tests.language.names import Clock, Data, Words, card_name, card_number
from tests.language.till import capture, request, return_, sale

__all__ = ["VERBS", "Clock", "Document", "build", "card_name", "card_number"]


@dataclass
class Document:
    """One document: `stamped` is the record's timestamp, `data` the document's own."""

    type: str
    subject: str
    data: Data
    stamped: datetime


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
    "customer": about("crm.customer.create", "new"),
    "block": about("crm.customer.update", "block", status="blocked"),
    "unblock": about("crm.customer.update", "unblock", status="active"),
    "erase": about("crm.customer.erase", "erase", reason="asked"),
    "create": simple("crm.customer.create", customer_id=str),
    "update": simple("crm.customer.update", customer_id=str, status=str),
    "forget": simple("crm.customer.erase", customer_id=str, reason=str),
    "merge": simple("crm.customer.merge", from_customer_id=str, into_customer_id=str),
    "earn": simple("crm.loyalty.earn", customer_id=str, points=int),
    "redeem": simple("crm.loyalty.redeem", customer_id=str, points=int),
    "adjust": lambda words, clock: (
        "crm.loyalty.adjust",
        simple("", customer_id=str, points=int)(words, clock)[1] | {"reason": "correction", "actor": "desk"},
    ),
    "claim": simple("crm.loyalty.claim", sale_id=str, customer_id=str),
    "give": simple("crm.loyalty.transfer", from_customer_id=str, to_customer_id=str, points=int),
    "restore": simple("crm.loyalty.restore", of=of, points=int),
    "reverse": simple("crm.loyalty.reverse", of=of, points=int),
    "issue": card_command("crm.giftcard.issue", "amount_minor"),
    "spend": card_command("crm.giftcard.redeem", "amount_minor"),
    "reload": card_command("crm.giftcard.reload", "amount_minor"),
    "cardreverse": simple("crm.giftcard.reverse", of=of, amount_minor=int),
    "freeze": card_command("crm.giftcard.freeze"),
    "unfreeze": card_command("crm.giftcard.unfreeze"),
    "link": card_command("crm.giftcard.link", "customer_id"),
    "extend": card_command("crm.giftcard.extend"),
    "replace": replace,
    "transfer": transfer,
    "join": simple("crm.pool.join", customer_id=str, pool_id=str),
    "leave": simple("crm.pool.leave", customer_id=str, pool_id=str, points=int),
}

_NOT_FIELDS = {"pin", "from", "id"}


def build(words: tuple[str, ...], clock: Clock) -> Document:
    """Return the document of one line.

    `@-3d` sets `occurred_at`, `stamped@-3d` the record's timestamp, `field=value` any member, `field=+3d` a time and
    `field=day+3d` a date by offset.
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
