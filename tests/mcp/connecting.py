"""The SDK's own client, connected to the server in this process; the API behind it is scripted."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp import Client

from schemas import door_examples
from schemas.operations import OPERATIONS
from tests.crm.server import Api, Asked, Reply, ok, serving
from worker.client.client import pool
from worker.client.connection import Connection
from worker.mcp.callers import caller
from worker.mcp.calls import Calls
from worker.mcp.confirmations import Confirmations
from worker.mcp.server import build

Answer = Callable[[Asked], Reply]
ROUTES = {operation.route: operation for operation in OPERATIONS.values()}


def examples(asked: Asked) -> Reply:
    """What the documents of the API show as an answer, under the identity that was sent."""
    headers = {} if asked.key is None else {"Idempotency_Key": asked.key}
    return ok(door_examples.ANSWERS[ROUTES[asked.route].name], **headers)


@asynccontextmanager
async def connected(
    answer: Answer = examples,
    *,
    allow_writes: bool = True,
    mode: str = "auto",
    confirmations: Confirmations | None = None,
) -> AsyncIterator[tuple[Client, Api]]:
    with serving(answer) as api:
        async with pool() as over:
            own = caller(Connection(api.url, "acme", "k-1"), over)
            calls = Calls(allow_writes=allow_writes, confirmations=confirmations)
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
