"""What the list of tools says: typed, told, and no more than was allowed."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas import door_examples
from schemas.operations import OPERATIONS, Access, Operation
from schemas.problems import DoorReason
from schemas.reasons import Reason
from tests.mcp.connecting import connected
from worker.mcp import prompts
from worker.mcp.guides import GUIDES
from worker.mcp.meanings import DOORS, REASONS, as_page
from worker.mcp.tools import CONFIRMATION, DOCUMENT, IDENTITY, TOKEN, Offered, offered, served

ALL = offered(frozenset(Access))
TOOLS = pytest.mark.parametrize("tool", [pytest.param(one, id=name) for name, one in ALL.items()])
MOST_BYTES = 14_000  # of a tool: a model reads all of them before it does anything


def example(operation: Operation) -> dict[str, Any]:
    return door_examples.request(operation)


def test_every_operation_but_sessions_is_a_tool_and_has_a_guide() -> None:
    wanted = {name.replace(".", "_") for name in OPERATIONS if not name.startswith("session.")}
    assert set(served()) == set(ALL) == wanted
    assert {name.replace(".", "_") for name in GUIDES} == wanted


def test_what_is_dangerous() -> None:
    dangerous = {name for name, one in ALL.items() if one.is_confirmed}
    assert dangerous == {"customer_erase", "customer_merge", "loyalty_adjust", "loyalty_policy_put"}
    assert dangerous == {name.replace(".", "_") for name, guide in GUIDES.items() if guide.warning}


@TOOLS
def test_the_example_is_accepted(tool: Offered) -> None:
    tool.validator.check_schema(tool.validator.schema)
    assert list(tool.validator.iter_errors(example(tool.operation))) == []


@TOOLS
def test_the_schema_is_one_that_every_client_takes(tool: Offered) -> None:
    schema = tool.tool.input_schema
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not schema.keys() & {"oneOf", "anyOf", "allOf", "not"}
    assert len(tool.tool.model_dump_json(exclude_none=True)) < MOST_BYTES
    assert re.fullmatch("[a-z_]{1,64}", tool.tool.name)


@TOOLS
def test_the_identity_and_the_token_are_arguments_where_they_mean_something(tool: Offered) -> None:
    properties = tool.tool.input_schema["properties"]
    assert (IDENTITY in properties) == (tool.operation.document or "").startswith("crm.")
    assert (TOKEN in properties) == (tool.operation.access is Access.DANGEROUS)
    assert not properties.keys() & {"command_id", "occurred_at"}


@TOOLS
def test_the_description_tells_an_example_and_every_refusal(tool: Offered) -> None:
    description = tool.tool.description or ""
    assert json.dumps(example(tool.operation), ensure_ascii=False) in description
    for reason in tool.operation.refusals:
        assert f"- {reason.value}: {REASONS[reason].is_so}" in description
    if tool.operation.scope is not None:
        assert f"scope {tool.operation.scope.value}" in description


@TOOLS
def test_the_answer_is_as_the_schema_says(tool: Offered) -> None:
    schema = tool.tool.output_schema or {}
    answer = dict(door_examples.ANSWERS[tool.operation.name])
    if tool.operation.document is not None:
        answer[DOCUMENT] = {"type": tool.operation.document, "id": "x", "replayed": False}
    assert list(Draft202012Validator(schema).iter_errors(answer)) == []
    assert (CONFIRMATION in schema["properties"]) == tool.is_confirmed


@TOOLS
def test_the_hints_are_true(tool: Offered) -> None:
    hints = tool.tool.annotations
    assert hints is not None
    reads = tool.operation.access is Access.READ
    assert hints.read_only_hint is reads
    assert not (reads and (hints.destructive_hint or not hints.idempotent_hint))
    assert hints.destructive_hint or tool.operation.access is not Access.DANGEROUS


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_without_permission_nothing_that_changes_anything_is_offered(mode: str) -> None:
    async with connected(allow_writes=False, mode=mode) as (client, _):
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {one.tool for one in OPERATIONS.values() if one.access is Access.READ}
    async with connected(allow_writes=True, mode=mode) as (client, _):
        assert {tool.name for tool in (await client.list_tools()).tools} == set(ALL)


def test_what_the_api_itself_may_say_of_a_tool_has_a_meaning() -> None:
    of_other_requests = {
        DoorReason.UNKNOWN_ROUTE, DoorReason.METHOD_NOT_ALLOWED, DoorReason.NOT_JSON, DoorReason.BODY_TOO_SLOW,
    }  # fmt: skip
    assert {reason.value for reason in set(DoorReason) - of_other_requests} <= DOORS.keys()


def test_every_reason_has_a_meaning_and_no_page_names_a_tool_that_is_not_there() -> None:
    assert set(REASONS) == set(Reason)
    said = [*REASONS.values(), *DOORS.values()]
    texts = [text for one in said for text in (one.is_so, one.do)] + [guide.when for guide in GUIDES.values()]
    texts += [
        message.content.model_dump_json() for one in prompts.LISTED for message in prompts.get(one.name, {}).messages
    ]
    named = {
        word for text in texts for word in re.findall(r"\b(?:customer|loyalty|giftcard|tender|event)_[a-z_]+", text)
    }
    arguments = {name for one in ALL.values() for name in one.tool.input_schema["properties"]}
    reasons = {reason.value for reason in REASONS}
    assert named - arguments - reasons <= set(ALL)
    assert all(f"`{reason}`" in as_page() for reason in (*(one.value for one in REASONS), *DOORS))
