"""The API as a process: Postgres, the batcher and uvicorn, until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import asyncpg

from worker.api.application import Api
from worker.codec import Outlet
from worker.engine.pipeline import Pipeline
from worker.kafka import topics
from worker.ledger.pool import Pool
from worker.process.errors import OperatorError
from worker.process.settings import Settings
from worker.process.status import Status
from worker.views import Context
from worker.web.bounds import Bounds
from worker.web.server import Server, raise_file_limit

GRACE_S = 25  # to finish requests; longer than any deadline
_SPARE_S = 5  # later than the API's own answer to a slow body
_OTHER_FILES = 200  # Postgres, the listener, libraries


async def connect(settings: Settings) -> Pool:
    """Return the ledger. Raises OperatorError if it lacks the API's tables."""
    pool = await Pool.of_interface(settings.dsn, settings.api_connections)
    try:
        async with pool.reading() as connection:
            await connection.fetchval("SELECT 1 FROM api_key LIMIT 1")
    except asyncpg.UndefinedTableError:
        await pool.close()
        raise OperatorError("the database lacks the API's tables: run g3n worker setup") from None
    return pool


@contextlib.asynccontextmanager
async def opened(settings: Settings, pool: Pool, status: Status) -> AsyncIterator[Api]:
    """Yield the application, which decides documents as long as the context is open."""
    names = topics.from_settings(settings)
    outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group)
    pipeline = Pipeline.over(pool, settings)
    api = Api(settings, pool, Context(pool, pipeline, outlet), status)
    tasks = [asyncio.create_task(work) for work in (api.batcher.run(), api.watch.run(), api.guesses.run())]
    try:
        yield api
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(api: Api, settings: Settings, listener: socket.socket, stopped: asyncio.Event) -> None:
    """Answer until stopped, then finish the requests in progress."""
    raise_file_limit(settings.api_max_connections + _OTHER_FILES)
    bounds = Bounds(
        settings.api_max_connections, settings.api_shares, settings.api_proxies, body_s=settings.api_body_s + _SPARE_S
    )
    tls = {"ssl_certfile": settings.api_tls_cert_file, "ssl_keyfile": settings.api_tls_key_file}
    server = Server(api.app, bounds, lifespan="off", timeout_graceful_shutdown=GRACE_S, **tls)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving
