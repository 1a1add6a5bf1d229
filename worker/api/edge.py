"""What every exchange has, whatever its route: an id, a line in the log, safe headers, and a bound on how many."""

import re
import time
import uuid
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.problems import DoorReason
from worker import metrics
from worker.api.problem import Problem, own

_log = structlog.get_logger("worker.api")

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# Answers are for programs, and for whoever asked alone.
_SAFE: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
RETRY_AFTER_S: Final = 1


@dataclass(slots=True)
class Exchange:
    """What the log says of a request; nothing of its body."""

    request_id: str
    operation: str = "none"
    orgcode: str | None = None
    key_id: str | None = None
    document_id: str | None = None  # for the answer, not for the log
    reason: str | None = None
    replayed: bool | None = None
    status: int = 0


class Edge:
    """Around the routes. Not more than `most_in_hand` requests are let in; the next is told to come again."""

    def __init__(self, app: ASGIApp, most_in_hand: int) -> None:
        self._app = app
        self._most_in_hand = most_in_hand
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(_request_id(Headers(scope=scope)))
        scope.setdefault("state", {})["exchange"] = exchange

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = exchange.request_id
                for name, value in _SAFE:
                    headers[name] = value
            await send(message)

        began = time.perf_counter()
        self._in_hand += 1
        metrics.HTTP_IN_HAND.set(self._in_hand)
        try:
            with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
                await self._handle(exchange, scope, receive, answer)
        finally:
            self._in_hand -= 1
            metrics.HTTP_IN_HAND.set(self._in_hand)
            _tell(exchange, time.perf_counter() - began)

    async def _handle(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        if self._in_hand <= self._most_in_hand:
            await self._app(scope, receive, send)
            return
        problem = own(DoorReason.OVERLOADED, headers={"Retry-After": str(RETRY_AFTER_S)})
        await as_response(problem, exchange)(scope, receive, send)


def as_response(problem: Problem, exchange: Exchange) -> Response:
    """The problem as this exchange's answer."""
    exchange.reason = problem.reason
    return problem.response(exchange.request_id)


def _request_id(headers: Headers) -> str:
    given = headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _tell(exchange: Exchange, seconds: float) -> None:
    metrics.HTTP_REQUESTS.labels(exchange.operation, str(exchange.status)).inc()
    metrics.HTTP_SECONDS.labels(exchange.operation).observe(seconds)
    told = {"orgcode": exchange.orgcode, "key": exchange.key_id, "reason": exchange.reason}
    _log.info(
        "request",
        request_id=exchange.request_id,
        operation=exchange.operation,
        status=exchange.status,
        ms=round(seconds * 1000, 1),
        **{name: value for name, value in told.items() if value is not None},
        **({"replayed": True} if exchange.replayed else {}),
    )
