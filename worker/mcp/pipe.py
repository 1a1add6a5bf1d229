"""MCP's stdio transport: one JSON-RPC message for each line of stdin and stdout.

The SDK has a transport, too. It cancels running calls when stdin ends, and does not answer a line that is not a
message.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
import mcp_types as mcp
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

Read = MemoryObjectReceiveStream[SessionMessage | Exception]
Write = MemoryObjectSendStream[SessionMessage]

_CANCELLED: Final = "notifications/cancelled"
_BATCH: Final = "MCP has no batches: send each message on a line of its own"
_NOT_A_MESSAGE: Final = "not a JSON-RPC 2.0 request, notification or response"


class Malformed(Exception):
    """A line that is not a message, and the error that answers it."""

    def __init__(self, code: int, why: str, id_: mcp.RequestId | None = None) -> None:
        super().__init__(why)
        self.answer = mcp.JSONRPCError(jsonrpc="2.0", id=id_, error=mcp.ErrorData(code=code, message=why))


def message(line: bytes) -> mcp.JSONRPCMessage:
    """Return the message of a line. Raises Malformed: a parse error, or an invalid request (JSON-RPC 2.0 §5.1)."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        raise Malformed(mcp.PARSE_ERROR, "not JSON in UTF-8") from None
    if isinstance(parsed, list):
        raise Malformed(mcp.INVALID_REQUEST, _BATCH)
    id_ = parsed.get("id") if isinstance(parsed, dict) else None
    known = id_ if isinstance(id_, str) or type(id_) is int else None
    try:
        said = mcp.jsonrpc_message_adapter.validate_python(parsed, by_name=False)
    except ValidationError:
        raise Malformed(mcp.INVALID_REQUEST, _NOT_A_MESSAGE, known) from None
    if isinstance(said, mcp.JSONRPCNotification) and id_ is not None:
        raise Malformed(mcp.INVALID_REQUEST, "the id of a request is a string or an integer")
    return said


@dataclass(slots=True)
class _Unanswered:
    """The requests that were read and not answered yet. A client may use an id twice; each use gets an answer."""

    _count: Counter[mcp.RequestId] = field(default_factory=Counter)
    _none: anyio.Event = field(default_factory=anyio.Event)

    def read(self, said: mcp.JSONRPCMessage) -> None:
        """Count a request. Forget one that its caller has cancelled: it gets no answer."""
        if isinstance(said, mcp.JSONRPCRequest):
            self._count[said.id] += 1
        elif isinstance(said, mcp.JSONRPCNotification) and said.method == _CANCELLED:
            self._forget((said.params or {}).get("requestId"))

    def written(self, said: mcp.JSONRPCMessage) -> None:
        """Count an answer."""
        if isinstance(said, mcp.JSONRPCResponse | mcp.JSONRPCError):
            self._forget(said.id)

    async def wait_until_none(self) -> None:
        """Return when every request is answered. The API's client limits how long a call takes."""
        while self._count:
            self._none = anyio.Event()
            await self._none.wait()

    def _forget(self, id_: object) -> None:
        if isinstance(id_, str | int) and id_ in self._count:
            self._count[id_] -= 1
            self._count += Counter()  # drops counts of zero
        if not self._count:
            self._none.set()


@asynccontextmanager
async def pipe() -> AsyncIterator[tuple[Read, Write]]:
    """Yield the streams of messages that are read from stdin and written to stdout.

    The read stream ends when stdin has ended and every request is answered. While the pipe is open, everything else
    that this process prints goes to stderr.
    """
    incoming_send, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
    outgoing, outgoing_receive = anyio.create_memory_object_stream[SessionMessage]()
    unanswered = _Unanswered()
    wire = os.dup(1)
    os.dup2(2, 1)

    async def read() -> None:
        async with incoming_send, outgoing.clone() as refusals:
            async for line in anyio.wrap_file(sys.stdin.buffer):
                if not line.strip():
                    continue
                try:
                    said = message(line)
                except Malformed as malformed:
                    await refusals.send(SessionMessage(malformed.answer))
                    continue
                unanswered.read(said)
                await incoming_send.send(SessionMessage(said))
            await unanswered.wait_until_none()

    async def write() -> None:
        async with outgoing_receive, await anyio.open_file(wire, "wb") as stdout:
            async for one in outgoing_receive:
                text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                await stdout.write(text.encode() + b"\n")
                await stdout.flush()
                unanswered.written(one.message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        tasks.start_soon(write)
        yield incoming, outgoing
