"""The API as a process: Postgres, the batcher and uvicorn, until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import asyncpg
import uvicorn

from worker import errors
from worker.api.application import Api
from worker.codec import Outlet
from worker.errors import OperatorError
from worker.health import Server, Status
from worker.kafka import topics
from worker.ledger.pool import Pool
from worker.pipeline import Pipeline
from worker.settings import Settings
from worker.views import Desk

PART = "postgres"
LOOK_EVERY_S = 2.0
GRACE_S = 25  # for what is in hand; longer than any deadline
KEEP_ALIVE_S = 75  # longer than proxies keep a connection, so that it is the proxy that closes it


async def connect(settings: Settings) -> Pool:
    """The ledger. Raises OperatorError where it lacks the API's tables."""
    pool = await Pool.of_door(settings.dsn, settings.api_connections)
    try:
        await look(pool)
    except asyncpg.UndefinedTableError:
        await pool.close()
        raise OperatorError("the database lacks the API's tables: run g3n worker setup") from None
    return pool


async def look(pool: Pool) -> None:
    """Whether the ledger answers: raises what keeps it from doing so."""
    async with pool.reading() as connection:
        await connection.fetchval("SELECT 1 FROM api_key LIMIT 1")


@contextlib.asynccontextmanager
async def opened(settings: Settings, pool: Pool, status: Status) -> AsyncIterator[Api]:
    """The application, deciding what comes, as long as the context is open."""
    names = topics.from_settings(settings)
    outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group)
    pipeline = Pipeline.over(pool, settings)
    api = Api(settings, pool, Desk(pool, pipeline, outlet), status)
    deciding = asyncio.create_task(api.batcher.run())
    try:
        yield api
    finally:
        deciding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await deciding


async def serve(api: Api, pool: Pool, status: Status, listener: socket.socket, stopped: asyncio.Event) -> None:
    """Answer until stopped, then finish what is in hand."""
    config = uvicorn.Config(
        api.app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    watching = asyncio.create_task(_watch(pool, status))
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({serving, watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
    finally:
        server.should_exit = True
        for task in (watching, stopping):
            task.cancel()
        await asyncio.gather(watching, stopping, return_exceptions=True)
        await serving


async def _watch(pool: Pool, status: Status) -> None:
    """Keep /readyz true, also while nobody asks for anything."""
    while True:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await look(pool)
            status.up(PART)
        except Exception as error:
            if not errors.retriable(error):
                raise
            status.down(PART, errors.describe(error))
        await asyncio.sleep(LOOK_EVERY_S)
