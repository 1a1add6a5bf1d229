"""Read whole numbers and amounts as people type them.

The rule is that of the wire (contract §1): ASCII digits, with a minus before a negative number. The bounds of each
number are the model's. Python's own `int()` also takes `1_000`, `+5`, `" 5"` and `٥`, and a float parser turns 25.00
into 25 minor units.
"""

import re
from typing import Final

from schemas.currencies import CURRENCIES, minor_digits

_WHOLE: Final = re.compile(r"-?[0-9]{1,4000}")  # int() takes 4300
_DECIMAL: Final = re.compile(r"([0-9]{1,16})(?:\.([0-9]{1,4}))?")


class NotAFigure(Exception):
    """The text is not such a number. The message says what would be right, without the text."""


def whole(text: str, *, signed: bool, unit: str = "") -> int:
    """Return the whole number in `text`. `signed` and `unit` are for the message: whether a negative one means
    something, and what it counts. Raises NotAFigure.
    """
    if _WHOLE.fullmatch(text) is None:
        of_what = f" of {unit}" if unit else ""
        raise NotAFigure(f"a whole number{of_what}, digits only{', or a minus and digits' if signed else ''}")
    return int(text)


def minor_units(text: str, currency: object) -> int:
    """Return the minor units of an amount written with a point: 2500 of `25.00` in GBP. Raises NotAFigure.

    Fewer decimals than the currency has are fine (`25` and `25.5`); more are not, even if they are zero.
    """
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise NotAFigure("needs an ISO 4217 currency like GBP, which says how many decimals it has")
    digits = minor_digits(currency)
    parts = _DECIMAL.fullmatch(text)
    if parts is None or len(parts[2] or "") > digits:
        right = f"25.{'0' * digits}" if digits else "2500"
        raise NotAFigure(f"an amount in {currency} is written like {right}")
    return int(parts[1] + (parts[2] or "").ljust(digits, "0"))
