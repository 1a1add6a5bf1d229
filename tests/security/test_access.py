"""Access rights, cell by cell: every route with every scope, as a key and as a session, and with no right at all.

The cells are made of the routes and scopes there are, so a new route or scope is in them by itself.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import asyncpg
import httpx
import pytest

from schemas.operations import OPERATIONS, Operation
from schemas.scopes import Scope
from tests.api.conftest import Caller, NewCaller, Service, Serving, problem
from tests.api.test_every_route import everything_of
from worker.ledger import api_keys
from worker.ledger.queries import Connection

SCOPES: Final = [scope.value for scope in Scope]


@pytest.fixture
async def open_service(serving: Serving) -> AsyncIterator[Service]:
    """An API that limits nobody, as these tests ask thousands of times."""
    many = 1_000_000
    async with serving(api_keyless_per_s=many, api_requests_per_s=many, api_card_misses_per_min=many) as running:
        yield running


def bearer(service: Service, token: str, orgcode: str = "acme") -> httpx.AsyncClient:
    return service.http({"X-Orgcode": orgcode, "Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_its_routes_and_no_other(open_service: Service, new_caller: NewCaller, scope: str) -> None:
    key = await new_caller(scope, of=open_service)
    session = bearer(open_service, (await key.ok("session.create"))["token"])
    whole = await new_caller(*SCOPES, of=open_service)
    narrow = bearer(open_service, (await whole.ok("session.create", {"scopes": [scope]}))["token"])
    for operation in OPERATIONS.values():
        if operation.name.startswith("session."):
            continue
        open_to_it = operation.scope is None or operation.scope.value == scope
        for http in key.http, session, narrow:
            answer = await http.post(operation.route, json={})
            if open_to_it:
                assert answer.status_code not in (401, 403), (operation.name, answer.text)
            else:
                assert problem(answer) == (403, "forbidden", "scope_missing"), operation.name
                assert answer.json()["scope"] == (operation.scope and operation.scope.value)


async def test_without_an_accepted_key_no_route_is_open(
    open_service: Service, new_caller: NewCaller, connection: Connection
) -> None:
    revoked, other = await new_caller(*SCOPES, of=open_service), await new_caller(orgcode="globex", of=open_service)
    session = await revoked.ok("session.create")
    await api_keys.revoke(connection, "acme", revoked.key_id)
    open_service.api._callers._known.clear()
    unknown = "g3nk_acme_" + "0" * 48
    credentials: dict[str, tuple[dict[str, str], int]] = {
        "no key": ({"X-Orgcode": "acme"}, 401),
        "an unknown key": ({"X-Orgcode": "acme", "X-Api-Key": unknown}, 401),
        "a revoked key": ({"X-Orgcode": "acme", "X-Api-Key": revoked.secret}, 401),
        "its session": ({"X-Orgcode": "acme", "Authorization": f"Bearer {session['token']}"}, 401),
        "a key as a session": ({"X-Orgcode": "globex", "Authorization": f"Bearer {other.secret}"}, 401),
        "another tenant's key": ({"X-Orgcode": "acme", "X-Api-Key": other.secret}, 403),
        "a key without its tenant": ({"X-Api-Key": other.secret}, 400),
    }
    async with open_service.http() as http:
        for operation in OPERATIONS.values():
            for name, (headers, status) in credentials.items():
                answer = await http.post(operation.route, json=operation.body_example, headers=headers)
                assert answer.status_code == status, (operation.name, name, answer.text)
                assert "outcome" not in answer.json()


# --- hostile values --------------------------------------------------------------------------------------------------

HOSTILE: Final = (
    "'; DROP TABLE account; --",
    "' OR '1'='1",
    "$1) RETURNING pg_sleep(9) --",
    "../../etc/passwd",
    "{{7*7}}${7*7}<script>alert(1)</script>",
    "%00%0d%0aX-Injected: yes",
    "a\r\nX-Injected: yes",
    "\u202e\u0130\U0001f600 é",
)


def strings(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401  any JSON
    """The paths of all strings in it."""
    if isinstance(value, str):
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from strings(part, (*path, name))


def replaced(value: Any, path: tuple[str | int, ...], text: str) -> Any:  # noqa: ANN401  any JSON
    """A copy with the text at the path."""
    copy = json.loads(json.dumps(value))
    part = copy
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = text
    return copy


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
async def test_a_hostile_value_is_only_a_value(
    open_service: Service, new_caller: NewCaller, connection: asyncpg.Connection, operation: Operation
) -> None:
    caller, other = await new_caller(of=open_service), await new_caller(orgcode="globex", of=open_service)
    await other.ok("customer.create", {"customer_id": "theirs"})
    theirs = await everything_of(connection, "globex")
    example = operation.body_example
    for path in strings(example):
        # At once: each refusal of a card is held back for half a second.
        answers = await asyncio.gather(
            *(caller.post(operation.name, replaced(example, path, text)) for text in HOSTILE)
        )
        for text, answer in zip(HOSTILE, answers, strict=True):
            assert answer.status_code < 500, (path, text, answer.text)
            assert "x-injected" not in answer.headers
            if answer.status_code != 200:
                assert text not in answer.json()["detail"], "a detail never holds a value"
    assert await everything_of(connection, "globex") == theirs


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
async def test_no_number_is_too_large_to_be_answered(
    open_service: Service, new_caller: NewCaller, operation: Operation
) -> None:
    caller = await new_caller(of=open_service)
    example = operation.body_example
    bodies = []
    for number in (10**30, -(10**30), 2**63, 2**64, 1e308, -0.0):
        bodies += [{**example, name: number} for name in (*example, "unknown_member")]
        if isinstance(example.get("data"), dict):
            bodies += [{**example, "data": {**example["data"], name: number}} for name in (*example["data"], "unknown")]
    answers = await asyncio.gather(*(caller.post(operation.name, body) for body in bodies))
    for body, answer in zip(bodies, answers, strict=True):
        assert answer.status_code < 500, (body, answer.text)


# --- tenants ---------------------------------------------------------------------------------------------------------


async def test_tenants_that_share_a_batch_see_nothing_of_each_other(
    open_service: Service, new_caller: NewCaller
) -> None:
    """The same ids in four tenants, all at once: each answer is that of its own tenant."""
    tenants = [await new_caller(orgcode=f"tenant-{n}", of=open_service) for n in range(4)]
    customers = [f"C-{n}" for n in range(20)]

    async def everybody(name: str, bodies: dict[str, dict[str, Any]]) -> list[list[httpx.Response]]:
        asked = [[caller.post(name, body) for body in bodies.values()] for caller in tenants]
        return [list(answers) for answers in await asyncio.gather(*(asyncio.gather(*one) for one in asked))]

    async def earn(caller: Caller, points: int) -> list[httpx.Response]:
        return await asyncio.gather(
            *(caller.post("loyalty.earn", {"customer_id": one, "points": points}) for one in customers)
        )

    await everybody("customer.create", {one: {"customer_id": one} for one in customers})
    earned = await asyncio.gather(*(earn(caller, 100 + n) for n, caller in enumerate(tenants)))
    for n, answers in enumerate(earned):
        assert [one.json()["points"]["balance"] for one in answers] == [100 + n] * len(customers)
        assert [one.json()["customer_id"] for one in answers] == customers
    shown = await everybody("customer.get", {one: {"customer_id": one} for one in customers})
    for n, answers in enumerate(shown):
        assert [one.json()["points"]["balance"] for one in answers] == [100 + n] * len(customers)
