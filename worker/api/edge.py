"""The edge around all routes: a request id, a line in the log, safe headers, 405 for HEAD and OPTIONS."""

import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.problems import ApiReason
from worker.api.problem import Problem, own
from worker.process import metrics
from worker.process.callers import home

if TYPE_CHECKING:
    from worker.web.connection import Connection

_log = structlog.get_logger("worker.api")

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# Answers are for programs, and for their caller alone.
_SAFE: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
_METHODS_OF_NO_ROUTE: Final = frozenset({"HEAD", "OPTIONS"})
_LIMITS: Final = frozenset(
    {
        ApiReason.ADDRESS_LIMITED,
        ApiReason.CARD_MISSES_LIMITED,
        ApiReason.OVERLOADED,
        ApiReason.RATE_LIMITED,
        ApiReason.SESSIONS_LIMITED,
        ApiReason.SHARE_IN_USE,
    }
)


@dataclass(slots=True)
class Exchange:
    """The facts about a request that the log shows; nothing from its body."""

    request_id: str
    address: str
    connection: "Connection | None" = None  # None: the request came from this process
    operation: str = "none"
    orgcode: str | None = None
    key_id: str | None = None
    document_id: str | None = None  # for the answer, not for the log
    reason: str | None = None
    replayed: bool | None = None
    status: int = 0


class Edge:
    """Wraps the routes. `tenants` are those that a metric may name: none, unless the operator listed them."""

    def __init__(self, app: ASGIApp, tenants: frozenset[str]) -> None:
        self._app = app
        self._tenants = tenants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        state = scope.setdefault("state", {})
        address = home(scope["client"][0]) if scope.get("client") else ""
        exchange = Exchange(_request_id(Headers(scope=scope)), address, state.get("connection"))
        state["exchange"] = exchange

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = exchange.request_id
                for name, value in _SAFE:
                    headers.setdefault(name, value)
            await send(message)

        began = time.perf_counter()
        try:
            with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
                await self._handle(exchange, scope, receive, answer)
        finally:
            if scope["path"] not in _PROBES:
                self._tell(exchange, time.perf_counter() - began)

    async def _handle(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in _METHODS_OF_NO_ROUTE:
            await self._app(scope, receive, send)
            return
        problem = own(ApiReason.METHOD_NOT_ALLOWED, headers={"Allow": "GET, POST"})
        await as_response(problem, exchange)(scope, receive, send)

    def _tell(self, exchange: Exchange, seconds: float) -> None:
        metrics.HTTP_REQUESTS.labels(exchange.operation, str(exchange.status)).inc()
        metrics.HTTP_SECONDS.labels(exchange.operation).observe(seconds)
        if exchange.reason in _LIMITS:
            tenant = exchange.orgcode if exchange.orgcode in self._tenants else ""
            metrics.HTTP_REFUSED.labels(exchange.reason, tenant).inc()
        fields = {"orgcode": exchange.orgcode, "key": exchange.key_id, "reason": exchange.reason}
        _log.info(
            "request",
            request_id=exchange.request_id,
            operation=exchange.operation,
            status=exchange.status,
            ms=round(seconds * 1000, 1),
            **{name: value for name, value in fields.items() if value is not None},
            **({"replayed": True} if exchange.replayed else {}),
        )


def as_response(problem: Problem, exchange: Exchange) -> Response:
    """Return the problem as this exchange's answer."""
    exchange.reason = problem.reason
    return problem.response(exchange.request_id)


def _request_id(headers: Headers) -> str:
    given = headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
