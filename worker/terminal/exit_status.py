"""The end of a command that fails: the exit status gives the category; stderr says why, then what to do."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NoReturn

import typer

from schemas.problems import ApiReason, Code
from schemas.reasons import Reason
from worker.terminal.values import clean, money


class ExitStatus(IntEnum):
    """The exit statuses that scripts may rely on; 130 follows Ctrl-C."""

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


EXIT_STATUSES: Final = """\b
Exit status:
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

STATUS_OF_CODE: Final[Mapping[Code, ExitStatus]] = MappingProxyType(
    {
        Code.INVALID_REQUEST: ExitStatus.INVALID_REQUEST,
        Code.NOT_FOUND: ExitStatus.NOT_FOUND,
        Code.INVALID_STATE: ExitStatus.INVALID_STATE,
        Code.INSUFFICIENT_BALANCE: ExitStatus.INSUFFICIENT_BALANCE,
        Code.CONFLICT: ExitStatus.INVALID_STATE,
        Code.UNAUTHORIZED: ExitStatus.NOT_ALLOWED,
        Code.FORBIDDEN: ExitStatus.NOT_ALLOWED,
        Code.METHOD_NOT_ALLOWED: ExitStatus.FAILED,
        Code.TIMEOUT: ExitStatus.UNAVAILABLE,
        Code.TOO_LARGE: ExitStatus.INVALID_REQUEST,
        Code.UNSUPPORTED_MEDIA_TYPE: ExitStatus.INVALID_REQUEST,
        Code.TOO_MANY_REQUESTS: ExitStatus.RATE_LIMITED,
        Code.UNAVAILABLE: ExitStatus.UNAVAILABLE,
        Code.INTERNAL_ERROR: ExitStatus.FAILED,
    }
)

_REASONS: Final = frozenset(reason.value for reason in Reason)
_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        ApiReason.CONFLICT: "This id belongs to another request: use another --idempotency-key (or tender id).",
        ApiReason.UNKNOWN_EVENT: "Check type and id. The worker may not have read it yet, or it is a dead letter.",
        ApiReason.UNKNOWN_ROUTE: "Check the URL of the profile: g3n login.",
        ApiReason.ORGCODE_NOT_OF_KEY: "Use the orgcode of the key: g3n login.",
        # The client's own reasons.
        "unreachable": "Check the URL and that the API runs (g3n api).",
        "not_an_answer": "Check the URL of the profile: g3n login.",
    }
)
_ADVICE_OF_CODE: Final[Mapping[Code, str]] = MappingProxyType(
    {
        Code.INVALID_REQUEST: "Correct it and try again; see --help for the rules.",
        Code.UNAUTHORIZED: "Log in with a valid key: g3n login.",
        Code.FORBIDDEN: "Use a key that has the scope: g3n worker keys, g3n login.",
        Code.INSUFFICIENT_BALANCE: "Take less, or use --allow-partial where the command has it.",
        Code.TOO_MANY_REQUESTS: "Try again later.",
        Code.UNAVAILABLE: "Try again later.",
        Code.INTERNAL_ERROR: "Tell the API's operator; its log has the details.",
    }
)


def advice_for(code: Code, reason: str) -> str | None:
    """Return what the user can do about this reason, or about its code; None if there is nothing to say."""
    if reason in _REASONS:
        return Reason(reason).advice(lambda name: f"g3n crm {name.replace('.', ' ')}")
    return _ADVICE.get(reason) or _ADVICE_OF_CODE.get(code)


def exit_with(status: ExitStatus, message: str, advice: str | None = None) -> NoReturn:
    """Print the message and the advice on stderr, one line each, and exit with this status."""
    typer.echo(f"g3n: {clean(message)}", err=True)
    if advice:
        typer.echo(f"     {clean(advice)}", err=True)
    raise typer.Exit(status)


def available(outcome: Mapping[str, Any] | None) -> str:
    """Return what is available instead, from a refusal's outcome, as ` (available: …)`; empty if it does not say."""
    points = (outcome or {}).get("points") or {}
    cards: Sequence[Mapping[str, Any]] = (outcome or {}).get("gift_cards") or ()
    if "available" in points:
        return f" (available: {points['available']:,} points)"
    if len(cards) == 1 and {"balance_minor", "held_minor", "currency"} <= cards[0].keys():
        return f" (available: {money(cards[0]['balance_minor'] - cards[0]['held_minor'], cards[0]['currency'])})"
    return ""
