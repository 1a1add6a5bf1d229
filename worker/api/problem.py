"""The answer when the status is not 200: an exception, raised wherever something went wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from schemas.problems import API_REASONS, MEDIA_TYPE, NOT_ANY_MORE, PROBLEMS, ApiReason, Code, details, refused
from schemas.reasons import Reason
from schemas.scopes import Scope


class Problem(Exception):
    """Problem details (RFC 9457), and their headers; never with a value from the request."""

    def __init__(
        self,
        code: Code,
        reason: str,
        detail: str,
        *,
        scope: Scope | None = None,
        outcome: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.detail = detail
        self.scope = scope
        self.outcome = outcome
        self.headers = dict(headers or {})

    def response(self, request_id: str) -> Response:
        body = details(self.code, self.reason, self.detail, request_id, scope=self.scope, outcome=self.outcome)
        return Response(orjson.dumps(body), PROBLEMS[self.code].status, self.headers, MEDIA_TYPE)


def own(
    reason: ApiReason,
    detail: str | None = None,
    *,
    scope: Scope | None = None,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> Problem:
    """Return a problem of the API itself. `values` fill in its text; `detail` replaces it."""
    api_reason = API_REASONS[reason]
    detail = api_reason.detail.format(**values, scope=scope and scope.value) if detail is None else detail
    return Problem(api_reason.code, reason.value, detail, scope=scope, headers=headers)


def refusal(reason: Reason, outcome: Mapping[str, Any] | None = None, detail: str | None = None) -> Problem:
    """Return the problem of a document that was declined or rejected, with its outcome's data; without data, of a
    reading that has no answer. `detail`: instead of the reason's own.
    """
    return Problem(Code(reason.category.value), reason.value, detail or refused(reason, outcome), outcome=outcome)


def not_any_more(reason: Reason, outcome: Mapping[str, Any], headers: Mapping[str, str]) -> Problem:
    """Return the problem of a repeated authorization whose tender was declined, or voided or expired since."""
    return Problem(Code.INVALID_STATE, reason.value, NOT_ANY_MORE, outcome=outcome, headers=headers)
