"""Values as a person reads them: money with its currency, points with separators, times in the local zone."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

# ISO 4217: currencies by their digits after the point, where these are not two. Metals and the like have no minor unit.
_OF_DIGITS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "
        "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }
)
_DIGITS: Final = {currency: digits for digits, named in _OF_DIGITS.items() for currency in named.split()}


def money(minor: int, currency: str, *, signed: bool = False) -> str:
    """`12.50 GBP` of 1250, `1,250 JPY` of 1250."""
    digits = _DIGITS.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**digits)
    sign = "-" if minor < 0 else "+" if signed and minor else ""
    return f"{sign}{whole:,}{f'.{rest:0{digits}}' if digits else ''} {currency}"


def number(value: int, *, signed: bool = False) -> str:
    """With separators; `signed`: with a plus too."""
    return f"{value:+,}" if signed and value else f"{value:,}"


def moment(text: str) -> str:
    """An RFC 3339 time in the local zone, to the second, with its offset; anything else as it is."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat(sep=" ", timespec="seconds")
    except ValueError:
        return text


def clean(text: str) -> str:
    """Without what a terminal would obey: names come from outside."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
