"""`g3n mcp` as the official TypeScript SDK and the Inspector see it, over stdio and over streamable HTTP."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.operations import OPERATIONS, Access
from schemas.problems import Code
from schemas.reasons import Reason
from tests.mcp.connecting import of_a_full_key
from tests.mcp.test_http import KEY, server
from tests.mcp.test_stdio import environment
from tests.terminal.server import Api, Asked, Reply, problem, serving
from worker.mcp.explanations import Explanation, of_reason
from worker.mcp.tools import CONFIRMATION, TOKEN, served

TOOLS = Path(__file__).parents[2] / "tools" / "mcp"
NODE = shutil.which("node") or "node"
INSPECTOR = TOOLS / "node_modules" / ".bin" / "mcp-inspector-cli"
G3N = {"command": sys.executable, "args": ["-m", "worker", "mcp", "--allow-writes"]}
TRANSPORTS = pytest.mark.parametrize("transport", ["stdio", "http"])
REFUSED = Reason.INSUFFICIENT_BALANCE


def answer(asked: Asked) -> Reply:
    """As the documents of the API show it; who redeems points is refused."""
    if asked.route == "/loyalty/redeem":
        outcome = {"status": "rejected", "reason": REFUSED.value, "category": REFUSED.category.value}
        return problem(Code.INSUFFICIENT_BALANCE, REFUSED.value, "refused", outcome, Idempotency_Key=asked.key or "")
    return of_a_full_key(asked)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(answer) as running:
        yield running


def conversation(api: Api, transport: str, folder: Path, *calls: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """The tools that the SDK lists, and the result of each call."""
    if transport == "stdio":
        return _node({**G3N, "calls": calls}, environment(api.url, folder))
    with server(api.url, folder) as url:
        return _node({"url": f"{url}/mcp", "headers": KEY, "calls": calls}, environment(api.url, folder))


def _node(asked: dict[str, Any], variables: dict[str, str]) -> tuple[list[Any], list[Any]]:
    ran = subprocess.run(
        [NODE, "conversation.js"], cwd=TOOLS, env={**os.environ, **variables}, input=json.dumps(asked),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    return said["tools"], said["results"]


@TRANSPORTS
def test_every_tool_is_listed_and_its_example_is_answered(api: Api, transport: str, tmp_path: Path) -> None:
    operations = list(served().values())
    calls = [{"name": one.tool, "arguments": one.body_example} for one in operations]
    tools, results = conversation(api, transport, tmp_path, *calls)
    assert [tool["name"] for tool in tools] == list(served())
    for operation, result in zip(operations, results, strict=True):
        refused = operation.name == "loyalty.redeem"
        assert "thrown" not in result, (operation.tool, result)
        assert bool(result.get("isError")) is refused, (operation.tool, result)
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        if operation.access is Access.DANGEROUS:
            assert result["structuredContent"][CONFIRMATION][TOKEN]


@TRANSPORTS
def test_the_model_sees_why_a_call_failed_and_what_to_do(api: Api, transport: str, tmp_path: Path) -> None:
    redeem = {"name": "loyalty_redeem", "arguments": OPERATIONS["loyalty.redeem"].body_example}
    wrong = {"name": "loyalty_redeem", "arguments": {"customer_id": "C-1", "points": "5"}}
    unknown = {"name": "loyalty_spend", "arguments": {}}
    _, results = conversation(api, transport, tmp_path, redeem, wrong, unknown)
    assert all(result.get("isError") for result in results), results
    said = [json.loads(result["content"][0]["text"]) for result in results]
    assert [one["reason"] for one in said] == [REFUSED.value, "invalid", "unknown_tool"]
    assert Explanation(said[0]["meaning"], said[0]["what_to_do"]) == of_reason(REFUSED)
    assert said[1]["detail"].startswith("points: ")


@TRANSPORTS
def test_the_inspector_lists_and_calls(api: Api, transport: str, tmp_path: Path) -> None:
    call = ["--method", "tools/call", "--tool-name", "loyalty_redeem", "--tool-arg", "customer_id=C-1", "points=90"]
    for asked, expected in ((["--method", "tools/list"], '"loyalty_redeem"'), (call, "what_to_do")):
        if transport == "stdio":
            told = _inspector([sys.executable, *G3N["args"], *asked], environment(api.url, tmp_path))
        else:
            with server(api.url, tmp_path) as url:
                headers = [part for name, value in KEY.items() for part in ("--header", f"{name}: {value}")]
                target = [f"{url}/mcp", "--transport", "http", *headers]
                told = _inspector([*target, *asked], environment(api.url, tmp_path))
        assert expected in told


def _inspector(arguments: list[str], variables: dict[str, str]) -> str:
    ran = subprocess.run(
        [INSPECTOR, "--cli", *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
