"""`g3n mcp --http` as a process: whose key is used, and who is turned away."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.mcp.connecting import examples, members, refusal
from tests.terminal.server import Api, serving
from worker.mcp.address import Address, CannotServe
from worker.mcp.arguments import MAX_BYTES
from worker.mcp.tools import CONFIRMATION, DOCUMENT, TOKEN

KEY = {"X-Orgcode": "acme", "X-Api-Key": "k-1"}
SESSION = {"X-Orgcode": "acme", "Authorization": "Bearer t-1"}
ADJUST = {"customer_id": "C-1", "points": -20, "reason": "booked twice", "actor": "desk-4"}
JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@contextlib.contextmanager
def server(url: str, folder: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """The URL of a server that asks the API at `url`; told to stop, it must exit with status 0."""
    started = [sys.executable, "-m", "worker", "mcp", "--http", "127.0.0.1:0", "--allow-writes", *arguments]
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "G3N_API_URL": url}
    with subprocess.Popen(started, env={**own, **variables}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        ready = json.loads(process.stderr.readline())
        assert ready["event"] == "ready"
        try:
            yield f"http://127.0.0.1:{ready['port']}"
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.stderr.read()
    assert process.returncode == 0
    for secret in ("k-1", "k-2", "t-1", "k-lent"):
        assert secret not in said


@pytest.fixture(scope="module")
def scripted() -> Iterator[Api]:
    with serving(examples) as api:
        yield api


@pytest.fixture(scope="module")
def url(scripted: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a key of its own, which it lends to nobody, and with two names."""
    variables = {"G3N_ORGCODE": "own", "G3N_API_KEY": "k-own"}
    with server(scripted.url, tmp_path_factory.mktemp("config"), "--name", "crm.example", **variables) as where:
        yield where


@pytest.fixture
def api(scripted: Api) -> Api:
    scripted.asked.clear()
    return scripted


@contextlib.asynccontextmanager
async def caller(url: str, headers: Mapping[str, str], mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def posted(url: str, headers: Mapping[str, str], body: Any = PING) -> httpx.Response:  # noqa: ANN401  # any JSON
    return httpx.post(f"{url}/mcp", headers={**JSON, **headers}, json=body)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_everybody_asks_with_a_key_of_their_own(mode: str, url: str, api: Api) -> None:
    other = {"X-Orgcode": "other", "X-Api-Key": "k-2"}
    for headers in (KEY, SESSION, other):
        async with caller(url, headers, mode) as client:
            assert (await client.list_tools()).tools
            assert not (await client.call_tool("customer_get", {"customer_id": "C-1"})).is_error
            assert (await client.read_resource("g3n://policy")).contents
    names = ("x-orgcode", "x-api-key", "authorization")
    said = {
        route: [tuple(asked.headers.get(name) for name in names) for asked in api.asked if asked.route == route]
        for route in ("/customer/get", "/loyalty/policy/get")
    }
    everybody = [("acme", "k-1", None), ("acme", None, "Bearer t-1"), ("other", "k-2", None)]
    assert said == dict.fromkeys(said, everybody)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_confirmation_is_its_callers_only(mode: str, url: str, api: Api) -> None:
    others = [{**KEY, "X-Orgcode": "other"}, {**KEY, "X-Api-Key": "k-2"}, {**SESSION, "Authorization": "Bearer k-1"}]
    async with caller(url, KEY, mode) as client:
        preview = members(await client.call_tool("loyalty_adjust", ADJUST))[CONFIRMATION]
    confirmed = {**ADJUST, TOKEN: preview[TOKEN]}
    for headers in others:
        async with caller(url, headers, mode) as client:
            said = refusal(await client.call_tool("loyalty_adjust", confirmed))
            assert said["reason"] == "confirmation_not_accepted"
    async with caller(url, KEY, mode) as client:
        assert members(await client.call_tool("loyalty_adjust", confirmed))[DOCUMENT]["id"]
    assert [asked.route for asked in api.asked].count("/loyalty/adjust") == 1


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "X-Orgcode is missing"),
        ({"X-Api-Key": "k-1"}, "X-Orgcode is missing"),
        ({"X-Orgcode": "acme"}, "X-Api-Key is missing, and Authorization too"),
        ({"X-Orgcode": "acme", "Authorization": "Basic azE="}, "Authorization is not Bearer and a session's token"),
        (
            {"X-Orgcode": "acme", "Authorization": "Bearer"},
            "the API key is 1 to 512 printable ASCII characters without",
        ),
        ({"X-Orgcode": "acme", "X-Api-Key": ""}, "the API key is 1 to 512 printable ASCII characters without"),
        ({"X-Orgcode": "ACME", "X-Api-Key": "k-1"}, "the orgcode has 1 to 32 characters of a-z 0-9 - _"),
    ],
)
def test_a_request_without_credentials_is_refused(headers: dict[str, str], detail: str, url: str, api: Api) -> None:
    answer = posted(url, headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.json()["reason"] == "credentials_not_accepted"
    assert answer.json()["detail"].startswith(detail)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert api.asked == []


@pytest.mark.parametrize("name", ["X-Orgcode", "X-Api-Key"])
def test_of_two_headers_nobody_knows_which_is_meant(name: str, url: str, api: Api) -> None:
    answer = httpx.post(f"{url}/mcp", headers=[*JSON.items(), *KEY.items(), (name, "other")], json=PING)
    assert (answer.status_code, answer.json()["detail"], api.asked) == (401, f"{name}: more than one", [])


def test_of_two_members_nobody_knows_which_is_meant(url: str, api: Api) -> None:
    call = {"name": "loyalty_earn", "arguments": {"customer_id": "C-1", "points": 5}}
    text = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call})
    answers = [
        httpx.post(f"{url}/mcp", headers={**JSON, **KEY}, content=content)
        for content in (text, text.replace('"points": 5', '"points": 5, "points": 6'))
    ]
    assert [(answer.status_code, answer.json()["id"]) for answer in answers] == [(200, 7), (400, 7)]
    assert [asked.body["points"] for asked in api.asked if "points" in asked.body] == [5]


async def test_a_key_goes_before_what_a_gateway_adds(url: str, api: Api) -> None:
    async with caller(url, {**KEY, **SESSION}) as client:
        await client.call_tool("customer_get", {"customer_id": "C-1"})
    (asked,) = api.asked
    assert (asked.headers["x-api-key"], asked.headers.get("authorization")) == ("k-1", None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "crm.example"}, 200),
        ({"Host": "crm.example:8443"}, 200),
        ({"Host": "localhost"}, 200),
        ({}, 200),
    ],
)
@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
def test_no_page_of_a_browser_gets_in_by_another_name(
    headers: dict[str, str], status: int, version: str, url: str
) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    routing = {"MCP-Protocol-Version": version, "Mcp-Method": "tools/list"}
    assert posted(url, {**KEY, **routing, **headers}, body).status_code == status


def test_the_shared_key_is_lent_to_callers_without_a_key(api: Api, tmp_path: Path) -> None:
    call = {"name": "customer_get", "arguments": {"customer_id": "C-1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    variables = {"G3N_ORGCODE": "own", "G3N_API_KEY": "k-lent"}
    with server(api.url, tmp_path, "--shared-key", **variables) as url:
        assert posted(url, {}, body).status_code == 200
        assert posted(url, KEY, body).status_code == 200
        assert posted(url, {"X-Orgcode": "own"}, body).status_code == 401
        assert posted(url, {"X-Api-Key": "k-1"}, body).status_code == 401
        assert posted(url, {"Origin": "http://evil.example"}, body).status_code == 403
    assert [asked.headers["x-api-key"] for asked in api.asked] == ["k-lent", "k-1"]


def test_other_paths(url: str) -> None:
    assert httpx.get(f"{url}/livez").json() == {"status": "alive"}
    assert httpx.get(f"{url}/mcp", headers={**JSON, **KEY}).status_code == 405
    assert httpx.delete(f"{url}/mcp", headers={**JSON, **KEY}).status_code == 405
    assert httpx.get(f"{url}/").status_code == 404
    assert posted(url, KEY, {**PING, "params": {"x": "x" * 2 * MAX_BYTES}}).status_code == 413


def test_silent_connections_shut_nobody_out(url: str) -> None:
    """More than the server takes: the oldest make room."""
    host, _, port = url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(700):
            stack.enter_context(socket.create_connection((host, int(port))))
        assert [posted(url, KEY).status_code for _ in range(5)] == [200] * 5
    assert httpx.request("OPTIONS", f"{url}/livez").status_code == 405


@pytest.mark.parametrize(
    "text", ["8765", "localhost:http", "a@localhost:1", "127.0.0.1:0/mcp", "no such host", "[::1]"]
)
def test_invalid_addresses(text: str) -> None:
    with pytest.raises(CannotServe, match="HOST:PORT"):
        Address.parsed(text)


def test_addresses() -> None:
    assert Address.parsed("[::1]:8765") == Address("::1", 8765)
    told = {text: Address.parsed(text).is_loopback for text in ("127.0.0.1:1", "[::1]:1", "localhost:1", "0.0.0.0:1")}
    assert told == {"127.0.0.1:1": True, "[::1]:1": True, "localhost:1": True, "0.0.0.0:1": False}
