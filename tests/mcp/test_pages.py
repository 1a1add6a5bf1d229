"""Resources and prompts."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import mcp_types as types
import pytest
from mcp import Client, MCPError

from schemas.operations import Access
from schemas.problems import Code
from tests.mcp.connecting import connected
from tests.terminal.server import ok, problem
from worker.mcp import resources
from worker.mcp.tools import served

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])


async def text(client: Client, uri: str) -> str:
    (page,) = (await client.read_resource(uri)).contents
    assert isinstance(page, types.TextResourceContents)
    assert page.uri == uri
    return page.text


async def refused(client: Client, uri: str) -> MCPError:
    with pytest.raises(MCPError) as raised:
        await client.read_resource(uri)
    return raised.value


@MODES
async def test_all_that_is_listed_can_be_read(mode: str) -> None:
    async with connected(mode=mode) as (client, api):
        listed = (await client.list_resources()).resources
        pages = {one.uri: await text(client, one.uri) for one in listed}
        templates = [one.uri_template for one in (await client.list_resource_templates()).resource_templates]
    assert pages["g3n://contract"] == CONTRACT
    assert "`card_not_accepted`" in pages["g3n://reasons"]
    assert json.loads(pages["g3n://policy"])["version"] == 0
    assert templates == ["g3n://policy/{version}"]
    assert [(asked.route, asked.body) for asked in api.asked] == [("/loyalty/policy/get", {})]


async def test_the_policy_is_the_present_one_every_time() -> None:
    versions = iter((1, 2))
    async with connected(lambda _: ok({"version": next(versions)})) as (client, api):
        assert [json.loads(await text(client, "g3n://policy"))["version"] for _ in range(2)] == [1, 2]
        assert {asked.headers["x-api-key"] for asked in api.asked} == {"k-1"}


async def test_a_version_of_the_policy() -> None:
    async with connected() as (client, api):
        await text(client, "g3n://policy/12")
    assert api.asked[0].body == {"version": 12}


@MODES
@pytest.mark.parametrize(
    "uri", ["g3n://policy/x", "g3n://policy/", "g3n://policy/١", "g3n://contract/..", "file:///etc/passwd", ""]
)
async def test_no_other_resource(uri: str, mode: str) -> None:
    async with connected(mode=mode) as (client, api):
        error = await refused(client, uri)
    assert (error.code, error.data["reason"], api.asked) == (types.INVALID_PARAMS, "unknown_resource", [])


@MODES
async def test_a_refusal_of_the_api_is_an_error_that_says_why(mode: str) -> None:
    async with connected(lambda _: problem(Code.UNAUTHORIZED, "credentials_not_accepted"), mode=mode) as (client, _):
        error = await refused(client, "g3n://policy")
    assert (error.code, error.data["reason"]) == (types.INTERNAL_ERROR, "credentials_not_accepted")
    assert error.data["what_to_do"]


@MODES
async def test_a_fault_says_nothing_of_the_inside(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise OSError(2, "secret path")

    monkeypatch.setattr(resources, "contract", broken)
    async with connected(mode=mode) as (client, _):
        error = await refused(client, "g3n://contract")
    assert (error.code, error.data["reason"]) == (types.INTERNAL_ERROR, "internal_error")
    assert "secret" not in repr(error)


@MODES
async def test_prompts(mode: str) -> None:
    async with connected(mode=mode) as (client, _):
        listed = (await client.list_prompts()).prompts
        assert [one.name for one in listed] == ["customer_life_cycle", "stored_value"]
        for one in listed:
            bare = (await client.get_prompt(one.name)).messages[0].content
            told = (await client.get_prompt(one.name, {"task": "Find Ada's points."})).messages[0].content
            assert isinstance(bare, types.TextContent)
            assert isinstance(told, types.TextContent)
            assert told.text == f"{bare.text}\nThe task: Find Ada's points.\n"
        for name, arguments in (("other", {}), ("stored_value", {"tsk": "x"})):
            with pytest.raises(MCPError) as raised:
                await client.get_prompt(name, arguments)
            assert raised.value.code == types.INVALID_PARAMS


def test_the_guide_names_every_tool_that_is_always_there_and_every_dangerous_one() -> None:
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    named = {
        row.split("|")[1].strip(): set(re.findall(r"`([a-z_]+_[a-z]+)`", row))
        for row in page.splitlines()
        if "|" in row
    }
    of = {access: {one.tool for one in served().values() if one.access is access} for access in Access}
    assert named["always"] == of[Access.READ]
    assert named["with `--allow-writes`, in two calls"] == of[Access.DANGEROUS]


def test_the_wheel_has_the_contract(tmp_path: Path) -> None:
    """Unpacked far from the checkout, as pip would."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("schemas", "worker", "devstack"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "docs/contract.md"):
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    shutil.rmtree(source)
    program = (
        "import sys, worker; from worker.mcp.resources import contract; sys.stdout.write(worker.__file__ + '\\n'); "
        "sys.stdout.buffer.write(contract().encode())"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {program}"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    where, _, page = ran.stdout.decode().partition("\n")
    assert Path(where).is_relative_to(installed)
    assert page == CONTRACT
