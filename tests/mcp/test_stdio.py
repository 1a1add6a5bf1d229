"""`g3n mcp` as a process of its own, over stdin and stdout."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from tests.mcp.connecting import examples, members, of_a_full_key, refusal
from tests.terminal.server import Asked, Reply, serving
from worker.mcp.tools import CONFIRMATION, DOCUMENT, TOKEN

G3N = [sys.executable, "-m", "worker", "mcp"]
NUMBER, PIN = "6006490000000017", "4711"
ADJUST = {"customer_id": "C-1", "points": -20, "reason": "booked twice", "actor": "desk-4"}


def environment(url: str, folder: Path) -> dict[str, str]:
    """An environment with an API and a key, without a profile or a worker's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {"G3N_API_URL": url, "G3N_ORGCODE": "acme", "G3N_API_KEY": "k-secret", "G3N_LOG_LEVEL": "debug"}
    return {**kept, **own, "XDG_CONFIG_HOME": str(folder)}


def documented(variables: Mapping[str, str]) -> StdioServerParameters:
    """As docs/mcp.md has it: nothing but the values is another."""
    page = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")
    configuration = json.loads(page.split("```json\n")[1].split("```")[0])["mcpServers"]["g3n"]
    known = {**variables, **{name: variables[name] for name in configuration["env"]}}
    assert configuration["command"] == "g3n"
    return StdioServerParameters(command=sys.executable, args=["-m", "worker", *configuration["args"]], env=known)


def started(arguments: list[str], variables: Mapping[str, str]) -> StdioServerParameters:
    return StdioServerParameters(command=G3N[0], args=[*G3N[1:], *arguments], env=dict(variables))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_whole_conversation(mode: str, tmp_path: Path) -> None:
    errors = tmp_path / "stderr"
    with serving(of_a_full_key) as api, errors.open("w") as stderr:
        server = documented(environment(api.url, tmp_path))
        async with Client(stdio_client(server, errlog=stderr), mode=mode) as client:
            assert client.server_info is not None
            assert client.server_info.name == "g3n-crm"
            tools = [tool.name for tool in (await client.list_tools()).tools]
            card = await client.call_tool("giftcard_get", {"gift_card": {"number": NUMBER, "pin": PIN}})
            preview = members(await client.call_tool("loyalty_adjust", ADJUST))[CONFIRMATION]
            done = members(await client.call_tool("loyalty_adjust", {**ADJUST, TOKEN: preview[TOKEN]}))
            contract = (await client.read_resource("g3n://contract")).contents
    assert "loyalty_adjust" in tools
    assert not card.is_error
    assert done[DOCUMENT]["id"] == preview["idempotency_key"]
    assert contract
    assert {asked.headers["x-api-key"] for asked in api.asked} == {"k-secret"}
    said = errors.read_text()
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["result"] for line in lines if line["event"] == "called"] == ["done", "previewed", "done"]
    for secret in (NUMBER, PIN, "k-secret", preview[TOKEN]):
        assert secret not in said


async def test_without_the_permission(tmp_path: Path) -> None:
    with serving(examples) as api:
        async with Client(started([], environment(api.url, tmp_path))) as client:
            assert refusal(await client.call_tool("loyalty_adjust", ADJUST))["reason"] == "tool_not_allowed"
    assert api.asked == []


def said(lines: Sequence[str | bytes], url: str, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return the answers to these lines. stdin is closed right after the last one."""
    raw = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    ran = subprocess.run([*G3N, *arguments], input=raw, env=environment(url, folder), capture_output=True, check=True)
    answers: list[dict[str, Any]] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {answer["jsonrpc"] for answer in answers} == {"2.0"}
    return answers


def request(id_: int | str, method: str, **params: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": params})


INITIALIZE = request(
    0, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "t", "version": "1"}
)
INITIALIZED = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})


# Lines that are no message, and the id and the code of the error that answers each.
WRONG: Final[tuple[tuple[str | bytes, object, int], ...]] = (
    ("not json", None, -32700),
    (b"\xff\xfe", None, -32700),
    ("[" * 100_000, None, -32700),
    ("5", None, -32600),
    ("[]", None, -32600),
    (f"[{request(1, 'ping')},{request(2, 'ping')}]", None, -32600),
    ('{"jsonrpc":"1.0","id":7,"method":"ping"}', 7, -32600),
    ('{"jsonrpc":"2.0","id":"x","method":5}', "x", -32600),
    ('{"jsonrpc":"2.0","id":true,"method":"ping"}', None, -32600),
    ('{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', None, -32600),
    ('{"jsonrpc":"2.0","id":8,"method":"\\ud800"}', 8, -32600),
    ('{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"x","arguments":{"a":1,"a":2}}}', 9, -32600),
)


def test_a_line_that_is_no_message_is_answered_with_an_error(tmp_path: Path) -> None:
    """And the conversation goes on."""
    lines = [part for line, _, _ in WRONG for part in (line, "")]
    *refused, initialized = said([*lines, INITIALIZE], "http://127.0.0.1:9", tmp_path)
    assert [(one["id"], one["error"]["code"]) for one in refused] == [(id_, code) for _, id_, code in WRONG]
    assert initialized["result"]["serverInfo"]["name"] == "g3n-crm"


def test_every_call_is_answered_though_stdin_has_ended(tmp_path: Path) -> None:
    """The API answers only once the last call has reached it, long after the process has read the end of stdin."""
    calls = 8
    all_there = threading.Event()

    def late(asked: Asked) -> Reply:
        if len(api.asked) == calls:
            all_there.set()
        return replace(examples(asked), after=all_there)

    call = {"name": "loyalty_earn", "arguments": {"customer_id": "C-1", "points": 5}}
    lines = [INITIALIZE, INITIALIZED, *(request(number, "tools/call", **call) for number in range(1, calls + 1))]
    with serving(late) as api:
        answers = said(lines, api.url, tmp_path, "--allow-writes")
    assert sorted(answer["id"] for answer in answers) == list(range(calls + 1))
    assert all(not answer["result"].get("isError") for answer in answers)


def test_a_call_that_was_cancelled_keeps_nobody_waiting(tmp_path: Path) -> None:
    never = threading.Event()
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    call = {"name": "customer_get", "arguments": {"customer_id": "C-1"}}
    lines = [INITIALIZE, INITIALIZED, request(1, "tools/call", **call), json.dumps(cancel), request(2, "ping")]
    with serving(lambda asked: replace(examples(asked), after=never)) as api:
        answers = said(lines, api.url, tmp_path)
        never.set()
    assert [answer["id"] for answer in answers] == [0, 2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_end_while_stdin_is_open(number: signal.Signals, tmp_path: Path) -> None:
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    with subprocess.Popen(
        G3N, env=environment("http://127.0.0.1:9", tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{ping}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(number)
        assert process.wait() == -number


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "run g3n login"),
        (["--profile", "other"], "there is no profile other"),
        (["--http", "127.0.0.1:0"], "run g3n login"),
    ],
)
def test_without_a_key_it_does_not_start(arguments: list[str], why: str, tmp_path: Path) -> None:
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    ran = subprocess.run([*G3N, *arguments], env=variables, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert why in ran.stderr


def test_a_name_that_is_no_tool_is_refused(tmp_path: Path) -> None:
    variables = environment("http://127.0.0.1:9", tmp_path)
    ran = subprocess.run([*G3N, "--tools", "till"], env=variables, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--tools: 'till' is no group and no tool; the groups are customer, loyalty" in ran.stderr


@pytest.mark.parametrize(
    ("address", "why"),
    [("8765", "HOST:PORT"), ("192.0.2.1:0", "can't listen"), ("0.0.0.0:0", "whole network")],
)
def test_an_address_that_cannot_be_served(address: str, why: str, tmp_path: Path) -> None:
    lent = ["--shared-key"] if why == "whole network" else []
    variables = environment("http://127.0.0.1:9", tmp_path)
    ran = subprocess.run([*G3N, "--http", address, *lent], env=variables, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert why in ran.stderr
