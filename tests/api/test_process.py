"""`g3n api` and `g3n worker keys` as whoever runs them sees them: processes, ports, signals, exit statuses."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from devstack.supervisor import free_ports
from schemas.operations import OPERATIONS
from schemas.scopes import Scope
from tests.conftest import CARD_KEY
from tests.kafka.processes import Process, Start, ended, said, starting
from worker.client.client import Client
from worker.client.connection import Connection as ApiConnection
from worker.client.failure import ApiError
from worker.ledger import api_keys as ledger_keys
from worker.ledger.queries import Connection
from worker.process.build import build


def settings(database: str) -> dict[str, str]:
    return {
        "G3N_POSTGRES_DSN": database,
        "G3N_CARD_KEY": CARD_KEY,
        "G3N_LOG_FORMAT": "json",
        "G3N_ON_FAILURE": "crash",
    }


@pytest.fixture
async def start(database: str) -> AsyncIterator[Start]:
    """Start `g3n` with these arguments, and without any setting of Kafka."""
    async with starting(settings(database)) as run:
        yield run


@pytest.fixture
async def secret(connection: Connection) -> str:
    """A key that may write customers and points."""
    _, secret = await ledger_keys.create(connection, "acme", "till", ("customer:write", "loyalty:write"))
    return secret


async def listening(start: Start, **env: str) -> tuple[Process, str]:
    [port] = free_ports(1)
    process = await start("api", G3N_API_PORT=str(port), **env)
    started = await said(process, "started")
    assert (started["port"], started["build"]) == (port, build())
    return process, f"http://127.0.0.1:{port}"


async def test_the_client_and_the_api_agree(start: Start, secret: str) -> None:
    """The real client, a real server, a real ledger; and no Kafka."""
    process, url = await listening(start)
    create, earn, get = (OPERATIONS[name] for name in ("customer.create", "loyalty.earn", "customer.get"))
    async with Client(ApiConnection(url, "acme", secret)) as client:
        await client.call(create, {"customer_id": "C"})
        first = await client.call(earn, {"customer_id": "C", "points": 7}, idempotency_key="K")
        again = await client.call(earn, {"customer_id": "C", "points": 7}, idempotency_key="K")
        assert first.json()["points"]["balance"] == 7
        assert (again.data, again.replayed, first.replayed) == (first.data, True, False)
        assert first.document_id == again.document_id == "K"
        for operation, body, expected in (
            (earn, {"customer_id": "C", "points": 8}, (409, "conflict", "conflict", "K")),
            (earn, {"customer_id": "D", "points": 1}, (404, "not-found", "customer_not_found", "K2")),
            (get, {"customer_id": "C"}, (403, "forbidden", "scope_missing", None)),
        ):
            with pytest.raises(ApiError) as raised:
                await client.call(operation, body, idempotency_key=expected[3])
            error = raised.value
            assert (error.status, error.code.value, error.reason, error.document_id) == expected
        assert raised.value.scope == "customer:read"
    async with httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/livez")).json() == {"status": "alive"}
        assert (await http.get("/readyz")).json()["status"] == "ready"
        shown = (await http.get("/metrics")).text
        assert 'g3n_http_requests_total{operation="loyalty.earn",status="200"} 2.0' in shown
        assert "server" not in (await http.get("/openapi.json")).headers
    process.send_signal(signal.SIGTERM)
    code, _, err = await ended(process)
    assert code == 0, err
    assert secret not in err


async def test_requests_that_the_openapi_file_allows_are_answered_as_it_says(
    start: Start, connection: Connection, tmp_path: Path
) -> None:
    """Schemathesis, against the running service: no 5xx, and every answer as openapi.json promises."""
    _, secret = await ledger_keys.create(connection, "acme", "all", tuple(one.value for one in Scope))
    unlimited = {
        "G3N_API_REQUESTS_PER_S": "1000000",
        "G3N_API_CARD_MISSES_PER_MIN": "1000000",
        "G3N_API_TENANT_CARD_MISSES_PER_MIN": "1000000",
    }
    process, url = await listening(start, **unlimited)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance"
    arguments = (
        *("--checks", f"{checks},response_schema_conformance", "--phases", "examples,fuzzing"),
        *("--max-examples", "5", "--workers", "2", "--seed", "1", "--warnings", "off", "--continue-on-failure"),
        *("--header", f"X-Api-Key: {secret}", "--header", "X-Orgcode: acme"),
    )
    program = Path(sys.executable).with_name("schemathesis")
    run = await asyncio.create_subprocess_exec(
        program,
        "run",
        f"{url}/openapi.json",
        *arguments,
        cwd=tmp_path,  # it leaves a folder
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(run.communicate(), 120)
    assert run.returncode == 0, out.decode()
    assert f"Tested: {len(OPERATIONS)}" in out.decode()
    process.send_signal(signal.SIGTERM)
    _, _, err = await ended(process)
    assert "crashed" not in err


async def test_sigterm_finishes_what_is_in_hand(start: Start, secret: str, connection: Connection) -> None:
    process, url = await listening(start)
    async with httpx.AsyncClient(base_url=url, headers={"X-Orgcode": "acme", "X-Api-Key": secret}) as http:
        await http.post("/customer/create", json={"customer_id": "C"})
        await connection.execute("BEGIN")
        await connection.execute("SELECT FROM account WHERE key = 'C' FOR UPDATE")
        earning = asyncio.create_task(http.post("/loyalty/earn", json={"customer_id": "C", "points": 5}))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with asyncio.timeout(20):
            while not await connection.fetchval(waits):
                pass
        process.send_signal(signal.SIGTERM)
        await said(process, "stopping")
        await connection.execute("COMMIT")
        assert (await earning).json()["points"]["balance"] == 5
    assert (await ended(process))[0] == 0


async def raw(url: str, request: bytes) -> bytes:
    """Return the bytes that the server answers to these bytes, until it ends the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


async def test_requests_that_are_none(start: Start, secret: str) -> None:
    process, url = await listening(start, G3N_API_BODY_S="0.2", G3N_MAX_DOCUMENT_BYTES="2000")
    head = f"POST /customer/create HTTP/1.1\r\nHost: x\r\nX-Orgcode: acme\r\nX-Api-Key: {secret}\r\n".encode()
    head += b"Content-Type: application/json\r\n"
    slow = await raw(url, head + b"Content-Length: 10\r\n\r\n{")
    assert (slow.split()[1], b'"body_too_slow"' in slow) == (b"408", True)
    large = await raw(url, head + b"Content-Length: 2001\r\n\r\n{")
    assert (large.split()[1], b'"body_too_large"' in large) == (b"413", True)
    endless = b"".join(b"3e8\r\n" + b" " * 1000 + b"\r\n" for _ in range(3))
    chunked = await raw(url, head + b"Transfer-Encoding: chunked\r\n\r\n" + endless)
    assert (chunked.split()[1], b"connection: close" in chunked.lower()) == (b"413", True)
    waiting = await raw(url, head + b"Expect: 100-continue\r\nContent-Length: 2001\r\n\r\n")
    assert waiting.split()[1] == b"413", "told before the body is sent"
    close = b"Connection: close\r\n"
    for request, status in (
        (head + close + b"Content-Length: -1\r\n\r\n", b"400"),
        (head + close + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /customer/create HTTP/1.1\r\nHost: x\r\n" + close + b"Upgrade: websocket\r\n\r\n", b"405"),
        (head + close + b"Content-Length: 2\r\n\r\n{}", b"200"),
    ):
        assert (await raw(url, request)).split()[1] == status, request
    process.send_signal(signal.SIGTERM)
    assert (await ended(process))[0] == 0


async def test_a_port_that_is_taken_and_a_database_that_is_not_set_up(start: Start, empty_database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = await ended(await start("api", G3N_API_PORT=str(port)))
    assert code == 1
    assert f"can't listen on 127.0.0.1:{port} (G3N_API_HOST, G3N_API_PORT)" in err
    code, _, err = await ended(await start("api", G3N_API_PORT="0", G3N_POSTGRES_DSN=empty_database))
    assert code == 1
    assert "run g3n worker setup" in err


async def test_keys_are_made_listed_rotated_and_revoked(database: str) -> None:
    create = (
        "create",
        "--orgcode",
        "acme",
        "--name",
        "till",
        "--scope",
        "tender",
        "--scope",
        "ops",
        "--valid-days",
        "9",
    )
    made, plain, not_an_orgcode = await keys(
        database, (*create, "--json"), create, ("create", "--orgcode", "Acme", "--name", "x", "--scope", "ops")
    )
    key = json.loads(made.out)
    assert key["key"].startswith("g3nk_acme_")
    assert (key["orgcode"], key["name"], key["scopes"]) == ("acme", "till", ["tender", "ops"])
    assert re.fullmatch(r"g3nk_acme_[0-9a-f]{48}\n", plain.out), "alone on stdout"
    assert "will not be shown again" in plain.err
    assert (not_an_orgcode.code, "a-z 0-9 - _" in not_an_orgcode.err) == (2, True)

    of_acme = ("--orgcode", "acme")
    rotated, revoked, as_json, as_text, *unknown = await keys(
        database,
        ("rotate", key["id"], *of_acme, "--overlap-h", "2", "--json"),
        ("revoke", key["id"], *of_acme),
        ("list", "--json"),
        ("list", *of_acme),
        ("revoke", key["id"], "--orgcode", "globex"),
        ("rotate", key["id"], *of_acme),
    )
    new = json.loads(rotated.out)
    assert (new["name"], new["scopes"]) == ("till", ["tender", "ops"])
    assert new["key"] != key["key"]
    assert (revoked.code, revoked.out) == (0, f"{key['id']} of acme: revoked\n")
    assert [("revoked_at" in one, "key" in one) for one in json.loads(as_json.out)] == [
        (True, False), (False, False), (False, False),
    ]  # fmt: skip
    standing = {line.split()[1]: line.split()[2] for line in as_text.out.splitlines()}
    assert (standing[key["id"]], standing[new["id"]]) == ("revoked", "good")
    assert [(one.code, one.err) for one in unknown] == [
        (1, f"g3n: {orgcode} has no key {key['id']} that is good\n") for orgcode in ("globex", "acme")
    ]


class Left(NamedTuple):
    """The exit status of a command, and its output."""

    code: int
    out: str
    err: str


IN_TURN = """
import json, sys
from typer.testing import CliRunner
from worker.cli import app
results = [CliRunner().invoke(app, ["worker", "keys", *arguments]) for arguments in json.load(sys.stdin)]
print(json.dumps([[one.exit_code, one.stdout, one.stderr] for one in results]))
"""


async def keys(database: str, *commands: Sequence[str]) -> list[Left]:
    """`g3n worker keys …`, one after the other, in one process as each takes its time to start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", IN_TURN),
        env={**os.environ, **settings(database)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(json.dumps(commands).encode()), 60)
    return [Left(*one) for one in json.loads(out)]


async def test_terminated_sessions_cost_a_503_at_most(start: Start, connection: Connection, secret: str) -> None:
    """An administrator ends the API's sessions again and again; every request is done once, at the latest when it is
    repeated.
    """
    process, url = await listening(start)
    statuses: list[int] = []

    async def create(http: httpx.AsyncClient, number: int) -> None:
        headers = {"X-Api-Key": secret, "X-Orgcode": "acme", "Idempotency-Key": f"K{number}"}
        while True:
            answer = await http.post("/customer/create", json={"customer_id": f"C{number}"}, headers=headers)
            statuses.append(answer.status_code)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return

    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        for slice_ in range(15):
            asked = [asyncio.create_task(create(http, slice_ * 10 + n)) for n in range(10)]
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.7"
            )
            await asyncio.gather(*asked)
    assert process.returncode is None
    assert set(statuses) <= {200, 503}
    assert await connection.fetchval("SELECT count(*) FROM customer") == 150
