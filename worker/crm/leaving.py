"""How a command leaves: the exit code says the category, stderr says why in a line and then what to do."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NoReturn

import typer

from schemas.problems import Code, DoorReason
from schemas.reasons import Reason
from worker.crm.values import clean, money


class ExitCode(IntEnum):
    """What a program may rely on; 130 after Ctrl-C."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INVALID_REQUEST = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    INVALID_STATE = 6
    INSUFFICIENT_BALANCE = 7
    RATE_LIMITED = 8
    UNAVAILABLE = 9
    ROWS_FAILED = 10
    INTERRUPTED = 130


EXIT_CODES: Final = """\b
Exit codes:
  0   done (also partial, parked, ignored)
  1   a fault of the server or of this program
  2   wrong usage, or no profile
  3   invalid-request
  4   unauthorized, forbidden
  5   not-found
  6   invalid-state, conflict
  7   insufficient-balance
  8   too many requests
  9   unavailable: no connection, no answer in time, overloaded
  10  import: some rows were refused
  130 interrupted
"""

OF_CODE: Final[Mapping[Code, ExitCode]] = MappingProxyType(
    {
        Code.INVALID_REQUEST: ExitCode.INVALID_REQUEST,
        Code.NOT_FOUND: ExitCode.NOT_FOUND,
        Code.INVALID_STATE: ExitCode.INVALID_STATE,
        Code.INSUFFICIENT_BALANCE: ExitCode.INSUFFICIENT_BALANCE,
        Code.CONFLICT: ExitCode.INVALID_STATE,
        Code.UNAUTHORIZED: ExitCode.NOT_ALLOWED,
        Code.FORBIDDEN: ExitCode.NOT_ALLOWED,
        Code.METHOD_NOT_ALLOWED: ExitCode.FAILED,
        Code.TIMEOUT: ExitCode.UNAVAILABLE,
        Code.TOO_LARGE: ExitCode.INVALID_REQUEST,
        Code.UNSUPPORTED_MEDIA_TYPE: ExitCode.INVALID_REQUEST,
        Code.TOO_MANY_REQUESTS: ExitCode.RATE_LIMITED,
        Code.UNAVAILABLE: ExitCode.UNAVAILABLE,
        Code.INTERNAL_ERROR: ExitCode.FAILED,
    }
)

_TO_DO: Final[Mapping[str, str]] = MappingProxyType(
    {
        Reason.CARD_NOT_ACCEPTED: "Check the number and the PIN; five wrong PINs in a row freeze the card.",
        Reason.CUSTOMER_NOT_FOUND: "Create the customer first: g3n crm customer create.",
        Reason.CUSTOMER_BLOCKED: "Unblock the customer: g3n crm customer update --status active.",
        Reason.CARD_FROZEN: "Let it pay again: g3n crm giftcard unfreeze.",
        Reason.CURRENCY_MISMATCH: "Use the currency of the card: g3n crm giftcard get.",
        Reason.CURRENCY_NOT_IN_POLICY: "See which it knows: g3n crm policy get.",
        Reason.BELOW_MINIMUM: "See the limits: g3n crm policy get.",
        Reason.OVER_MAXIMUM: "See the limits: g3n crm policy get.",
        Reason.ALREADY_VOIDED: "It is undone for good: use a new id.",
        Reason.HOLD_EXPIRED: "Ask again with a new tender id: g3n crm tender authorize.",
        DoorReason.CONFLICT: "This id was used for something else: use another --idempotency-key (or tender id).",
        DoorReason.UNKNOWN_EVENT: "Check type and id; it may not have been read yet, or be a dead letter.",
        DoorReason.UNKNOWN_ROUTE: "Check the URL of the profile: g3n login.",
        DoorReason.ORGCODE_NOT_OF_KEY: "Use the orgcode of the key: g3n login.",
        # What the client says where the API says nothing.
        "unreachable": "Check the URL and that the API runs (g3n api).",
        "not_an_answer": "Check the URL of the profile: g3n login.",
    }
)
_OF_KIND: Final[Mapping[Code, str]] = MappingProxyType(
    {
        Code.INVALID_REQUEST: "Correct it and try again; --help names the rules.",
        Code.UNAUTHORIZED: "Log in with a key that is good: g3n login.",
        Code.FORBIDDEN: "Use a key that may: g3n worker keys, g3n login.",
        Code.INSUFFICIENT_BALANCE: "Take less, or --allow-partial where there is one.",
        Code.TOO_MANY_REQUESTS: "Try again later.",
        Code.UNAVAILABLE: "Try again later.",
        Code.INTERNAL_ERROR: "Tell whoever runs the API; its log says more.",
    }
)


def because(code: Code, reason: str) -> str | None:
    """What to do about it."""
    return _TO_DO.get(reason) or _OF_KIND.get(code)


def leave(code: ExitCode, why: str, to_do: str | None = None) -> NoReturn:
    """Leave with a line on stderr, and one that says what to do."""
    typer.echo(f"g3n: {clean(why)}", err=True)
    if to_do:
        typer.echo(f"     {clean(to_do)}", err=True)
    raise typer.Exit(code)


def available(outcome: Mapping[str, Any] | None) -> str:
    """What there is instead, of a refusal's outcome; empty where it says nothing."""
    points = (outcome or {}).get("points") or {}
    cards: Sequence[Mapping[str, Any]] = (outcome or {}).get("gift_cards") or ()
    if "available" in points:
        return f" (available: {points['available']:,} points)"
    if len(cards) == 1 and {"balance_minor", "held_minor", "currency"} <= cards[0].keys():
        return f" (available: {money(cards[0]['balance_minor'] - cards[0]['held_minor'], cards[0]['currency'])})"
    return ""
