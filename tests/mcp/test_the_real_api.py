"""Every tool against the real API on a real ledger: what it may do, what it may not, and the same rows as over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from mcp import Client

from schemas.operations import Access, Operation
from schemas.scopes import Scope
from tests.api.conftest import Caller, NewCaller
from tests.api.test_every_route import EVERY, everything_of, request, world
from tests.mcp.connecting import members, refusal
from worker.client.connection import Connection
from worker.mcp.callers import caller as asking
from worker.mcp.calls import Calls
from worker.mcp.server import build
from worker.mcp.tools import CONFIRMATION, DOCUMENT, IDENTITY, TOKEN, served, takes_identity

TOOLS = pytest.mark.parametrize("operation", served().values(), ids=lambda one: one.name)
ADJUST = {"customer_id": "C-1001", "points": -20, "reason": "booked twice", "actor": "desk-4"}


@asynccontextmanager
async def agent(caller: Caller, orgcode: str = "acme", token: str | None = None) -> AsyncIterator[Client]:
    """An MCP client whose server has the caller's key, or a session's token."""
    async with caller.service.http() as over:
        connection = Connection("http://api", orgcode, token or caller.secret, is_session=token is not None)
        own = asking(connection, over)
        async with Client(build(Calls(allow_writes=True), lambda _: own)) as client:
            yield client


async def done(client: Client, operation: Operation, body: dict[str, Any], identity: str) -> dict[str, Any]:
    """The tool's answer, in two calls where it takes two."""
    own = {IDENTITY: identity} if takes_identity(operation) else {}
    told = members(await client.call_tool(operation.tool, {**body, **own}))
    if operation.access is not Access.DANGEROUS:
        return told
    return members(await client.call_tool(operation.tool, {**body, TOKEN: told[CONFIRMATION][TOKEN]}))


@TOOLS
async def test_a_tool_leaves_the_same_as_its_route(
    new_caller: NewCaller, operation: Operation, connection: asyncpg.Connection
) -> None:
    caller = await new_caller(*EVERY)
    await world(caller)
    body = json.loads(json.dumps(request(operation)))
    if operation.name == "event.simulate":
        body["data"]["sale_id"] = "S-1"  # else each time another is made up
    async with agent(caller) as client:
        told = await done(client, operation, body, "K-1")
    document = told.pop(DOCUMENT, None)
    before = await everything_of(connection, "acme")
    over_http = await caller.post(operation.name, body, None if document is None else document["id"])
    assert told == over_http.json()
    assert await everything_of(connection, "acme") == before
    if document is not None:
        assert (document["type"], document["replayed"]) == (operation.document, False)
        assert over_http.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("operation", [served()[name] for name in ("loyalty_earn", "giftcard_issue", "loyalty_adjust")])
async def test_a_call_that_was_made_over_http_has_one_effect(
    caller: Caller, operation: Operation, connection: asyncpg.Connection
) -> None:
    await world(caller)
    body = request(operation)
    over_http = await caller.ok(operation.name, body, "K-1")
    before = await everything_of(connection, "acme")
    async with agent(caller) as client:
        told = await done(client, operation, body, "K-1")
    assert told.pop(DOCUMENT) == {"type": operation.document, "id": "K-1", "replayed": True}
    assert told == over_http
    assert await everything_of(connection, "acme") == before


async def test_a_preview_leaves_nothing_and_is_what_comes(caller: Caller, connection: asyncpg.Connection) -> None:
    await world(caller)
    before = await everything_of(connection, "acme")
    async with agent(caller) as client:
        for operation in served().values():
            if operation.access is Access.DANGEROUS:
                preview = members(await client.call_tool(operation.tool, request(operation)))[CONFIRMATION]
                assert preview["simulated"]["status"] == "applied"
        assert await everything_of(connection, "acme") == before
        preview = members(await client.call_tool("loyalty_adjust", ADJUST))[CONFIRMATION]
        told = members(await client.call_tool("loyalty_adjust", {**ADJUST, TOKEN: preview[TOKEN]}))
        assert preview["simulated"]["points"] == told["points"]
        again = members(await client.call_tool("loyalty_adjust", {**ADJUST, IDENTITY: preview[IDENTITY]}))
        assert again[CONFIRMATION]["what_will_happen"].startswith("Nothing new")


async def test_a_call_that_would_be_refused_is_refused_at_once(caller: Caller, connection: asyncpg.Connection) -> None:
    await world(caller)
    before = await everything_of(connection, "acme")
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("loyalty_adjust", {**ADJUST, "customer_id": "nobody"}, "customer_not_found"),
        ("loyalty_adjust", {**ADJUST, "points": -(10**15)}, "insufficient_balance"),
        ("customer_erase", {"customer_id": "nobody", "reason": "asked"}, "customer_not_found"),
        ("loyalty_adjust", {**ADJUST, IDENTITY: "earn-1", "points": 10**16}, "invalid"),
    ]
    async with agent(caller) as client:
        for tool, arguments, reason in wrong:
            assert refusal(await client.call_tool(tool, arguments))["reason"] == reason
    assert await everything_of(connection, "acme") == before


async def test_a_conflict_is_told_before_anybody_is_asked(caller: Caller) -> None:
    await world(caller)
    async with agent(caller) as client:
        await done(client, served()["loyalty_adjust"], ADJUST, "mine")
        other = {**ADJUST, "points": -21, IDENTITY: "mine"}
        assert refusal(await client.call_tool("loyalty_adjust", other))["reason"] == "conflict"


async def test_the_ids_of_another_tenant_find_nothing(
    caller: Caller, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    card_id = await world(caller)
    before = await everything_of(connection, "acme")
    stranger = await new_caller(orgcode="globex")
    async with agent(stranger, "globex") as client:
        for tool, arguments in (
            ("customer_get", {"customer_id": "C-1001"}),
            ("giftcard_get", {"gift_card": {"card_id": card_id, "pin": "4711"}}),
            ("event_explain", {"type": "crm.loyalty.earn", "id": "earn-1"}),
            ("loyalty_adjust", ADJUST),
            ("customer_erase", {"customer_id": "C-1001", "reason": "asked"}),
        ):
            said = refusal(await client.call_tool(tool, arguments))
            assert said["code"] == "not-found", tool
            assert "Ada" not in json.dumps(said)
    async with agent(stranger, "acme") as client:
        assert refusal(await client.call_tool("customer_get", {"customer_id": "C-1001"}))["reason"] == (
            "orgcode_not_of_key"
        )
    assert await everything_of(connection, "acme") == before


async def test_the_scope_that_a_tool_needs_is_named(new_caller: NewCaller) -> None:
    """By keys that may do all but this, and the preview's simulation."""
    named = {}
    for name, operation in served().items():
        scopes = [scope.value for scope in Scope if scope not in {operation.scope, Scope.OPS}]
        async with agent(await new_caller(*scopes)) as client:
            first = await client.call_tool(name, request(operation))
            if operation.access is Access.DANGEROUS:
                token = members(first)[CONFIRMATION][TOKEN]
                first = await client.call_tool(name, {**request(operation), TOKEN: token})
        said = refusal(first)
        named[name] = (said["code"], said["reason"], said["scope"])
    assert named == {name: ("forbidden", "scope_missing", one.scope) for name, one in served().items()}


async def test_a_key_that_may_not_simulate_may_confirm(caller: Caller, new_caller: NewCaller) -> None:
    await world(caller)
    async with agent(await new_caller("loyalty:adjust")) as client:
        preview = members(await client.call_tool("loyalty_adjust", ADJUST))[CONFIRMATION]
        assert "simulated" not in preview
        told = members(await client.call_tool("loyalty_adjust", {**ADJUST, TOKEN: preview[TOKEN]}))
    assert told["points"]["change"] == -20


async def test_a_session_is_as_good_as_its_key(caller: Caller) -> None:
    await world(caller)
    session = await caller.ok("session.create", {"scopes": ["customer:read"]})
    async with agent(caller, token=session["token"]) as client:
        assert members(await client.call_tool("customer_get", {"customer_id": "C-1001"}))["customer_id"] == "C-1001"
        assert refusal(await client.call_tool("loyalty_earn", {"customer_id": "C-1001", "points": 1}))["scope"]
    async with agent(caller, token="s-wrong") as client:
        said = refusal(await client.call_tool("customer_get", {"customer_id": "C-1001"}))
        assert (said["code"], said["reason"]) == ("unauthorized", "credentials_not_accepted")


async def test_the_policy_is_read_as_it_is(caller: Caller) -> None:
    async with agent(caller) as client:
        await done(client, served()["loyalty_policy_put"], request(served()["loyalty_policy_put"]), "P-1")
        (now,), (put,) = [(await client.read_resource(f"g3n://policy{version}")).contents for version in ("", "/1")]
    assert json.loads(now.model_dump()["text"])["versions"][-1]["version"] == 1
    assert json.loads(put.model_dump()["text"])["policy"]["earn"]["multipliers"] == [
        {"category": "toys", "factor": "2"}
    ]
