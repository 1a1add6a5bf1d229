"""MCP's stdio transport: one JSON-RPC message for each line of stdin and stdout.

The SDK has a transport, too. It cancels running calls when stdin ends, and does not answer a line that is not a
message.
"""

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

from worker.mcp.messages import Malformed, message

Read = MemoryObjectReceiveStream[SessionMessage | Exception]
Write = MemoryObjectSendStream[SessionMessage]

_CANCELLED: Final = "notifications/cancelled"


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
