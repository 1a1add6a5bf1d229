"""MCP over stdin and stdout: for the program that started this process, with the key of its profile."""

import signal

from mcp.server.stdio import stdio_server

from worker.client.client import pool
from worker.client.connection import Connection
from worker.mcp.callers import caller
from worker.mcp.calls import Calls
from worker.mcp.server import build


async def serve(connection: Connection, *, allow_writes: bool) -> None:
    """Until stdin ends. The SDK keeps stdout to itself: whatever else is printed goes to stderr."""
    # The SDK reads in a thread, which no cancelling ends: Ctrl-C shall end the process and not wait for a line.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    async with pool() as over:
        own = caller(connection, over)
        server = build(Calls(allow_writes=allow_writes), lambda _: own)
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
