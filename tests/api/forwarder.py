"""A connection to Postgres that a test can cut and restore."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit, urlunsplit


@dataclass
class Forwarder:
    """Passes on what comes in at a port of its own."""

    host: str
    port: int
    dsn: str = ""
    _server: asyncio.Server | None = None
    _own_port: int = 0
    _passing: set[asyncio.Task[None]] = field(default_factory=set)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, dsn: str) -> AsyncIterator[Self]:
        parts = urlsplit(dsn)
        way = cls(parts.hostname or "127.0.0.1", parts.port or 5432)
        way._flows.set()
        await way.open()
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        way.dsn = urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{way._own_port}"))
        yield way
        await way.close()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._own_port)
        self._own_port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End every connection, and take no other."""
        if self._server is not None:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        """Keep and take connections, and pass nothing on meanwhile."""
        self._flows.clear()
        yield
        self._flows.set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self.host, self.port)
        for source, sink in (reader, there[1]), (there[0], writer):
            task = asyncio.create_task(self._copy(source, sink))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        finally:
            sink.transport.abort()
