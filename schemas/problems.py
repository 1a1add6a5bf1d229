"""The HTTP API's answers with another status than 200: RFC 9457 problem details (contract §5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field

from schemas.outcomes import Out, OutcomeData
from schemas.reasons import Category, Reason
from schemas.scopes import Scope

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:problem-type:g3n:"
INSTANCE_PREFIX: Final = "urn:g3n:request:"


class Code(StrEnum):
    """The category of a problem: those of a document's reasons, and those of the API itself."""

    INVALID_REQUEST = Category.INVALID_REQUEST.value
    NOT_FOUND = Category.NOT_FOUND.value
    INVALID_STATE = Category.INVALID_STATE.value
    INSUFFICIENT_BALANCE = Category.INSUFFICIENT_BALANCE.value
    CONFLICT = "conflict"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    TOO_MANY_REQUESTS = "too-many-requests"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal-error"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What every problem of a code has in common."""

    status: int
    title: str


PROBLEMS: Final[Mapping[Code, ProblemType]] = MappingProxyType(
    {
        Code.INVALID_REQUEST: ProblemType(400, "The request is not valid"),
        Code.UNAUTHORIZED: ProblemType(401, "No accepted key or session"),
        Code.FORBIDDEN: ProblemType(403, "The key may not do this"),
        Code.NOT_FOUND: ProblemType(404, "Not found"),
        Code.METHOD_NOT_ALLOWED: ProblemType(405, "The route does not have this method"),
        Code.TIMEOUT: ProblemType(408, "The request took too long to arrive"),
        Code.INVALID_STATE: ProblemType(409, "Not possible in the present state"),
        Code.CONFLICT: ProblemType(409, "The same identity with other content"),
        Code.TOO_LARGE: ProblemType(413, "The body is too large"),
        Code.UNSUPPORTED_MEDIA_TYPE: ProblemType(415, "The body is not JSON in UTF-8"),
        Code.INSUFFICIENT_BALANCE: ProblemType(422, "The balance is not sufficient"),
        Code.TOO_MANY_REQUESTS: ProblemType(429, "Too many requests"),
        Code.INTERNAL_ERROR: ProblemType(500, "A fault of the server"),
        Code.UNAVAILABLE: ProblemType(503, "Not available just now"),
    }
)


class ApiReason(StrEnum):
    """Why the API itself refuses a request. The reasons of documents are in `schemas.reasons`."""

    INVALID = "invalid"
    INVALID_HEADER = "invalid_header"
    MALFORMED_REQUEST = "malformed_request"
    REFUSED_BY_DATABASE = "refused_by_database"
    CREDENTIALS_NOT_ACCEPTED = "credentials_not_accepted"
    ORGCODE_NOT_OF_KEY = "orgcode_not_of_key"
    SCOPE_MISSING = "scope_missing"
    UNKNOWN_ROUTE = "unknown_route"
    UNKNOWN_EVENT = "unknown_event"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    HEAD_TOO_SLOW = "head_too_slow"
    BODY_TOO_SLOW = "body_too_slow"
    CONFLICT = "conflict"
    BODY_TOO_LARGE = "body_too_large"
    NOT_JSON = "not_json"
    RATE_LIMITED = "rate_limited"
    ADDRESS_LIMITED = "address_limited"
    SHARE_IN_USE = "share_in_use"
    SESSIONS_LIMITED = "sessions_limited"
    CARD_MISSES_LIMITED = "card_misses_limited"
    INTERNAL_ERROR = "internal_error"
    OVERLOADED = "overloaded"
    TIMED_OUT = "timed_out"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Said:
    """The code of one of the API's own reasons, and its words."""

    code: Code
    detail: str


API_REASONS: Final[Mapping[ApiReason, Said]] = MappingProxyType(
    {
        ApiReason.INVALID: Said(Code.INVALID_REQUEST, "points: a whole number, without quotes"),
        ApiReason.INVALID_HEADER: Said(Code.INVALID_REQUEST, "X-Orgcode is missing"),
        ApiReason.MALFORMED_REQUEST: Said(Code.INVALID_REQUEST, "the request is not HTTP/1.1 as RFC 9112 defines it"),
        ApiReason.REFUSED_BY_DATABASE: Said(
            Code.INVALID_REQUEST, "an amount would be too large for the ledger; the request had no effect"
        ),
        ApiReason.CREDENTIALS_NOT_ACCEPTED: Said(
            Code.UNAUTHORIZED, "the X-Api-Key or the session token is missing or not accepted"
        ),
        ApiReason.ORGCODE_NOT_OF_KEY: Said(Code.FORBIDDEN, "X-Orgcode: not the tenant of the key"),
        ApiReason.SCOPE_MISSING: Said(Code.FORBIDDEN, "the key lacks the scope {scope}"),
        ApiReason.UNKNOWN_ROUTE: Said(Code.NOT_FOUND, "there is no such route"),
        ApiReason.UNKNOWN_EVENT: Said(Code.NOT_FOUND, "the tenant has no such document"),
        ApiReason.METHOD_NOT_ALLOWED: Said(Code.METHOD_NOT_ALLOWED, "the route does not take this method; see Allow"),
        ApiReason.HEAD_TOO_SLOW: Said(Code.TIMEOUT, "the headers did not arrive in time"),
        ApiReason.BODY_TOO_SLOW: Said(Code.TIMEOUT, "the body did not arrive within {within_s} s"),
        ApiReason.CONFLICT: Said(Code.CONFLICT, "the identity is known with other content; the first document stands"),
        ApiReason.BODY_TOO_LARGE: Said(Code.TOO_LARGE, "the body has more than {most_bytes} bytes"),
        ApiReason.NOT_JSON: Said(
            Code.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json in UTF-8, without Content-Encoding"
        ),
        ApiReason.RATE_LIMITED: Said(Code.TOO_MANY_REQUESTS, "the key has used up its requests; try again later"),
        ApiReason.ADDRESS_LIMITED: Said(
            Code.TOO_MANY_REQUESTS, "too many requests without an accepted key from this address; try again later"
        ),
        ApiReason.SHARE_IN_USE: Said(
            Code.TOO_MANY_REQUESTS, "the {holder} has its full share of requests in progress; try again later"
        ),
        ApiReason.SESSIONS_LIMITED: Said(
            Code.TOO_MANY_REQUESTS, "the key has {most} sessions; revoke one, or wait until one expires"
        ),
        ApiReason.CARD_MISSES_LIMITED: Said(
            Code.TOO_MANY_REQUESTS, "too many cards were not accepted; try again later"
        ),
        ApiReason.INTERNAL_ERROR: Said(Code.INTERNAL_ERROR, "a fault of the server; its log has the request's id"),
        ApiReason.OVERLOADED: Said(Code.UNAVAILABLE, "too many requests are in progress; try again later"),
        ApiReason.TIMED_OUT: Said(
            Code.UNAVAILABLE,
            "no answer in time; the request may still take effect: try again with the same Idempotency-Key",
        ),
        ApiReason.UNAVAILABLE: Said(
            Code.UNAVAILABLE, "the ledger can't be reached; try again with the same Idempotency-Key"
        ),
    }
)


class Problem(Out):
    """Problem details. If a document was declined or rejected, `outcome` has the data of its outcome."""

    type: Annotated[str, Field(description=f"`{TYPE_PREFIX}` and the code")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="for people: paths and rules, never a value")]
    code: Code
    reason: Annotated[str, Field(description="for programs: a reason of the contract's §3, or of docs/api.md")]
    instance: Annotated[str, Field(description="`urn:g3n:request:` and the request's id")]
    request_id: Annotated[
        str, Field(description="the request's id, as in the header X-Request-Id and in the server's log")
    ]
    scope: Annotated[Scope | None, Field(description="the scope that the key lacks, if that is the problem")] = None
    outcome: OutcomeData | None = None


def details(
    code: Code,
    reason: str,
    detail: str,
    request_id: str,
    *,
    scope: Scope | None = None,
    outcome: object = None,
) -> dict[str, Any]:
    """Return a Problem's members in their order (RFC 9457 §3.1, contract §5). `outcome` is JSON, or stands for it."""
    problem_type = PROBLEMS[code]
    return {
        "type": TYPE_PREFIX + code.value,
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": detail,
        "code": code.value,
        "reason": reason,
        "instance": INSTANCE_PREFIX + request_id,
        "request_id": request_id,
        **({} if scope is None else {"scope": scope.value}),
        **({} if outcome is None else {"outcome": outcome}),
    }


NOT_ANY_MORE: Final = (
    "this request was answered before, and its tender authorizes nothing: `outcome` is the stored answer"
)


def refused(reason: Reason, outcome: Mapping[str, Any] | None = None) -> str:
    """Return the `detail` of a refusal. `outcome`: the data of the document's outcome; None for an operation that
    reads.
    """
    text = reason.value.replace("_", " ")
    return text if outcome is None else f"the document was {outcome['status']}: {text}"
