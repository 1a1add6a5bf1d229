"""Composition root: the one place that knows everyone and puts the worker together."""

import asyncio
import contextlib
import gc
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

import asyncpg
import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential

from worker.api import server, watch
from worker.codec import Message, Outlet
from worker.engine.pipeline import Pipeline
from worker.engine.stream import Stream
from worker.engine.watch import Watch
from worker.kafka import admin, topics
from worker.kafka.ends import Ends, ends
from worker.kafka.fetched import Limits
from worker.kafka.group import Group, client_id
from worker.kafka.publisher import Publisher
from worker.kafka.reader import Reader
from worker.kafka.security import Security
from worker.kafka.security import security as kafka_security
from worker.ledger import card_keys, guards, safety
from worker.ledger.inbox import Chosen
from worker.ledger.migrate import MigrationError
from worker.ledger.operators import Operator, note
from worker.ledger.pool import Pool, taken
from worker.ledger.queries import Connection
from worker.ledger.roles import Missing, Role
from worker.ledger.setup import set_up
from worker.ops import probe
from worker.ops.dlq import redrive
from worker.ops.dlq.rebuild import rebuild
from worker.ops.explain import explain as explain_document
from worker.ops.explanation import Explanation
from worker.ops.kinds import runner_of
from worker.ops.running import Run, Stopped
from worker.ops.simulate import simulate as simulate_event
from worker.ops.tills import Tills
from worker.process import errors, health
from worker.process.health import Status
from worker.process.settings import Settings, SettingsError

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

# How long Kafka and Postgres may take to answer at the start, and the last batch at the end.
_START_S = 30.0
_GRACE_S = 30.0
_POSTGRES = "Postgres (G3N_POSTGRES_DSN)"
_KAFKA = "Kafka (G3N_KAFKA_BOOTSTRAP_SERVERS)"
# Authorization, a database or a role that does not exist: waiting helps none, and the message says which.
_REFUSED_CLASSES = ("28", "3D")
_REFUSED_STATES = ("22023", "42501")
# Three batches in hand have up to 300,000 objects, and hardly ever a cycle. A lower first threshold walks through all
# of them several times a batch: with 100,000, that was a sixth of a worker's CPU.
_GC_THRESHOLD = (400_000, 50, 50)


async def run(settings: Settings) -> int:
    """`g3n worker run`: 0 after SIGTERM or SIGINT, when the last batch is committed."""
    stopped = asyncio.Event()
    with _before_the_start(stopped):
        async with _worker(settings, stopped) as stream:
            await _until(stream.run(), stopped)
    _log.info("stopped")
    return 0


async def drain(settings: Settings) -> int:
    """`g3n worker drain`: 0 when everything that was there at the start is done; 1 if it was stopped before."""
    stopped, drained = asyncio.Event(), False
    with _before_the_start(stopped):
        async with _worker(settings, stopped) as stream:
            drained = await _until(stream.drain(), stopped)
    _log.info("drained" if drained else "stopped_before_the_end")
    return 0 if drained else 1


async def setup(settings: Settings, say: Callable[[str], None]) -> None:
    """`g3n worker setup`: the database's schema and the topics, a line to `say` for each thing.

    Raises Unavailable or OperatorError with a message for a person.
    """
    secured = kafka_security(settings)

    async def create() -> list[str]:
        return await admin.create_topics(
            settings.kafka_bootstrap_servers,
            topics.from_settings(settings),
            partitions=settings.partitions,
            replication=settings.replication_factor,
            security=secured,
        )

    _warn(settings)
    applied = await _reached(_POSTGRES, lambda: set_up(settings.admin_dsn, settings.role_passwords))
    for name in applied:
        say(f"migration {name}: applied")
    if not applied:
        say("database: up to date")
    for line in await _examined(settings, settings.admin_dsn, Role.OWNER):
        say(line)
    for line in await _reached(_KAFKA, create):
        say(line)


async def serve_api(settings: Settings) -> int:
    """`g3n api`: 0 after SIGTERM or SIGINT, when what was in hand is answered."""
    stopped, status = asyncio.Event(), Status(watch.PART)
    with _before_the_start(stopped):
        async with contextlib.AsyncExitStack() as stack:
            names = "G3N_API_HOST, G3N_API_PORT"
            listener = health.bind(settings.api_host, settings.api_port, names, chosen=True)
            assert listener is not None  # noqa: S101  chosen
            stack.callback(listener.close)
            _warn(settings, status)
            for line in await _reached(_POSTGRES, lambda: _examined(settings, settings.dsn, Role.API, status)):
                _log.warning("card_key", what=line)
            pool = await _reached(_POSTGRES, lambda: server.connect(settings))
            stack.push_async_callback(pool.close)
            api = await stack.enter_async_context(server.opened(settings, pool, status))

            def stop() -> None:
                _log.info("stopping")
                status.down("process", "stopping")
                stopped.set()

            _on_signal(stop)
            _tune_gc()
            host, port = listener.getsockname()[:2]
            _log.info("started", host=host, port=port)
            await server.serve(api, settings, listener, stopped)
    _log.info("stopped")
    return 0


async def on_ledger(settings: Settings, action: Callable[[Connection], Awaitable[_T]]) -> _T:
    """What an operator's command does in the ledger, in one transaction."""
    pool = await _reached(_POSTGRES, lambda: Pool.of_door(settings.dsn, 1, Role.OPS))
    try:
        async with pool.transaction() as connection:
            return await action(connection)
    finally:
        await pool.close()


async def run_operation(
    settings: Settings, id_: int, reason: str, rate_per_s: float | None, say: Callable[[str], None]
) -> int:
    """`g3n worker operations resume`: run the operation in this process. 0 once it is done, 1 if it was stopped."""
    operator = Operator(settings.operator_name, reason)
    topic = settings.topic_prefix + settings.topic_tenders
    stopped = asyncio.Event()
    pool = await _reached(_POSTGRES, lambda: Pool.of_door(settings.dsn, 2, Role.WORKER))
    try:
        with _before_the_start(stopped):
            async with (
                ends(settings.kafka_bootstrap_servers, security=kafka_security(settings)) as kafka,
                Run.of(pool, id_, operator, rate_per_s=rate_per_s, tills_wait=_tills(pool, kafka, topic).wait) as run,
            ):
                await runner_of(run.operation.kind)(settings, run, say)
                say(f"operation {id_}: done, {run.done:,} documents")
                return 0
    except Stopped as error:
        say(f"{error}")
        return 1
    except errors.OperatorError as error:
        say(f"g3n: {error}")
        return 1
    finally:
        await pool.close()
    say(f"operation {id_}: paused; go on with g3n worker operations resume {id_}")
    return 1


async def explain(settings: Settings, orgcode: str, type_: str, subject: str) -> Explanation | None:
    """`g3n worker explain`: all that the ledger holds about one document; None where there is no such document."""
    names = topics.from_settings(settings)
    outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group)
    pool = await _reached(_POSTGRES, lambda: Pool.of_door(settings.dsn, 1, Role.OPS))
    try:
        return await explain_document(pool, outlet, orgcode, type_, subject)
    finally:
        await pool.close()


async def simulate(settings: Settings, event: bytes, orgcode: str | None) -> list[Message]:
    """`g3n worker simulate`: what a CloudEvent in structured mode would get if it were read now.

    Raises ops.simulate.Invalid or pipeline.Conflict, where that would be a dead letter.
    """
    pipeline = await _reached(_POSTGRES, lambda: Pipeline.open(settings))
    try:
        return await simulate_event(pipeline, event, orgcode, trusted=True)
    finally:
        await pipeline.close()


async def run_probe(settings: Settings, orgcode: str) -> int:
    """`g3n worker probe`: 0 after SIGTERM or SIGINT."""
    stopped, status = asyncio.Event(), Status("probe")
    status.up("probe")
    with _before_the_start(stopped):
        listener = None
        if settings.http_port:
            names = "G3N_HTTP_HOST, G3N_HTTP_PORT"
            listener = health.bind(settings.http_host, settings.http_port, names, chosen=settings.http_port_is_chosen)
        async with health.serve(status, listener):
            _on_signal(stopped.set)
            await probe.run(settings, orgcode, stopped)
    return 0


async def plan_redrive(settings: Settings, chosen: Chosen, reason: str) -> tuple[int | None, list[str]]:
    """`g3n worker dlq redrive`: the id of the operation that was planned, if any, and what the plan says."""
    operator = Operator(settings.operator_name, reason)
    now_us = time.time_ns() // 1000
    return await _reached(_POSTGRES, lambda: redrive.plan(settings, chosen, operator, now_us))


async def rebuild_inbox(settings: Settings, reason: str) -> int:
    """`g3n worker dlq rebuild`: how many positions the dead-letter topics name."""
    pool = await _reached(_POSTGRES, lambda: Pool.of_door(settings.dsn, 1, Role.OPS))
    try:
        letters = await _reached(_KAFKA, lambda: rebuild(settings, pool))
        async with pool.transaction() as connection:
            operator = Operator(settings.operator_name, reason)
            await note(connection, operator, "dlq rebuild", "dead-letter topics", {"letters": letters})
        return letters
    finally:
        await pool.close()


def _tills(pool: Pool, kafka: Ends, topic: str) -> Tills:
    async def at() -> dict[int, int]:
        return {partition: bounds.end for (_, partition), bounds in (await kafka.of([topic])).items()}

    return Tills(pool, topic, at)


def _warn(settings: Settings, status: Status | None = None) -> None:
    """Tell, at every start and in /readyz, of settings that are for development only."""
    for what in settings.for_development_only:
        _log.warning("development_only", what=what)
        if status is not None:
            status.warn(what)


async def _examined(settings: Settings, dsn: str, role: Role, status: Status | None = None) -> list[str]:
    """Check that the database keeps what it commits, and the card keys against those of its rows.

    Returns a line for each key that it recorded. Raises SettingsError for another key or an unsafe server,
    OperatorError for a database that was not set up.
    """
    pool = await _reached(_POSTGRES, lambda: Pool.of_door(dsn, 1, role))
    try:
        async with pool.transaction() as connection:
            unsafe = await safety.unsafe(connection)
            lines = await card_keys.accept(connection, settings.card_keys, owner=role is Role.OWNER)
            await guards.check(connection, served(settings) if role is Role.WORKER else None)
            _allow(settings, unsafe, status)
            return lines
    except card_keys.WrongKey as error:
        raise SettingsError(f"G3N_CARD_KEY is {error}") from error
    except guards.Refused as error:
        raise SettingsError(str(error)) from error
    except asyncpg.UndefinedTableError as error:
        raise errors.OperatorError("the database lacks a table of this version: run g3n worker setup") from error
    finally:
        await pool.close()


def served(settings: Settings) -> guards.Served:
    """Return the group and the topics that the settings name."""
    return guards.Served(settings.consumer_group, topics.from_settings(settings).read)


def _allow(settings: Settings, unsafe: list[str], status: Status | None) -> None:
    """Raise SettingsError for an unsafe database server; in development, tell of it."""
    if not unsafe:
        return
    what = f"the database server can lose what it has committed: {', '.join(unsafe)}"
    if not settings.development:
        raise SettingsError(f"{what}; G3N_DEVELOPMENT=true allows it for a try")
    _log.warning("development_only", what=what)
    if status is not None:
        status.warn(what)


@contextlib.contextmanager
def _before_the_start(stopped: asyncio.Event) -> Iterator[None]:
    """Whoever is told to stop while it still waits for Kafka or Postgres just leaves."""
    opening = asyncio.current_task()

    def stop() -> None:
        stopped.set()
        if opening is not None:
            opening.cancel()

    _on_signal(stop)
    try:
        yield
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise


def _on_signal(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


@contextlib.asynccontextmanager
async def _worker(settings: Settings, stopped: asyncio.Event) -> AsyncIterator[Stream]:
    """Everything built and connected, in the order in which it is taken down again."""
    status = Status()
    _warn(settings, status)
    async with contextlib.AsyncExitStack() as stack:
        listener = None
        if settings.http_port:
            port = settings.http_port + settings.process_index
            names = "G3N_HTTP_HOST, G3N_HTTP_PORT"
            listener = health.bind(settings.http_host, port, names, chosen=settings.http_port_is_chosen)
        await stack.enter_async_context(health.serve(status, listener))
        for line in await _reached(_POSTGRES, lambda: _examined(settings, settings.dsn, Role.WORKER, status)):
            _log.warning("card_key", what=line)
        pipeline = await _reached(_POSTGRES, lambda: Pipeline.open(settings))
        stack.push_async_callback(_close, pipeline)
        secured = kafka_security(settings)
        await _claim(settings, pipeline.pool)
        publisher = Publisher(settings.kafka_bootstrap_servers, security=secured)
        stack.push_async_callback(publisher.stop)
        await _reached(_KAFKA, publisher.start)
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

        _on_signal(stop)
        _tune_gc()
        _log.info("started", group=settings.consumer_group, topics=topics.from_settings(settings).inputs)
        yield stream


async def _claim(settings: Settings, pool: Pool) -> None:
    """Take the name that this process is to run under. Two of one name would take each other's place in the group for
    ever. Raises OperatorError if another still has it after `_START_S`; a machine that was lost keeps it for 25 s.
    """
    if settings.worker_instance is None:
        return
    name = f"{settings.consumer_group}/{settings.worker_instance}-{settings.process_index}"
    for _ in range(int(_START_S)):
        if await pool.claim(name):
            return
        _log.warning("waiting", what=taken(name))
        await asyncio.sleep(1)
    raise errors.OperatorError(taken(name))


async def _close(pipeline: Pipeline) -> None:
    """Without Postgres the journal does not learn what was published last; then a sweeper says it again."""
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
        limits=Limits(settings.batch_documents, settings.batch_bytes, settings.linger_ms / 1000),
        security=secured,
        client_id="g3n" if instance else client_id(worker),  # nobody takes over what a static member leaves
        tenders=settings.topic_prefix + settings.topic_tenders,
    )


def _tune_gc() -> None:
    """What is there now stays for ever: don't look at it again, and seldom at the rest."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)


async def _until(work: Awaitable[_T], stopped: asyncio.Event) -> _T:
    """The work's result; once told to stop it has `_GRACE_S` to come to an end.

    Raises Unavailable if it does not: what it could not finish is not committed, so nothing is lost.
    """
    task = asyncio.ensure_future(work)
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=_GRACE_S)
        if not task.done():
            raise errors.Unavailable(f"the batch in hand did not finish within {_GRACE_S:.0f} s")
        return task.result()
    finally:
        stopping.cancel()
        task.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


async def _reached(what: str, action: Callable[[], Awaitable[_T]]) -> _T:
    """Do it, and wait for the other side to come up, for `_START_S` at most.

    Raises Unavailable, naming the side and what it said, or OperatorError if it answered that it won't.
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.warning("waiting", what=what, error=errors.describe(error) if error else "")

    retrying = AsyncRetrying(
        retry=retry_if_exception(errors.retriable),
        wait=wait_exponential(multiplier=0.25, max=3.0),
        stop=stop_after_delay(_START_S),
        before_sleep=tell,
        reraise=True,
    )

    async def attempt() -> _T:  # tenacity awaits coroutine functions only, and an action may be a lambda
        return await action()

    try:
        async with asyncio.timeout(_START_S + 5):
            return await retrying(attempt)
    except (MigrationError, Missing) as error:
        raise errors.OperatorError(str(error)) from error
    except asyncpg.ClientConfigurationError as error:
        raise SettingsError(f"G3N_POSTGRES_DSN is invalid: {error.args[0]}") from error
    except ssl.SSLCertVerificationError as error:
        raise errors.OperatorError(
            f"{what} shows a certificate that is not accepted: {error.verify_message}"
        ) from error
    except Exception as error:
        if isinstance(error, asyncpg.PostgresError) and _refuses(error.sqlstate or ""):
            raise errors.OperatorError(f"{what} refuses: {error.args[0]}{_hint(str(error.args[0]))}") from error
        if errors.retriable(error):
            raise errors.Unavailable(f"{what} can't be reached: {errors.describe(error)}") from error
        raise


def _refuses(state: str) -> bool:
    return state[:2] in _REFUSED_CLASSES or state in _REFUSED_STATES


def _hint(said: str) -> str:
    return "; run `g3n worker setup`, and log in as a member of that role" if 'role "crm_' in said else ""
