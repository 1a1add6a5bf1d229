"""The HTTP API with TLS of its own, no proxy in front of it."""

import asyncio
import contextlib
import os
import ssl
import sys

import httpx
import pytest

from devstack.supervisor import free_ports
from tests.kafka.processes import said
from tests.secured.certificates import Authority, Certificate
from tests.secured.conftest import settings


async def test_it_answers_over_tls_only(database: str, authority: Authority, certificate: Certificate) -> None:
    [port] = free_ports(1)
    environment = {
        **settings(database, "127.0.0.1:1", ""), "G3N_API_PORT": str(port),
        "G3N_API_TLS_CERT_FILE": str(certificate.cert), "G3N_API_TLS_KEY_FILE": str(certificate.key),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", "api", env={**os.environ, **environment}, stderr=asyncio.subprocess.PIPE
    )
    try:
        await said(process, "started")
        trusted = ssl.create_default_context(cafile=str(authority.cert))
        async with httpx.AsyncClient(verify=trusted) as client:
            answer = await client.get(f"https://127.0.0.1:{port}/livez")
            assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://127.0.0.1:{port}/livez")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
