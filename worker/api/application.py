"""The routes: one for each operation, the probes, and the pages."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.operations import OPERATIONS, Operation
from schemas.problems import ApiReason
from schemas.scopes import Scope
from worker.api import admitted, body, pages
from worker.api.admitted import AdmittedRequest, Reply
from worker.api.batcher import Batcher
from worker.api.callers import Callers, allow
from worker.api.commands import Commands
from worker.api.edge import Edge, Exchange, as_response
from worker.api.guesses import Guesses
from worker.api.issuers import Issuers
from worker.api.limits import Limits
from worker.api.problem import Problem, own
from worker.api.readings import Readings
from worker.api.sessions import Sessions
from worker.api.shares import LATER, Divided, Holder, share_in_use
from worker.api.strangers import Strangers
from worker.api.watch import Watch
from worker.ledger.api_keys import Caller
from worker.ledger.pool import Pool
from worker.process import errors, metrics
from worker.process.callers import is_proxy
from worker.process.settings import Settings
from worker.process.status import Status
from worker.views import READINGS, Context
from worker.web import health
from worker.web.routes import reason_of

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

_JSON: Final = "application/json"
_TOO_MUCH: Final = frozenset({ApiReason.RATE_LIMITED, ApiReason.ADDRESS_LIMITED, ApiReason.SHARE_IN_USE})
_LATE_S: Final = 0.5
_BODIES_BYTES: Final = 64 << 20  # bytes of bodies that are being received or decided


class Api:
    """Answers requests. `app` is the ASGI application. `batcher`, `watch` and `guesses` have to `run` beside it."""

    def __init__(self, settings: Settings, pool: Pool, context: Context, status: Status) -> None:
        self._settings = settings
        self._pipeline = context.pipeline
        self._limits = Limits(
            settings.api_requests_per_s,
            bulk_requests_per_s=settings.api_bulk_requests_per_s,
        )
        self.guesses = Guesses(pool, settings.api_card_misses_per_min, settings.api_tenant_card_misses_per_min)
        self._strangers = Strangers(settings.api_keyless_per_s)
        lookups = max(1, settings.api_connections // 4)
        self._callers = Callers(pool, settings.orgcodes, self._strangers, lookups)
        self.in_hand = Divided(settings.api_max_in_hand, settings.api_shares, metrics.HTTP_IN_HAND.set)
        self._bodies = Divided(_BODIES_BYTES, settings.api_shares)
        self.watch = Watch(pool, status)
        self.batcher = Batcher(context.pipeline, self.watch)
        self._commands = Commands(self.batcher, self._limits, self.guesses, Issuers(pool))
        self._readings = Readings(context, self._limits, self.guesses, settings.api_connections)
        self._sessions = Sessions(pool, self._callers, settings.api_sessions_per_key)
        routes = [Route(one.route, self._endpoint(one), methods=["POST"]) for one in OPERATIONS.values()]
        routes += [*health.routes(status, self._admit), *pages.routes(self._admit)]
        app = Starlette(routes=routes, exception_handlers={HTTPException: self._no_route, Problem: self._refused})
        app.router.redirect_slashes = False
        self.app = Edge(app, settings.orgcodes)

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            exchange: Exchange = request.scope["state"]["exchange"]
            exchange.operation = operation.name
            try:
                reply = await self._answer(operation, request, exchange)
            except Exception as error:  # noqa: BLE001  `_problem` says what it is
                problem = self._problem(error)
                await self._slow_down(problem, exchange)
                problem.headers |= admitted.key_header(exchange.document_id)
                return as_response(problem, exchange)
            exchange.replayed = "Idempotency-Replayed" in reply.headers
            return Response(reply.data, 200, {**reply.headers, **admitted.key_header(exchange.document_id)}, _JSON)

        return endpoint

    async def _answer(self, operation: Operation, request: Request, exchange: Exchange) -> Reply:
        """Return the answer, the cheapest checks first. The body is read only for admitted callers, and only complete
        requests take a slot.

        Raises Problem, and the ledger's errors.
        """
        if self.watch.down:
            raise own(ApiReason.UNAVAILABLE, headers=LATER)
        began = self._limits.now()
        caller = await self._in_time(self._callers.of(request.headers, exchange.address))
        exchange.orgcode, exchange.key_id = caller.orgcode, caller.key_id
        left = self._limits.count(caller.key_id, bulk=Scope.BULK in caller.scopes)
        allow(caller, operation.scope)
        holder = self._holder(caller, exchange)
        with self._bodies.held(holder) as hold:
            members = await body.read(request, self._settings.max_document_bytes, self._settings.api_body_s, hold)
            exchange.document_id = admitted.document_id(operation, members, request.headers)
            asked = AdmittedRequest(
                operation, caller, members, self._pipeline.keyring(caller.orgcode), began,
                admitted.traceparent(request.headers), exchange.document_id,
            )  # fmt: skip
            with self.in_hand.held(holder, 1):
                reply = await self._in_time(self._reply(asked))
        reply.headers |= left
        return reply

    @staticmethod
    async def _slow_down(problem: Problem, exchange: Exchange) -> None:
        """Delay the answer of a caller who sends too much: a client that repeats at once would use everybody's time."""
        if problem.reason in _TOO_MUCH and exchange.connection is not None:
            exchange.connection.held_back = True
            await asyncio.sleep(_LATE_S)
            exchange.connection.held_back = False

    def _holder(self, caller: Caller, exchange: Exchange) -> Holder:
        """Return whose share the request counts against. Raises Problem if the holder has too many connections."""
        group = f"{caller.orgcode}/{caller.key_id}"
        connection = exchange.connection
        if connection is not None and not connection.held.use(connection, group, caller.orgcode):
            problem = share_in_use("key or tenant")
            problem.headers["Connection"] = "close"
            raise problem
        address = None if is_proxy(exchange.address, self._settings.api_proxies) else exchange.address
        return Holder(group, caller.orgcode, address)

    async def _reply(self, asked: AdmittedRequest) -> Reply:
        if asked.operation.document is not None:
            return await self._commands.answer(asked, time.time_ns() // 1000)
        if asked.operation.name in READINGS:
            return await self._readings.answer(asked)
        return await self._sessions.answer(asked)

    async def _in_time(self, work: Awaitable[_T]) -> _T:
        """Raise Problem, 503, after the deadline. A decision that has begun is completed all the same."""
        try:
            async with asyncio.timeout(self._settings.api_deadline_s) as limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
            raise own(ApiReason.TIMED_OUT, headers=LATER) from None

    def _problem(self, error: Exception) -> Problem:
        """Return the problem for an exception, by whose fault it is (worker.process.errors)."""
        if isinstance(error, Problem):
            return error
        if errors.retriable(error):
            self.watch.failed(error)
            return own(ApiReason.UNAVAILABLE, headers=LATER)
        _log.error("crashed", exc_info=error)
        return own(ApiReason.INTERNAL_ERROR)

    def _admit(self, request: Request) -> None:
        """Raise Problem if the address sent too many requests without a key."""
        self._strangers.count(request.scope["state"]["exchange"].address)

    def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101  the handler's own type
        return as_response(error, request.scope["state"]["exchange"])

    def _no_route(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  the handler's own type
        try:
            self._admit(request)
        except Problem as limited:
            return self._refused(request, limited)
        reason = reason_of(request.method, error)
        return as_response(own(reason, headers=error.headers), request.scope["state"]["exchange"])
