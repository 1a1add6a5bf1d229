"""Names that announce a secret: card numbers, PINs, personal data, in the spellings of other systems."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from pydantic import BaseModel

from schemas.cards import CardRef, SoldCard
from schemas.envelope import HEADER_PREFIX, Envelope
from schemas.policy import GiftCardRules
from schemas.registry import DOCUMENTS


class Secrecy(Enum):
    """The part of a value that may be shown under a name."""

    SECRET = auto()  # nothing
    CARD = auto()  # only the members of a card that we know
    KNOWN = auto()  # an id, an amount, a time of the contract: everything
    UNKNOWN = auto()  # everything that does not have the shape of a secret


CARD_MEMBERS: Final = frozenset({*CardRef.model_fields, *SoldCard.model_fields, *GiftCardRules.model_fields})
_FREE_TEXT: Final = frozenset({"reason", "actor", "source", "channel", "data", "card_id"})
_CARDS: Final = frozenset({"gift_card", "from_card", "to_card"})

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORDS: Final = frozenset({
    "cell", "csc", "cvc", "cvv", "dob", "fax", "gan", "holder", "iban", "msisdn", "pan", "password", "passwd", "pin",
    "pwd", "secret", "street", "stripe", "tel", "track",
})  # fmt: skip
# Parts of names, with anything around them: customerName, e-mail, phoneNumber, giftcardnumber, PINCODE.
_PARTS: Final = re.compile(
    r"name|mail|phone|mobile|birth|address|passcode|pincode|pinblock|(?:^|card|user)pin(?:no|nr|number)?$|magstripe"
    r"|database64|externalid|^(?:no|nr|num|number|code)$|(?:security|verification|access)code"
    r"|(?:card|gift|voucher|coupon|certificate|account|serial)(?:no|nr|num|number|code)"
)
_CARD_WORDS: Final = frozenset({"card", "cards", "giftcard", "giftcards", "voucher", "vouchers"})
_NAME_LENGTH: Final = 64


@lru_cache(maxsize=4096)
def secrecy(name: str) -> Secrecy:
    """Return what may be shown of the value under this name: a member of JSON, a column, a tag, a
    header without `ce_`.
    """
    if name in _CARDS:
        return Secrecy.CARD
    words = [word.lower() for word in _WORD.findall(name[-_NAME_LENGTH:])]
    joined = "".join(words)
    if not _WORDS.isdisjoint((*words, *(word.rstrip("s") for word in words))) or _PARTS.search(joined):
        return Secrecy.SECRET
    if name in known_names():
        return Secrecy.UNKNOWN if name in _FREE_TEXT else Secrecy.KNOWN
    if not _CARD_WORDS.isdisjoint((*words, joined)):
        return Secrecy.UNKNOWN if words[-1] in {"id", "ids"} else Secrecy.CARD
    return Secrecy.UNKNOWN


def header_secrecy(name: str) -> Secrecy:
    """Return the same for a record's header, an attribute of binary mode or not."""
    return secrecy(name.lower().removeprefix(HEADER_PREFIX))


@lru_cache(maxsize=1)
def known_names() -> frozenset[str]:
    """Return the names of the contract's members and attributes."""
    models: tuple[type[BaseModel], ...] = (Envelope, *(doctype.model for doctype in DOCUMENTS.values()))
    return frozenset(name for model in models for name in _names(model, set())) | {"content-type"}


def _names(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in _models(field.annotation):
            yield from _names(inner, seen)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)
    origin = getattr(annotation, "__origin__", None)  # what Annotated annotates
    if isinstance(origin, type) and issubclass(origin, BaseModel):
        yield origin
