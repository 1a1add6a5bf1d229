"""Routes for GET only, and the answer to an unknown route or method."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.problems import API_REASONS, MEDIA_TYPE, PROBLEMS, ApiReason, details

_NOWHERE: Final = frozenset({"HEAD", "OPTIONS"})


def get(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return a route that answers GET only. Starlette would answer HEAD as well."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


def reason_of(method: str, error: Exception) -> ApiReason:
    """Return why Starlette found no endpoint. No route answers HEAD or OPTIONS."""
    unknown_method = method in _NOWHERE or (isinstance(error, HTTPException) and error.status_code == 405)  # noqa: PLR2004
    return ApiReason.METHOD_NOT_ALLOWED if unknown_method else ApiReason.UNKNOWN_ROUTE


def _no_route(request: Request, error: Exception) -> Response:
    api_reason = API_REASONS[reason := reason_of(request.method, error)]
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if reason is ApiReason.METHOD_NOT_ALLOWED:
        headers.setdefault("Allow", "GET, POST")
    body = details(api_reason.code, reason.value, api_reason.detail, uuid.uuid4().hex)
    return JSONResponse(body, PROBLEMS[api_reason.code].status, headers, MEDIA_TYPE)


NO_ROUTE: Final[Mapping[Any, Any]] = {HTTPException: _no_route}
"""Starlette's `exception_handlers` of an application without an edge of its own."""
