"""`g3n worker run` and `drain`: a worker, put together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from worker.app import connect
from worker.app.connect import KAFKA, POSTGRES, reached
from worker.app.examine import examined, warn
from worker.app.lifetime import before_the_start, on_signal, tune_gc, until
from worker.app.traced import traced
from worker.engine.pipeline import Pipeline
from worker.engine.stream import Stream
from worker.engine.watch import Watch
from worker.kafka import admin, topics
from worker.kafka.fetched import Limits
from worker.kafka.group import Group, client_id
from worker.kafka.publisher import Publisher
from worker.kafka.reader import Reader
from worker.kafka.security import Security
from worker.kafka.security import security as kafka_security
from worker.ledger.pool import Pool, taken
from worker.ledger.roles import Role
from worker.process import errors
from worker.process.build import build
from worker.process.settings import Settings
from worker.process.status import Status
from worker.web import health

_log = structlog.get_logger(__name__)


async def run(settings: Settings) -> int:
    """`g3n worker run`: 0 after SIGTERM or SIGINT, when the last batch is committed."""
    stopped = asyncio.Event()
    with before_the_start(stopped):
        async with _worker(settings, stopped) as stream:
            await until(stream.run(), stopped)
    _log.info("stopped")
    return 0


async def drain(settings: Settings) -> int:
    """`g3n worker drain`: 0 when all records that existed at the start are done; 1 if it was stopped before."""
    stopped, drained = asyncio.Event(), False
    with before_the_start(stopped):
        async with _worker(settings, stopped) as stream:
            drained = await until(stream.drain(), stopped)
    _log.info("drained" if drained else "stopped_before_the_end")
    return 0 if drained else 1


@contextlib.asynccontextmanager
async def _worker(settings: Settings, stopped: asyncio.Event) -> AsyncIterator[Stream]:
    """Build and connect all parts, in the reverse of the order in which they are closed."""
    status = Status()
    warn(settings, status)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(traced(settings, "g3n-worker"))
        listener = None
        if settings.http_port:
            port = settings.http_port + settings.process_index
            names = "G3N_HTTP_HOST, G3N_HTTP_PORT"
            listener = health.bind(settings.http_host, port, names, chosen=settings.http_port_is_chosen)
        await stack.enter_async_context(health.serve(status, listener))
        for line in await reached(POSTGRES, lambda: examined(settings, settings.dsn, Role.WORKER, status)):
            _log.warning("card_key", what=line)
        pipeline = await reached(POSTGRES, lambda: Pipeline.open(settings))
        stack.push_async_callback(_close, pipeline)
        secured = kafka_security(settings)
        await _claim(settings, pipeline.pool)
        publisher = Publisher(settings.kafka_bootstrap_servers, security=secured)
        stack.push_async_callback(publisher.stop)
        await reached(KAFKA, publisher.start)
        for line in await admin.warnings(
            settings.kafka_bootstrap_servers, topics.from_settings(settings), security=secured
        ):
            _log.warning("topic_differs", why=line)
        reader = _reader(settings, secured, pipeline.pool.worker)
        reader.check_against(pipeline.positions)
        stack.push_async_callback(lambda: reader.stop(leave=stopped.is_set() and not settings.worker_restart_follows))
        await reader.start()
        group = await stack.enter_async_context(
            Group.opened(settings.kafka_bootstrap_servers, settings.consumer_group, secured)
        )
        watching = asyncio.create_task(
            Watch(group, pipeline.pool, status, reader, topics.from_settings(settings)).run()
        )
        stack.callback(watching.cancel)
        stream = Stream(reader, pipeline, publisher, status)

        def stop() -> None:
            _log.info("stopping")
            status.down("process", "stopping")
            stream.stop()
            stopped.set()

        on_signal(stop)
        tune_gc()
        inputs = topics.from_settings(settings).inputs
        _log.info("started", group=settings.consumer_group, topics=inputs, build=build())
        yield stream


async def _claim(settings: Settings, pool: Pool) -> None:
    """Take the name that this process is to run under. Two of one name would take each other's place in the group for
    ever. Raises OperatorError if another still has it after `START_S`; a machine that was lost keeps it for 25 s.
    """
    if settings.worker_instance is None:
        return
    name = f"{settings.consumer_group}/{settings.worker_instance}-{settings.process_index}"
    for _ in range(int(connect.START_S)):
        if await pool.claim(name):
            return
        _log.warning("waiting", what=taken(name))
        await asyncio.sleep(1)
    raise errors.OperatorError(taken(name))


async def _close(pipeline: Pipeline) -> None:
    """Close the pipeline. Without Postgres, the journal does not learn the last publications, and a sweep repeats
    them.
    """
    try:
        await pipeline.close()
    except Exception as error:
        if not errors.retriable(error):
            raise
        _log.warning("closed_without_postgres", error=errors.describe(error))


def _reader(settings: Settings, secured: Security, worker: int) -> Reader:
    instance = settings.worker_instance
    return Reader(
        settings.kafka_bootstrap_servers,
        settings.consumer_group,
        topics.from_settings(settings).read,
        instance=f"{instance}-{settings.process_index}" if instance else None,
        limits=Limits(
            settings.batch_documents,
            settings.batch_bytes,
            settings.linger_ms / 1000,
            look_ahead=len(settings.orgcodes) != 1,  # with one tenant there is no other to overtake
        ),
        security=secured,
        client_id="g3n" if instance else client_id(worker),  # no other member takes over a static member's partitions
        tenders=settings.topic_prefix + settings.topic_tenders,
    )
