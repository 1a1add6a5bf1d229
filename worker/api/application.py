"""The routes: one an operation of the table, the probes, and the OpenAPI file."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Final, TypeVar

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.operations import OPERATIONS, Operation
from schemas.problems import DoorReason
from worker import errors, health
from worker.api import asking, body
from worker.api.asking import Asked, Told
from worker.api.batcher import Batcher
from worker.api.callers import Callers, allow
from worker.api.commands import Commands
from worker.api.edge import RETRY_AFTER_S, Edge, Exchange, as_response
from worker.api.limits import Limits
from worker.api.problem import Problem, own
from worker.api.readings import Readings
from worker.api.sessions import Sessions
from worker.health import Status
from worker.ledger.pool import Pool
from worker.settings import Settings
from worker.views import READINGS, Desk

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

_LATER: Final = {"Retry-After": str(RETRY_AFTER_S)}
_JSON: Final = "application/json"


class Api:
    """Answers requests; `app` is the ASGI application, `batcher.run` has to run beside it."""

    def __init__(self, settings: Settings, pool: Pool, desk: Desk, status: Status) -> None:
        self._settings = settings
        self._pipeline = desk.pipeline
        self._limits = Limits(settings.api_requests_per_s, settings.api_card_misses_per_min)
        self._callers = Callers(pool, settings.orgcodes)
        self.batcher = Batcher(desk.pipeline, status)
        self._commands = Commands(self.batcher, self._limits)
        self._readings = Readings(desk, self._limits)
        self._sessions = Sessions(pool, self._callers)
        routes = [Route(one.route, self._endpoint(one), methods=["POST"]) for one in OPERATIONS.values()]
        routes += [Route("/openapi.json", _openapi), *health.routes(status)]
        app = Starlette(routes=routes, exception_handlers={HTTPException: _no_route})
        app.router.redirect_slashes = False
        self.app = Edge(app, settings.api_max_in_hand)

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            exchange: Exchange = request.scope["state"]["exchange"]
            exchange.operation = operation.name
            try:
                told = await self._answer(operation, request, exchange)
            except Exception as error:  # noqa: BLE001  told as what it is
                problem = _problem(error)
                problem.headers |= asking.key_header(exchange.document_id)
                return as_response(problem, exchange)
            exchange.replayed = "Idempotency-Replayed" in told.headers
            return Response(told.data, 200, {**told.headers, **asking.key_header(exchange.document_id)}, _JSON)

        return endpoint

    async def _answer(self, operation: Operation, request: Request, exchange: Exchange) -> Told:
        """Cheap questions first; the body is read only of who may ask. Raises Problem, and what the ledger raises."""
        began = self._limits.now()
        caller = await self._in_time(self._callers.of(request.headers))
        exchange.orgcode, exchange.key_id = caller.orgcode, caller.key_id
        left = self._limits.count(caller.key_id)
        allow(caller, operation.scope)
        members = await body.read(request, self._settings.max_document_bytes, self._settings.api_body_s)
        exchange.document_id = asking.document_id(operation, members, request.headers)
        asked = Asked(
            operation, caller, members, self._pipeline.keyring(caller.orgcode), began,
            asking.traceparent(request.headers), exchange.document_id,
        )  # fmt: skip
        told = await self._in_time(self._told(asked))
        told.headers |= left
        return told

    async def _told(self, asked: Asked) -> Told:
        if asked.operation.document is not None:
            return await self._commands.answer(asked, time.time_ns() // 1000)
        if asked.operation.name in READINGS:
            return await self._readings.answer(asked)
        if asked.operation.name == "session.create":
            return await self._sessions.create(asked)
        return await self._sessions.revoke(asked)

    async def _in_time(self, work: Awaitable[_T]) -> _T:
        """Raises Problem, 503, after the deadline; what has begun to be decided is decided all the same."""
        try:
            async with asyncio.timeout(self._settings.api_deadline_s) as limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
            raise own(DoorReason.TIMED_OUT, headers=_LATER) from None


def _problem(error: Exception) -> Problem:
    """Whose fault it is (worker.errors)."""
    if isinstance(error, Problem):
        return error
    if errors.retriable(error):
        _log.warning("unavailable", error=errors.describe(error))
        return own(DoorReason.UNAVAILABLE, headers=_LATER)
    _log.error("crashed", exc_info=error)
    return own(DoorReason.INTERNAL_ERROR)


async def _openapi(_request: Request) -> Response:
    return Response(resources.files("schemas").joinpath("openapi.json").read_bytes(), media_type=_JSON)


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  that is what the handler is for
    reason = DoorReason.METHOD_NOT_ALLOWED if error.status_code == 405 else DoorReason.UNKNOWN_ROUTE  # noqa: PLR2004
    problem = own(reason, headers=error.headers)
    return as_response(problem, request.scope["state"]["exchange"])
