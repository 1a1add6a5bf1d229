"""MCP over stdin and stdout, for the program that started this process, with the key of its profile."""

import signal

from worker.client.client import pool
from worker.client.connection import Connection
from worker.mcp.callers import caller
from worker.mcp.calls import Calls
from worker.mcp.pipe import pipe
from worker.mcp.server import build


async def serve(connection: Connection, calls: Calls) -> None:
    """Answer until stdin ends, including every call that was read before its end."""
    # A thread reads stdin and can't be cancelled. With the default action Ctrl-C ends the process at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    async with pool(connection.url) as over:
        own = caller(connection, over)
        server = build(calls, lambda _: own)
        async with pipe() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
