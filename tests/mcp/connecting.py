"""The SDK's own client, connected to the server in this process, with a scripted API behind it."""

import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp import Client

from schemas.operations import OPERATIONS
from schemas.scopes import Scope
from tests.terminal.server import Api, Asked, Reply, ok, serving
from worker.client.client import pool
from worker.client.connection import Connection
from worker.mcp.callers import caller
from worker.mcp.calls import Calls
from worker.mcp.confirmations import Confirmations
from worker.mcp.server import build

Answer = Callable[[Asked], Reply]
ROUTES = {operation.route: operation for operation in OPERATIONS.values()}


def examples(asked: Asked) -> Reply:
    """Return the answer of the API's example, under the identity of the request."""
    headers = {} if asked.key is None else {"Idempotency_Key": asked.key}
    return ok(ROUTES[asked.route].answer_example, **headers)


def of_a_full_key(asked: Asked) -> Reply:
    """The same, for a key that has every scope."""
    if asked.route == "/session/create":
        return ok({**OPERATIONS["session.create"].answer_example, "scopes": list(Scope)})
    return examples(asked)


@asynccontextmanager
async def connected(
    answer: Answer = examples,
    *,
    allow_writes: bool = True,
    mode: str = "auto",
    only: frozenset[str] | None = None,
    asks_scopes: bool = False,
    confirmations: Confirmations | None = None,
) -> AsyncIterator[tuple[Client, Api]]:
    """A client of a server of a scripted API. Unless it `asks_scopes`, the server takes the key to have them all."""
    with serving(answer) as api:
        async with pool(api.url) as over:
            own = caller(Connection(api.url, "acme", "k-1"), over)
            calls = Calls(allow_writes=allow_writes, only=only, confirmations=confirmations)
            if not asks_scopes:
                calls._scopes[own.identity] = (math.inf, frozenset(Scope))
            async with Client(build(calls, lambda _: own), mode=mode) as client:
                yield client, api


def members(result: types.CallToolResult) -> dict[str, Any]:
    """The structured content, which the text says too."""
    (text,) = result.content
    assert isinstance(text, types.TextContent)
    assert json.loads(text.text) == result.structured_content
    found: dict[str, Any] = json.loads(text.text)
    return found


def refusal(result: types.CallToolResult) -> dict[str, Any]:
    """The members of an error."""
    assert result.is_error
    said = members(result)
    assert said["meaning"]
    assert said["what_to_do"]
    return said
