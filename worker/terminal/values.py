"""Format values for people: money with its currency, points with separators, times in the local zone."""

from datetime import datetime

from schemas.currencies import minor_digits


def money(minor: int, currency: str, *, signed: bool = False) -> str:
    """Return `12.50 GBP` for 1250, `1,250 JPY` for 1250."""
    digits = minor_digits(currency)
    whole, rest = divmod(abs(minor), 10**digits)
    sign = "-" if minor < 0 else "+" if signed and minor else ""
    return f"{sign}{whole:,}{f'.{rest:0{digits}}' if digits else ''} {currency}"


def number(value: int, *, signed: bool = False) -> str:
    """Return the number with separators; with `signed`, also with a plus."""
    return f"{value:+,}" if signed and value else f"{value:,}"


def moment(text: str) -> str:
    """Return an RFC 3339 time in the local zone, to the second, with its offset; anything else as it is.

    A time in the first or last hours of the years 1 to 9999 may have no local form; it stays in UTC.
    """
    try:
        return datetime.fromisoformat(text).astimezone().isoformat(sep=" ", timespec="seconds")
    except (ValueError, OverflowError):
        return text


def clean(text: str) -> str:
    """Return the text without characters that a terminal would obey: names come from outside."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
