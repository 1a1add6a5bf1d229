"""The scalar types of the wire and their inner forms (contract §1.3).

Their validators have two modes, chosen by the context, a `Keyring`. From the wire, instants and dates are strings, and
card numbers and PINs are plain text that becomes tokens; no model ever holds a plain one. In stored form (`STORED`),
values are those of `model_dump()`, so a parked document is rebuilt without its plain numbers.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple, NoReturn, Protocol, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from schemas.currencies import CURRENCIES
from schemas.validators import fault

LIMIT: Final = 10**15  # contract §1: integers are within ±10¹⁵
MAX_HOLD_S: Final = 604_800
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY: Final = EPOCH.toordinal()
DAY_US: Final = 86_400_000_000
_FIRST_US: Final = (1 - EPOCH_DAY) * DAY_US
_END_US: Final = (date.max.toordinal() + 1 - EPOCH_DAY) * DAY_US


class CardToken(NamedTuple):
    """A card number as HMACs of its canonical form, one for each key, the current key's first.

    `spelled` has the HMACs of the number as it was written, if that is not the canonical form. Cards issued and digests
    made before numbers had a canonical form are found by these.
    """

    tokens: tuple[bytes, ...]
    last4: str
    spelled: tuple[bytes, ...] = ()

    @property
    def known_as(self) -> tuple[bytes, ...]:
        """Every HMAC under which the ledger may know the card. The first one that it knows counts."""
        return self.spelled + self.tokens


class PinToken(NamedTuple):
    """A PIN as HMACs, one for each key, the current key's first."""

    tokens: tuple[bytes, ...]


class Keyring(Protocol):
    """The context of every validation: makes tokens of plain numbers, for the document's tenant."""

    @property
    def stored(self) -> bool:
        """Whether values are in stored form."""

    def number(self, plain: str, /) -> CardToken:
        """Return the tokens of a card number as it was written; `canonical_number` gives its canonical form."""

    def pin(self, plain: str, /) -> PinToken:
        """Return the tokens of a PIN, 4–12 digits."""


class _Stored:
    stored: Final = True

    def number(self, _plain: str, /) -> NoReturn:
        raise AssertionError("stored form holds no plain number")

    def pin(self, _plain: str, /) -> NoReturn:
        raise AssertionError("stored form holds no plain PIN")


STORED: Final[Keyring] = _Stored()


class Wire(BaseModel):
    """Base of the models of documents and requests: strict and frozen. Unknown members are ignored, and error texts
    hold no values.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class NullMeans:
    """`null` stands for the default (contract ID15)."""

    default: object

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        default = self.default
        return core_schema.no_info_before_validator_function(lambda v: default if v is None else v, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "null"}]}


class CurrencyCode:
    """An ISO 4217 alphabetic code, looked up in a hash table."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(CURRENCIES))


def is_stored(info: ValidationInfo) -> bool:
    """Return whether a value comes from the ledger, not from the wire."""
    return info.context is not None and info.context.stored


_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,30})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])",
).fullmatch


def parse_instant(text: str) -> int:
    """Return the microseconds since 1970 UTC of an RFC 3339 time with offset; further digits are cut off. Raises
    ValueError.
    """
    if _INSTANT(text) is None:
        raise ValueError("not an RFC 3339 time with offset")
    since = datetime.fromisoformat(text.upper()) - EPOCH
    instant_us = since.days * DAY_US + since.seconds * 1_000_000 + since.microseconds
    if not _FIRST_US <= instant_us < _END_US:
        raise ValueError("not in the years 1 to 9999 of UTC")
    return instant_us


def format_instant(instant_us: int) -> str:
    """Return RFC 3339 in UTC with a `Z`, without a fraction or with six digits."""
    seconds, micros = divmod(instant_us, 1_000_000)
    text = (EPOCH + timedelta(seconds=seconds, microseconds=micros)).isoformat()
    return text.replace("+00:00", "Z")


def _instant(value: object, info: ValidationInfo) -> int:
    if type(value) is str:
        try:
            return parse_instant(value)
        except ValueError:
            pass
    elif type(value) is int and is_stored(info):
        return value
    raise fault("a time with offset, like 2026-03-01T10:15:00Z")


# For the JSON Schemas, in which `format` is only a note. A pattern can't say which Februaries have 29 days.
_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
_DAY_OF_MONTH = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|[12][0-9]))"
)
DATE_PATTERN: Final = f"^{_YEAR}-{_DAY_OF_MONTH}$"
INSTANT_PATTERN: Final = (
    f"^{_YEAR}-{_DAY_OF_MONTH}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{{1,30}})?"
    "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


def parse_date(text: str) -> int:
    """Return the days since 1970 of a date like 2026-03-01. Raises ValueError."""
    if _DATE(text) is None:
        raise ValueError("not a date of ten characters")
    return date.fromisoformat(text).toordinal() - EPOCH_DAY


BIRTH_DATE_PATTERN: Final = f"^(?:{_YEAR}|-)-{_DAY_OF_MONTH}$"
_BIRTH_DATE: Final = "a date, like 1815-12-10, or --12-10 without the year"
_LEAP_YEAR: Final = "2000"  # used if the year is not given, so that 29 February is valid


def _birth_date(text: str) -> str:
    try:
        date.fromisoformat(text.replace("--", f"{_LEAP_YEAR}-", 1) if text.startswith("--") else text)
    except ValueError:
        raise fault(_BIRTH_DATE) from None
    return text


def _date(value: object, info: ValidationInfo) -> int:
    if type(value) is str:
        try:
            return parse_date(value)
        except ValueError:
            pass
    elif type(value) is int and is_stored(info):
        return value
    raise fault("a date, like 2026-03-01")


# The parser behind a validator, for other readers of the same members (`schemas.structs`).
PARSERS: Final[Mapping[object, Callable[[str], int]]] = {_instant: parse_instant, _date: parse_date}

_NUMBER = r"^[ -]*([0-9A-Za-z][ -]*){8,32}$"
_PIN = r"^[0-9]{4,12}$"
_is_number = re.compile(r"[ -]*+(?:[0-9A-Za-z][ -]*+){8,32}+").fullmatch
_is_pin = re.compile(r"[0-9]{4,12}").fullmatch


def canonical_number(number: str) -> str:
    """Return the canonical form of a card number: no spaces or dashes, letters in upper case (contract CARD1)."""
    return number.replace(" ", "").replace("-", "").upper()


def _card_number(value: object, info: ValidationInfo) -> CardToken:
    keyring: Any = info.context
    if keyring.stored:
        tokens, last4, *spelled = cast("tuple[Any, ...]", value)
        return CardToken(tuple(tokens), last4, *map(tuple, spelled))
    if type(value) is str and _is_number(value):
        return cast("CardToken", keyring.number(value))
    raise fault("8 to 32 digits and letters, not counting spaces and dashes")


def _pin(value: object, info: ValidationInfo) -> PinToken:
    keyring: Any = info.context
    if keyring.stored:
        (tokens,) = cast("tuple[Iterable[bytes]]", value)
        return PinToken(tuple(tokens))
    if type(value) is str and _is_pin(value):
        return cast("PinToken", keyring.pin(value))
    raise fault("4 to 12 digits, in quotes")


def canonical_decimal(text: str) -> str:
    """Return the canonical form of an unsigned decimal: `1.0` and `01` are `1`."""
    if "." not in text and text[0] != "0":
        return text
    whole, _, fraction = text.partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


ID_PATTERN: Final = r"^[\x20-\x7e]*$"
TEXT_PATTERN: Final = r"^[^\x00]*$"
DECIMAL_PATTERN: Final = r"^[0-9]{1,15}(\.[0-9]{1,12})?$"
LAST4_PATTERN: Final = r"^[0-9A-Za-z]{4}$"
# Each pattern in the words of an error message: what would be right.
PATTERNS: Final[Mapping[str, str]] = {
    ID_PATTERN: "printable ASCII characters only",
    TEXT_PATTERN: "a text without NUL characters",
    LAST4_PATTERN: "4 digits or letters",
    BIRTH_DATE_PATTERN: _BIRTH_DATE,
    DECIMAL_PATTERN: 'a decimal number in quotes like "1.5", with at most 15 digits before the point and 12 after',
}

Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=256, pattern=TEXT_PATTERN)]
RequiredText = Annotated[Text, StringConstraints(min_length=1)]
Currency = Annotated[str, CurrencyCode()]
DecimalString = Annotated[str, StringConstraints(pattern=DECIMAL_PATTERN), AfterValidator(canonical_decimal)]
Flag = Annotated[bool, NullMeans(default=False)]

INSTANT_SCHEMA: Final[dict[str, Any]] = {"type": "string", "format": "date-time", "pattern": INSTANT_PATTERN}
DATE_SCHEMA: Final[dict[str, Any]] = {"type": "string", "format": "date", "pattern": DATE_PATTERN}

Points = Annotated[int, Field(ge=-LIMIT, le=LIMIT)]
FromZero = Annotated[int, Field(ge=0, le=LIMIT)]
FromOne = Annotated[int, Field(ge=1, le=LIMIT)]

Instant = Annotated[int, PlainValidator(_instant), WithJsonSchema(INSTANT_SCHEMA)]
Date = Annotated[int, PlainValidator(_date), WithJsonSchema(DATE_SCHEMA)]
# YYYY-MM-DD, or --MM-DD without the year; kept as it is written.
BirthDate = Annotated[str, StringConstraints(pattern=BIRTH_DATE_PATTERN), AfterValidator(_birth_date)]
CardNumber = Annotated[
    CardToken,
    PlainValidator(_card_number),
    PlainSerializer(lambda token: tuple(token) if token.spelled else tuple(token)[:2]),
    WithJsonSchema({"type": "string", "pattern": _NUMBER}),
]
Pin = Annotated[
    PinToken,
    PlainValidator(_pin),
    PlainSerializer(lambda token: (token.tokens,)),
    WithJsonSchema({"type": "string", "pattern": _PIN}),
]
