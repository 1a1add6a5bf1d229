"""MCP over streamable HTTP. Each request has its caller's key; the server keeps only previews that wait for a
confirmation.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import structlog
from mcp.server import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.problems import MEDIA_TYPE, Code, details
from worker.client.client import pool
from worker.client.connection import Connection
from worker.mcp.address import Address
from worker.mcp.arguments import MAX_BYTES
from worker.mcp.callers import NoCaller, caller, connection
from worker.mcp.calls import Caller, Calls
from worker.mcp.messages import Malformed, check_names
from worker.mcp.server import build
from worker.web.bounds import Bounds
from worker.web.routes import NO_ROUTE, get
from worker.web.server import Server

_log: Final = structlog.get_logger(__name__)

PATH: Final = "/mcp"
_CALLER: Final = "g3n.caller"
_MAX_BYTES: Final = MAX_BYTES + 65_536  # bytes of a message: its arguments and what is around them
_AT_ONCE: Final = 200
_CONNECTIONS: Final = 500
_GRACE_S: Final = 10
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


async def serve(
    url: str, address: Address, listener: socket.socket, calls: Calls, *, lent: Connection | None = None
) -> None:
    """Serve on the listener until SIGTERM or SIGINT. `url` is the API's; callers without a key use `lent`."""
    async with pool(url, connections=_AT_ONCE) as over:
        application = app(url, address, over, calls, lent=lent)
        server = Server(application, Bounds(_CONNECTIONS), timeout_graceful_shutdown=_GRACE_S)

        def stop() -> None:
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        port = listener.getsockname()[1]
        _log.info("ready", host=address.host, port=port, path=PATH, writes=calls.writes, shared_key=lent is not None)
        await server.serve(sockets=[listener])
    _log.info("stopped")


def app(url: str, address: Address, over: httpx.AsyncClient, calls: Calls, *, lent: Connection | None) -> Starlette:
    """Return the application: `/mcp` for callers with a key, `/livez` for an orchestrator."""
    server = build(calls, _caller_of)
    sessions = StreamableHTTPSessionManager(
        server,
        stateless=True,
        json_response=True,
        security_settings=TransportSecuritySettings(allowed_hosts=address.host_headers, allowed_origins=[]),
        max_request_body_size=_MAX_BYTES,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sessions.run():
            yield

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    guarded = _Guard(StreamableHTTPASGIApp(sessions), url, over, lent)
    # POST only: there are no sessions, so nothing to listen to with GET and nothing to end with DELETE.
    routes = [Route(PATH, guarded, methods=["POST"]), get("/livez", livez)]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=NO_ROUTE)


def _caller_of(context: ServerRequestContext[Any, Request]) -> Caller:
    if context.request is None:
        raise LookupError("every request over HTTP has its own")
    found: Caller = context.request.scope[_CALLER]
    return found


class _Guard:
    """Lets no request without a key reach the protocol. Whether the API accepts the key shows in the first call."""

    def __init__(self, inner: ASGIApp, url: str, over: httpx.AsyncClient, lent: Connection | None) -> None:
        self._inner = inner
        self._url = url
        self._over = over
        self._lent = lent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            asks = connection(self._url, Headers(scope=scope), self._lent)
        except NoCaller as error:
            await _unauthorized(str(error))(scope, receive, send)
            return
        scope[_CALLER] = caller(asks, self._over)
        events = await _body(receive)
        try:
            check_names(b"".join(event.get("body", b"") for event in events))
        except Malformed as malformed:
            answer = malformed.answer.model_dump(by_alias=True, exclude_unset=True)
            await JSONResponse(answer, 400, _HEADERS)(scope, receive, send)
            return

        async def again() -> Message:
            return events.pop(0) if events else await receive()

        await self._inner(scope, again, send)


async def _body(receive: Receive) -> list[Message]:
    """Return the events of a request's body, up to its end or to one that is too large, which the SDK refuses."""
    events: list[Message] = []
    size = 0
    while not events or (events[-1].get("more_body", False) and size <= _MAX_BYTES):
        events.append(await receive())
        size += len(events[-1].get("body", b""))
    return events


def _unauthorized(detail: str) -> Response:
    problem = details(Code.UNAUTHORIZED, "credentials_not_accepted", detail, "-")
    return JSONResponse(problem, 401, {"WWW-Authenticate": "Bearer", **_HEADERS}, MEDIA_TYPE)
