"""The body of a request becomes a document: parsed as strictly as a record of a topic, by the same models (contract
§5).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.reasons import DeadLetterReason
from schemas.registry import DOCUMENTS
from schemas.scalars import format_instant
from worker.codec.document import Document
from worker.codec.keyring import Keyring
from worker.codec.parse import Refused, parse

ISSUE: Final = "crm.giftcard.issue"


def json_object(raw: bytes) -> dict[str, Any]:
    """Return the members of a body. Raises Refused."""
    parsed = parse(raw)
    if not isinstance(parsed, dict):
        raise Refused(DeadLetterReason.INVALID, "data: an object")
    return parsed


def document(
    type_: str, data: Mapping[str, Any], keyring: Keyring, now_us: int, *, trusted: bool, traceparent: bytes | None
) -> Document:
    """Return the document; `data` has its id. `occurred_at` is the time of receipt, unless `data` has one. Raises
    pydantic.ValidationError.
    """
    doctype = DOCUMENTS[type_]
    model = doctype.validate({"occurred_at": format_instant(now_us), **data}, keyring)
    subject = getattr(model, doctype.id_field)
    return Document(
        keyring.orgcode, type_, subject, doctype, model, keyring.digest(doctype, model), keyring, now_us,
        traceparent=traceparent, trusted=trusted,
    )  # fmt: skip


def numbered(type_: str, data: Mapping[str, Any], issue_id: str, keyring: Keyring) -> Sequence[dict[str, Any]]:
    """Return the data of an issue that names no card, with the number made from its identity (contract CMD15); nothing
    for anything else. An older card key may have made the number, so there is one for each key, the current key's
    first.
    """
    card = data.get("gift_card")
    if type_ != ISSUE or not (card is None or (isinstance(card, dict) and card.get("number") is None)):
        return ()
    numbers = keyring.generated_numbers(issue_id)
    return tuple({**data, "gift_card": {**(card or {}), "number": number}} for number in numbers)
