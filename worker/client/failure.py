"""Why there is no answer: the API's problem details (RFC 9457, contract §5), or a failure without any."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import httpx

from schemas.problems import Code

_GATEWAY: Final = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


@dataclass(eq=False)
class ApiError(Exception):
    """`code` is the category, `reason` is for programs, `detail` for people: paths and rules, never a value.

    `outcome` is the outcome's data if a document was declined or rejected. `reason` is `unreachable`, `no_answer` or
    `not_an_answer` if the API itself gave none.
    """

    code: Code
    reason: str
    detail: str
    request_id: str
    status: int | None = None
    outcome: Mapping[str, Any] | None = None
    scope: str | None = None
    retry_after_s: float | None = None
    document_id: str | None = None  # to ask again with, after any doubt
    data: bytes | None = None  # the problem details as they came

    def __str__(self) -> str:
        return f"{self.code.value} {self.reason}: {self.detail}"

    @property
    def is_undecided(self) -> bool:
        """Return whether the document may have been decided all the same: repeat it with `document_id`."""
        return self.code in {Code.UNAVAILABLE, Code.INTERNAL_ERROR} and self.reason not in {"unreachable", "overloaded"}


def from_response(response: httpx.Response, request_id: str, document_id: str | None) -> ApiError:
    """Return the problem of a response that is not 200."""
    request_id = response.headers.get("X-Request-Id", request_id)
    retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
    try:
        problem = json.loads(response.content)
        return ApiError(
            code=Code(problem["code"]),
            reason=str(problem["reason"]),
            detail=str(problem["detail"]),
            request_id=request_id,
            status=response.status_code,
            outcome=problem.get("outcome"),
            scope=problem.get("scope"),
            retry_after_s=retry_after_s,
            document_id=response.headers.get("Idempotency-Key", document_id),
            data=response.content,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiError(
            code=_foreign(response.status_code),
            reason="not_an_answer",
            detail=f"HTTP {response.status_code}, not the API's: the URL is another's, or a proxy answered",
            request_id=request_id,
            status=response.status_code,
            retry_after_s=retry_after_s,
            document_id=document_id,
        )


def _foreign(status: int) -> Code:
    if status in _GATEWAY:
        return Code.UNAVAILABLE
    return Code.TOO_MANY_REQUESTS if status == HTTPStatus.TOO_MANY_REQUESTS else Code.INTERNAL_ERROR


def from_transport(error: httpx.HTTPError, request_id: str, document_id: str | None) -> ApiError:
    """`unreachable`: the request was never sent; `no_answer`: it may have been read."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        reason, detail = "unreachable", "the API can't be reached"
    elif isinstance(error, httpx.TimeoutException):
        reason, detail = "no_answer", "the API did not answer in time"
    else:
        reason, detail = "no_answer", "the connection ended before the answer"
    return ApiError(Code.UNAVAILABLE, reason, detail, request_id, document_id=document_id)


def _retry_after_s(header: str | None) -> float | None:
    """Return the seconds of `Retry-After` (RFC 9110 §10.2.3), which is a number or a date; None for anything else."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
