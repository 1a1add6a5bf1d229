"""`g3n api` as a process of its own, as whoever floods it finds it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg

from devstack.supervisor import free_ports
from tests.conftest import CARD_KEY
from worker.ledger import api_keys

SCOPES = ("customer:read", "customer:write")


@contextlib.asynccontextmanager
async def running_api(dsn: str, **environment: str) -> AsyncIterator[tuple[int, Mapping[str, str]]]:
    """Its port, and a key of each of two tenants, acme and globex."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        secrets = {
            code: (await api_keys.create(connection, code, "of a test", SCOPES))[1] for code in ("acme", "globex")
        }
    finally:
        await connection.close()
    [port] = free_ports(1)
    settings = {
        "G3N_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "G3N_POSTGRES_DSN": dsn,
        "G3N_CARD_KEY": CARD_KEY,
        "G3N_API_PORT": str(port),
        "G3N_LOG_FORMAT": "json",
        "G3N_LOG_LEVEL": "warning",
        **environment,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", "api", env={**os.environ, **settings}, stderr=asyncio.subprocess.PIPE
    )
    try:
        await _ready(port)
        yield port, secrets
    finally:
        process.terminate()
        assert process.stderr is not None
        said = await process.stderr.read()
        await process.wait()
    lines = [json.loads(line) for line in said.splitlines()]
    assert process.returncode == 0, lines[-3:]
    assert [line for line in lines if line["level"] == "error"][:1] == []


async def _ready(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
                if b" 200 " in answer.partition(b"\r\n")[0]:
                    return
            await asyncio.sleep(0.05)
