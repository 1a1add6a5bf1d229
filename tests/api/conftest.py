"""The API in this process, on a database of the test's own, and keys for it."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.operations import OPERATIONS
from schemas.scopes import Scope
from tests.conftest import CARD_KEY
from worker.api import server, watch
from worker.api.application import Api
from worker.engine.pipeline import Pipeline
from worker.ledger import api_keys
from worker.ledger.pool import Pool
from worker.ledger.roles import Role
from worker.process.settings import Settings
from worker.process.status import Status

ORGCODE = "acme"
ALL = tuple(scope.value for scope in Scope if scope not in {Scope.CARD_TRUSTED, Scope.BULK})


@dataclass
class Service:
    """A running API, and its parts."""

    api: Api
    pool: Pool
    operators: Pool
    status: Status
    settings: Settings

    async def key(self, *scopes: str, orgcode: str = ORGCODE) -> tuple[str, str]:
        """A new key with these scopes, or nearly all: its id and its secret."""
        async with self.operators.transaction() as connection:
            key, secret = await api_keys.create(connection, orgcode, "of a test", scopes or ALL)
        return key.id, secret

    def http(self, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.api.app)
        return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)


@dataclass
class Caller:
    """A key of a tenant, and a client that has it in every request."""

    service: Service
    http: httpx.AsyncClient
    key_id: str
    secret: str

    async def post(self, name: str, body: object = None, key: str | None = None, **headers: str) -> httpx.Response:
        """Call an operation by its name; `key` is the Idempotency-Key."""
        named = {part.replace("_", "-"): value for part, value in headers.items()}
        if key is not None:
            named["Idempotency-Key"] = key
        return await self.http.post(OPERATIONS[name].route, json=body if body is not None else {}, headers=named)

    async def ok(self, name: str, body: object = None, key: str | None = None, **headers: str) -> dict[str, Any]:
        answer = await self.post(name, body, key, **headers)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()
        return data


Serving = Callable[..., contextlib.AbstractAsyncContextManager[Service]]
NewCaller = Callable[..., Coroutine[Any, Any, Caller]]


@pytest.fixture
def serving(database: str) -> Serving:
    """Runs an API with these settings as long as the context is open. There is no Kafka, and none is needed."""

    @contextlib.asynccontextmanager
    async def run(**options: object) -> AsyncIterator[Service]:
        given: dict[str, Any] = {
            "kafka_bootstrap_servers": "127.0.0.1:1",
            "postgres_dsn": database,
            "card_key": CARD_KEY,
            **options,
        }
        settings, status = Settings(**given), Status(watch.PART)
        pool = await server.connect(settings)
        operators = await Pool.of_interface(settings.dsn, 1, Role.OPS)
        try:
            async with server.opened(settings, pool, status) as api:
                yield Service(api, pool, operators, status, settings)
        finally:
            await operators.close()
            await pool.close()

    return run


@pytest.fixture
async def service(serving: Serving) -> AsyncIterator[Service]:
    async with serving() as running:
        yield running


@pytest.fixture
async def new_caller(service: Service) -> AsyncIterator[NewCaller]:
    """Makes a key with these scopes, or nearly all, of a tenant."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(*scopes: str, orgcode: str = ORGCODE, of: Service = service) -> Caller:
            key_id, secret = await of.key(*scopes, orgcode=orgcode)
            http = of.http({"X-Orgcode": orgcode, "X-Api-Key": secret})
            return Caller(of, await stack.enter_async_context(http), key_id, secret)

        yield make


@pytest.fixture
async def caller(new_caller: NewCaller) -> Caller:
    return await new_caller()


@pytest.fixture
async def worker(service: Service) -> AsyncIterator[Pipeline]:
    """A worker on the same database; it reads no topic."""
    pipeline = await Pipeline.open(service.settings)
    yield pipeline
    await pipeline.close()


async def rows(connection: asyncpg.Connection, statement: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(statement)]


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """(status, code, reason), of a response that is a problem as RFC 9457 says."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = json.loads(answer.content)
    assert said["status"] == answer.status_code
    assert said["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, said["code"], said["reason"]
