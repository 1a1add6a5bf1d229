"""Texts of options for `--help`, where the schemas have none."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas.scalars import LIMIT
from worker.terminal.members import Form, Member

MEMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "actor": "who does it",
        "allow_partial": "take less, if there is less",
        "amount_minor": "in minor units: 1250 is 12.50",
        "at": "the instant of which it is asked",
        "birth_date": "YYYY-MM-DD, or --MM-DD without the year",
        "capture": "take it at once, without a hold",
        "card_id": "the card's id, instead of its number",
        "channel": "as email, sms; without: every channel",
        "currency": "ISO 4217 code, like GBP",
        "customer_id": "the customer; must not be personal data",
        "decide_by": "declined if it is read later than this",
        "document": "a file with the document's data as JSON",
        "effective_from": "in force from then on; later than the version in force",
        "eligible_minor": "the part of the sale that may be paid with this, in minor units",
        "expires_on": "the last good day, in the time zone of the policy",
        "business_date": "the day of business, where it is not that of the sale",
        "lines": "a file with the list of lines as JSON",
        "refunds": "a file with the list of refunds as JSON",
        "tenders": "a file with the list of tenders as JSON",
        "occurred_at": "when it was",
        "external_ids": "an id in another system; may be repeated",
        "from_customer_id": "who goes",
        "granted": "given, or withdrawn",
        "hold_s": "seconds that the hold lasts; else the policy's",
        "id": "its business id: sale, return, tender or command id",
        "into_customer_id": "who stays, with all of both",
        "kind": "what pays",
        "limit": "rows of a page",
        "number": "the card's number",
        "of_id": "id of the earlier document: its command, tender or sale id",
        "of_type": "its whole type, as crm.loyalty.redeem",
        "pin": "the card's PIN",
        "points": "how many",
        "pool_id": "the pool; any id, as long as its members use the same",
        "policy": "a file with the policy as JSON; absent members take the default's values",
        "purpose": "of the consent",
        "reason": "why, for the audit",
        "sale_id": "the sale that it pays",
        "sale_total_minor": "the sale's total in minor units, where the policy caps the points' share",
        "scopes": "less than the key may do; may be repeated",
        "session_id": "the session; else that of the token",
        "source": "where the consent was given, as till",
        "status": "blocked: earns and spends nothing",
        "store_id": "the store",
        "tender_id": "the tender; unique for ever",
        "terminal_id": "the till",
        "training": "answered `ignored`, and changes nothing",
        "ttl_s": "seconds that it lasts",
        "type": "the document's type, like scm.sale.completed",
        "version": "of the policy; 0 is the default",
    }
)
_METAVARS: Final[Mapping[Form, str]] = MappingProxyType(
    {
        Form.INTEGER: "INTEGER",
        Form.AMOUNT: "25.00",
        Form.CURRENCY: "CODE",
        Form.INSTANT: "TIME",
        Form.DATE: "YYYY-MM-DD",
        Form.PAIRS: "NAME=ID",
        Form.DOCUMENT: "FILE",
        Form.ITEMS: "FILE",
    }
)
_HOW: Final[Mapping[Form, str]] = MappingProxyType(
    {Form.INSTANT: "RFC 3339 with offset, or now", Form.DOCUMENT: "-: stdin", Form.ITEMS: "-: stdin"}
)


def told(member: Member) -> str:
    """Return a line of help: what the member is, how it is written, what it may be."""
    low, high = member.range
    bounds = [
        *([f"≥ {low:,}"] if low is not None and low > -LIMIT else []),
        *([f"≤ {high:,}"] if high is not None and high < LIMIT else []),
    ]
    about = _about(member)
    parts = [
        about or member.about,
        _HOW.get(member.form),
        "-: asked for, or a line of stdin" if member.is_secret else None,
        ", ".join(bounds) or None,
        f"required{', or --amount' if member.is_money else ''}" if member.required else None,
    ]
    return "; ".join(part for part in parts if part)


def _about(member: Member) -> str | None:
    if member.form is Form.AMOUNT:
        return f"instead of {member.option}-minor, with the currency's decimals"
    if not member.path:
        return "of --amount: says how many decimals it has"
    return MEMBERS.get(member.name) or MEMBERS.get(member.path[-1])


def metavar(member: Member) -> str | None:
    """Return the placeholder of the value, or None for the names of the choices, or of the type."""
    if len(member.choices) > _FEW:
        return "TYPE"
    if member.choices:
        return None
    if member.is_secret:
        return member.path[-1].upper()
    return _METAVARS.get(member.form)


_FEW: Final = 5
