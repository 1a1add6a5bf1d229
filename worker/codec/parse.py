"""Parse JSON as strictly as a ledger needs: no duplicate keys, no NaN, no NUL, no lone surrogates."""

from json import JSONDecodeError
from typing import Any, NoReturn

import jiter

from schemas import duplicate_names
from schemas.reasons import DeadLetterReason

MAX_DEPTH = 64


class Refused(Exception):
    """The record becomes a dead letter: `reason` is for the header, `detail` holds no value."""

    def __init__(self, reason: DeadLetterReason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def parse(raw: bytes) -> Any:  # noqa: ANN401  whatever the JSON is
    """Return the value of a JSON text in UTF-8. Raises Refused: `not_json`, or `invalid` for JSON that is not
    acceptable.
    """
    try:
        value = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError:
        _explain(raw)
    if b"\\" in raw and b"\\u0000" in raw and _holds_nul(value, 0):
        raise Refused(DeadLetterReason.INVALID, "data: texts without NUL characters")
    return value


def _explain(raw: bytes) -> NoReturn:
    """Return why the fast parser refused the text: `invalid` if other parsers take it for JSON, else `not_json`."""
    try:
        _, twice = duplicate_names.loads(raw.decode(), _not_json)
    except RecursionError:
        raise Refused(DeadLetterReason.INVALID, "data: fewer levels, it is nested too deeply") from None
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise Refused(DeadLetterReason.INVALID, "data: integers of fewer digits") from None
        raise Refused(DeadLetterReason.NOT_JSON, f"data: JSON in UTF-8 ({_where(error)})") from None
    if twice:
        raise Refused(DeadLetterReason.INVALID, "data: each name once in an object")
    raise Refused(DeadLetterReason.INVALID, "data: texts in Unicode without half a surrogate pair, and fewer levels")


def _where(error: ValueError) -> str:
    """Return what the parser met and where. Its own words hold no value."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg.partition(':')[0]}"
    return str(error)


def _not_json(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _holds_nul(value: object, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return True
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(part, depth + 1) for member in value.items() for part in member)
    if isinstance(value, list):
        return any(_holds_nul(part, depth + 1) for part in value)
    return False
