"""The list of tools: typed, described, and no more than was allowed."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.operations import OPERATIONS, Access, Operation
from schemas.problems import ApiReason, Code
from schemas.reasons import Reason
from schemas.scopes import Scope
from tests.mcp.connecting import connected, refusal
from tests.terminal.server import in_turn, problem
from worker.mcp import prompts
from worker.mcp.arguments import check_body, check_names
from worker.mcp.explanations import INTERFACES, as_page, of_reason
from worker.mcp.guides import GUIDES
from worker.mcp.tools import IDENTITY, TOKEN, Offered, UnknownTools, group, named, offered, served

ALL = offered(frozenset(Access))
TOOLS = pytest.mark.parametrize("tool", [pytest.param(one, id=name) for name, one in ALL.items()])
# A model reads the whole list before it does anything: at most 12,000 tokens. In minified JSON the tokenizer o200k_base
# makes one token of 4.2 characters; the densest count that we have seen is one of 3.27.
MOST_CHARACTERS = 39_000


def example(operation: Operation) -> dict[str, Any]:
    return operation.body_example


def test_every_operation_but_sessions_is_a_tool_and_has_a_guide() -> None:
    wanted = {name.replace(".", "_") for name in OPERATIONS if not name.startswith("session.")}
    assert set(served()) == set(ALL) == wanted
    assert {name.replace(".", "_") for name in GUIDES} == wanted


def test_the_dangerous_tools() -> None:
    dangerous = {name for name, one in ALL.items() if one.is_confirmed}
    assert dangerous == {"customer_erase", "customer_merge", "giftcard_replace", "loyalty_adjust", "loyalty_policy_put"}
    assert dangerous == {name.replace(".", "_") for name, guide in GUIDES.items() if guide.warning}


@TOOLS
def test_the_example_is_accepted(tool: Offered) -> None:
    Draft202012Validator.check_schema(tool.tool.input_schema)
    assert list(Draft202012Validator(tool.tool.input_schema).iter_errors(example(tool.operation))) == []
    check_names(tool.tool.input_schema, example(tool.operation))
    check_body(tool.operation, example(tool.operation))


@TOOLS
def test_the_schema_is_one_that_every_client_takes(tool: Offered) -> None:
    text = json.dumps(tool.tool.input_schema)
    assert tool.tool.input_schema["type"] == "object"
    for keyword in ("$ref", "$defs", "oneOf", "anyOf", "allOf", "not", "if", "pattern", "default"):
        assert f'"{keyword}":' not in text
    assert re.fullmatch("[a-z_]{1,64}", tool.tool.name)


def test_the_whole_list_is_short() -> None:
    """Without output schemas, too: they would be two thirds of it, and some clients hold an error against them."""
    tools = [one.tool.model_dump(mode="json", by_alias=True, exclude_none=True) for one in ALL.values()]
    assert not any("outputSchema" in tool for tool in tools)
    assert len(json.dumps(tools, ensure_ascii=False, separators=(",", ":"))) <= MOST_CHARACTERS


@TOOLS
def test_the_identity_and_the_token_are_arguments_where_they_mean_something(tool: Offered) -> None:
    properties = tool.tool.input_schema["properties"]
    assert (IDENTITY in properties) == (tool.operation.document or "").startswith("crm.")
    assert (TOKEN in properties) == (tool.operation.access is Access.DANGEROUS)
    assert not properties.keys() & {"command_id", *tool.operation.given}


@TOOLS
def test_the_description_says_what_it_does_and_when(tool: Offered) -> None:
    description = tool.tool.description or ""
    guide = GUIDES[tool.operation.name]
    assert description.startswith(f"{tool.operation.summary} ".strip())
    assert guide.when in description
    assert (guide.warning is None) is not tool.is_confirmed
    assert (guide.warning or "") in description


@TOOLS
def test_the_hints_are_true(tool: Offered) -> None:
    hints = tool.tool.annotations
    assert hints is not None
    reads = tool.operation.access is Access.READ
    assert bool(hints.read_only_hint) is reads
    assert not (reads and hints.destructive_hint)
    assert hints.destructive_hint or tool.operation.access is not Access.DANGEROUS
    assert hints.open_world_hint is False


def test_looking_at_a_card_is_no_plain_reading() -> None:
    """A wrong PIN counts, and the fifth freezes the card."""
    probes = {one.tool for one in served().values() if one.access is Access.PROBE}
    assert probes == {"giftcard_get", "giftcard_history"}
    for name in probes:
        hints = ALL[name].tool.annotations
        assert hints is not None
        assert (bool(hints.read_only_hint), hints.destructive_hint) == (False, False)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_without_permission_nothing_that_changes_anything_is_offered(mode: str) -> None:
    async with connected(allow_writes=False, mode=mode) as (client, _):
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {one.tool for one in served().values() if one.access is Access.READ}
    async with connected(allow_writes=True, mode=mode) as (client, _):
        assert {tool.name for tool in (await client.list_tools()).tools} == set(ALL)


async def test_only_the_tools_that_the_key_may_use_are_listed() -> None:
    async with connected(asks_scopes=True) as (client, api):  # the example's session: customer:read, loyalty:read
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {
            one.tool for one in served().values() if one.scope in {Scope.CUSTOMER_READ, Scope.LOYALTY_READ}
        }
        await client.list_tools()
    assert [asked.route for asked in api.asked] == ["/session/create", "/session/revoke"]  # asked once


async def test_all_tools_are_listed_while_the_api_does_not_say_what_the_key_may() -> None:
    refused = problem(Code.UNAUTHORIZED, "credentials_not_accepted")
    async with connected(in_turn(refused), asks_scopes=True) as (client, _):
        assert {tool.name for tool in (await client.list_tools()).tools} == set(ALL)


async def test_only_the_tools_that_were_named_are_offered() -> None:
    only = named(["giftcard", "customer_get"])
    async with connected(only=only) as (client, api):
        names = {tool.name for tool in (await client.list_tools()).tools}
        said = refusal(await client.call_tool("loyalty_earn", {"customer_id": "C", "points": 5}))
    assert names == {"customer_get", *(one.tool for one in served().values() if group(one) == "giftcard")}
    assert (said["reason"], api.asked) == ("tool_not_allowed", [])


@pytest.mark.parametrize("names", [["session"], ["customer.get"], ["customer", ""], []])
def test_names_of_no_tools_are_refused(names: list[str]) -> None:
    with pytest.raises(UnknownTools, match="the groups are customer, loyalty"):
        named(names)


def test_every_reason_of_the_api_has_a_meaning() -> None:
    of_other_requests = {
        ApiReason.UNKNOWN_ROUTE, ApiReason.METHOD_NOT_ALLOWED, ApiReason.NOT_JSON, ApiReason.BODY_TOO_SLOW,
        ApiReason.MALFORMED_REQUEST, ApiReason.HEAD_TOO_SLOW, ApiReason.SESSIONS_LIMITED,
    }  # fmt: skip
    assert {reason.value for reason in set(ApiReason) - of_other_requests} <= INTERFACES.keys()


def test_every_reason_has_a_meaning_and_no_page_names_a_tool_that_is_not_there() -> None:
    said = [*map(of_reason, Reason), *INTERFACES.values()]
    texts = [text for one in said for text in (one.meaning, one.advice)] + [guide.when for guide in GUIDES.values()]
    texts += [
        message.content.model_dump_json() for one in prompts.LISTED for message in prompts.get(one.name, {}).messages
    ]
    named = {
        word for text in texts for word in re.findall(r"\b(?:customer|loyalty|giftcard|tender|event)_[a-z_]+", text)
    }
    arguments = {name for one in ALL.values() for name in one.tool.input_schema["properties"]}
    assert named - arguments - set(Reason) <= set(ALL)
    assert all(f"`{reason}`" in as_page() for reason in (*Reason, *INTERFACES))
