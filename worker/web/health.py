"""/livez, /readyz and /metrics: what an orchestrator and Prometheus ask."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from worker.process import metrics
from worker.process.errors import OperatorError
from worker.process.status import Status
from worker.web.bounds import Bounds
from worker.web.listen import listening
from worker.web.routes import NO_ROUTE, get
from worker.web.server import Server

_log = structlog.get_logger(__name__)
_CONNECTIONS: Final = 64  # an orchestrator and Prometheus need a few


def routes(status: Status, admit: Callable[[Request], None] = lambda _: None) -> list[Route]:
    """The three routes. An answer of /livez says that the event loop turns. `admit` may refuse /metrics, the only one
    that costs something, by raising.
    """

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        return JSONResponse(status.shown, 503 if status.why_not else 200)

    async def prometheus(request: Request) -> Response:
        admit(request)
        return Response(generate_latest(metrics.REGISTRY), headers={"content-type": CONTENT_TYPE_LATEST})

    return [get("/livez", livez), get("/readyz", readyz), get("/metrics", prometheus)]


def bind(host: str, port: int, names: str, *, chosen: bool) -> socket.socket | None:
    """A listening socket; None (and a warning) if nobody chose the port and it is taken.

    Raises OperatorError, which names the settings, if the chosen port, or the address, can't be had.
    """
    try:
        return listening(host, port, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and not chosen:
            _log.warning("http_off", why="the default port is taken", host=host, port=port)
            return None
        raise OperatorError(f"can't listen on {host}:{port} ({names}): {error.strerror}") from None


@contextlib.asynccontextmanager
async def serve(status: Status, listener: socket.socket | None) -> AsyncIterator[None]:
    """Answers on `listener` (None: nobody does) as long as the context is open."""
    if listener is None:
        yield
        return
    app = Starlette(routes=routes(status), exception_handlers=NO_ROUTE)
    server = Server(app, Bounds(_CONNECTIONS), lifespan="off")
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
