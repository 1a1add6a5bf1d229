"""What the HTTP API answers where it does not answer 200: RFC 9457 problem details (contract §5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field

from schemas.operations import Scope
from schemas.outcomes import Out, OutcomeData
from schemas.reasons import Category

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:problem-type:g3n:"
INSTANCE_PREFIX: Final = "urn:g3n:request:"


class Code(StrEnum):
    """The kind of a problem: the categories of a document's reasons, and what only a door can say."""

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
class Kind:
    """What every problem of a code has in common."""

    status: int
    title: str


KINDS: Final[Mapping[Code, Kind]] = MappingProxyType(
    {
        Code.INVALID_REQUEST: Kind(400, "The request is not valid"),
        Code.UNAUTHORIZED: Kind(401, "No key or session that is accepted"),
        Code.FORBIDDEN: Kind(403, "The key may not do this"),
        Code.NOT_FOUND: Kind(404, "Not found"),
        Code.METHOD_NOT_ALLOWED: Kind(405, "The route does not know this method"),
        Code.TIMEOUT: Kind(408, "The request took too long to come"),
        Code.INVALID_STATE: Kind(409, "Not possible in the present state"),
        Code.CONFLICT: Kind(409, "The same identity with other content"),
        Code.TOO_LARGE: Kind(413, "The body is too large"),
        Code.UNSUPPORTED_MEDIA_TYPE: Kind(415, "The body is not JSON in UTF-8"),
        Code.INSUFFICIENT_BALANCE: Kind(422, "The balance is not sufficient"),
        Code.TOO_MANY_REQUESTS: Kind(429, "Too many requests"),
        Code.INTERNAL_ERROR: Kind(500, "A fault of the server"),
        Code.UNAVAILABLE: Kind(503, "Not available just now"),
    }
)


class Problem(Out):
    """Problem details; `outcome` is there where a document was declined or rejected, and is its outcome's data."""

    type: Annotated[str, Field(description=f"`{TYPE_PREFIX}` and the code")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="for a person: paths and rules, never a value")]
    code: Code
    reason: Annotated[str, Field(description="one of the contract's §3, or of docs/api.md; for programs")]
    instance: Annotated[str, Field(description="the request: `urn:g3n:request:` and its id")]
    request_id: Annotated[str, Field(description="the header X-Request-Id; the server's log has it too")]
    scope: Annotated[Scope | None, Field(description="what the key lacks, where that is the problem")] = None
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
    """A Problem's members in their order (RFC 9457 §3.1, contract §5); `outcome` is JSON, or stands for it."""
    kind = KINDS[code]
    return {
        "type": TYPE_PREFIX + code.value,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code.value,
        "reason": reason,
        "instance": INSTANCE_PREFIX + request_id,
        "request_id": request_id,
        **({} if scope is None else {"scope": scope.value}),
        **({} if outcome is None else {"outcome": outcome}),
    }
