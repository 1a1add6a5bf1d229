"""The API on a real socket, in this process: for what only bytes on a connection show."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.api.conftest import Service, caller, new_caller, service, serving
from worker.web.bounds import Bounds
from worker.web.listen import listening as listening_socket
from worker.web.server import Server

__all__ = ["caller", "new_caller", "service", "serving"]


@dataclass
class Listening:
    """A server on a port of loopback."""

    server: Server
    port: int
    wires: "list[Wire]" = field(default_factory=list)

    async def connect(self) -> "Wire":
        """A connection; it is closed at the end of the test."""
        self.wires.append(Wire(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.wires[-1]

    async def answers(self, *sent: bytes, end: bool = False) -> "list[Answer]":
        """Return the bytes that one connection gets for these bytes until the server ends it. `end`: the client ends
        its half first.
        """
        wire = await self.connect()
        for part in sent:
            wire.writer.write(part)
        if end:
            wire.writer.write_eof()
        return parsed(await wire.rest())


@dataclass
class Answer:
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Wire:
    """A connection as a client sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> Answer:
        """The next response."""
        async with asyncio.timeout(30):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await self.reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
        return parsed(head + body)[0]

    async def rest(self) -> bytes:
        """Every byte until the server ends the connection."""
        async with asyncio.timeout(30):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


def parsed(data: bytes) -> list[Answer]:
    """Responses with a Content-Length, one after the other."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers["content-length"])
        answers.append(Answer(int(status.split()[1]), headers, data[:length]))
        data = data[length:]
    return answers


Listen = Callable[..., contextlib.AbstractAsyncContextManager[Listening]]


@contextlib.asynccontextmanager
async def listening(app: Any, bounds: Bounds | None = None) -> AsyncIterator[Listening]:  # noqa: ANN401  an ASGI app
    """The application on a socket, as long as the context is open."""
    with listening_socket("127.0.0.1", 0, backlog=1024) as listener:
        server = Server(app, bounds, lifespan="off", timeout_graceful_shutdown=1)
        serving_ = asyncio.create_task(server.serve(sockets=[listener]))
        running = Listening(server, listener.getsockname()[1])
        try:
            yield running
        finally:
            await asyncio.gather(*(wire.close() for wire in running.wires))
            server.should_exit = True
            await serving_


@pytest.fixture
async def api(service: Service) -> AsyncIterator[Listening]:
    async with listening(service.api.app) as running:
        yield running
