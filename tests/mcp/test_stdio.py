"""`g3n mcp` as a process of its own, over stdin and stdout."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from tests.crm.server import serving
from tests.mcp.connecting import examples, members, refusal
from worker.mcp.tools import CONFIRMATION, DOCUMENT, TOKEN

G3N = [sys.executable, "-m", "worker", "mcp"]
NUMBER, PIN = "6006490000000017", "4711"
ADJUST = {"customer_id": "C-1", "points": -20, "reason": "booked twice", "actor": "desk-4"}


def environment(url: str, folder: Path) -> dict[str, str]:
    """Nothing of a profile or of a worker: an API, a key."""
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
    with serving(examples) as api, errors.open("w") as stderr:
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


def test_stdout_has_the_protocol_only_and_the_end_of_stdin_is_the_end(tmp_path: Path) -> None:
    asked = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    variables = environment("http://127.0.0.1:9", tmp_path)
    ran = subprocess.run(
        G3N, input=f"not json\n{json.dumps(asked)}\n", env=variables, capture_output=True, text=True, check=True
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {answer["jsonrpc"] for answer in answers} == {"2.0"}
    assert answers[-1]["result"]["serverInfo"]["name"] == "g3n-crm"


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
