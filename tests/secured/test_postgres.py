"""A database that demands TLS: programs check whom they talk to.

The Postgres of the tests is built without TLS, so a relay stands in front of it: it speaks TLS as Postgres does
(SSLRequest, then the handshake), refuses everything else, and passes the rest on.
"""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.e2e.process import run
from tests.secured.certificates import Authority, Certificate
from tests.secured.conftest import settings
from worker.app import connect
from worker.app.operators import on_ledger
from worker.ledger import api_keys
from worker.process.errors import Unavailable
from worker.process.settings import load

_SSL_REQUEST = struct.pack("!II", 8, 80877103)


@pytest.fixture
async def tls_dsn(database: str, certificate: Certificate) -> AsyncIterator[str]:
    """The DSN of the test's database through the relay."""
    parts = urlsplit(database)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.cert, certificate.key)
    tasks: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(context)
                inside, outside = await asyncio.open_connection(parts.hostname, parts.port)
                await asyncio.gather(_pass_on(reader, outside), _pass_on(inside, writer))
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(relay(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        user = parts.netloc.rpartition("@")[0]
        yield urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}"))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def keys_list(dsn: str, log: Path) -> tuple[int, str]:
    """Return a program's exit status on this database, and what it prints."""
    code = await asyncio.to_thread(run, settings(dsn, "127.0.0.1:1", ""), log, "keys", "list")
    return code, log.read_text() if log.exists() else ""  # noqa: ASYNC240  a small file


async def test_a_certificate_that_is_trusted(tls_dsn: str, authority: Authority, tmp_path: Path) -> None:
    code, said = await keys_list(f"{tls_dsn}?sslmode=verify-full&sslrootcert={authority.cert}", tmp_path / "log")
    assert code == 0, said


async def test_a_certificate_of_another_authority(tls_dsn: str, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other").cert
    code, said = await keys_list(f"{tls_dsn}?sslmode=verify-full&sslrootcert={other}", tmp_path / "log")
    assert code == 1
    assert "Postgres (G3N_POSTGRES_DSN) shows a certificate that is not accepted" in said


async def test_a_server_without_tls_where_it_is_demanded(
    database: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "START_S", 1.0)
    dsn = f"{database}?sslmode=verify-full&sslrootcert={authority.cert}"
    for name, value in settings(dsn, "127.0.0.1:1", "").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Unavailable, match="rejected SSL upgrade"):
        await on_ledger(load(), api_keys.listed)
