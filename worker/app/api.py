"""`g3n api`: the HTTP API, put together."""

import asyncio
import contextlib

import structlog

from worker.api import server, watch
from worker.app.connect import POSTGRES, reached
from worker.app.examine import examined, warn
from worker.app.lifetime import before_the_start, on_signal, tune_gc
from worker.app.traced import traced
from worker.ledger.roles import Role
from worker.process.build import build
from worker.process.settings import Settings
from worker.process.status import Status
from worker.web import health

_log = structlog.get_logger(__name__)


async def serve_api(settings: Settings) -> int:
    """`g3n api`: 0 after SIGTERM or SIGINT, once the requests in progress are answered."""
    stopped, status = asyncio.Event(), Status(watch.PART)
    with before_the_start(stopped):
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(traced(settings, "g3n-api"))
            names = "G3N_API_HOST, G3N_API_PORT"
            listener = health.bind(settings.api_host, settings.api_port, names, chosen=True)
            assert listener is not None  # noqa: S101  chosen
            stack.callback(listener.close)
            warn(settings, status)
            for line in await reached(POSTGRES, lambda: examined(settings, settings.dsn, Role.API, status)):
                _log.warning("card_key", what=line)
            pool = await reached(POSTGRES, lambda: server.connect(settings))
            stack.push_async_callback(pool.close)
            api = await stack.enter_async_context(server.opened(settings, pool, status))

            def stop() -> None:
                _log.info("stopping")
                status.down("process", "stopping")
                stopped.set()

            on_signal(stop)
            tune_gc()
            host, port = listener.getsockname()[:2]
            _log.info("started", host=host, port=port, build=build())
            await server.serve(api, settings, listener, stopped)
    _log.info("stopped")
    return 0
