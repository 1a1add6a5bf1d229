"""The contract's page and the models say the same."""

import re
from collections import defaultdict
from typing import Any

import pytest
from pydantic import BaseModel

from schemas.operations import OPERATIONS
from schemas.outcomes import NOTICES, OutcomeData
from schemas.policy import DEFAULT_POLICY
from schemas.reasons import DeadLetterReason
from schemas.registry import DOCUMENTS
from tests.schemas.contract_page import LINES, PAGE, codes, rows, section

RULE = re.compile(r"- \*\*([A-Z]+)([0-9]+)\*\* \S.*\S$")


def test_no_line_is_too_long() -> None:
    assert [line for line in LINES if len(line) > 120] == []


def test_every_rule_is_one_line_with_an_example_below_it() -> None:
    for line, below in zip(LINES, [*LINES[1:], ""], strict=True):
        if line.startswith("- "):
            assert RULE.match(line), line
            assert below.startswith("  E.g. "), line


def test_the_rules_of_a_name_are_numbered_without_a_gap() -> None:
    numbers = defaultdict(list)
    for line in LINES:
        if rule := RULE.match(line):
            numbers[rule[1]].append(int(rule[2]))
    assert numbers == {name: list(range(1, len(of) + 1)) for name, of in numbers.items()}


def test_every_rule_that_the_page_names_exists() -> None:
    rules = {f"{rule[1]}{rule[2]}" for line in LINES if (rule := RULE.match(line))} | {
        cells[0] for cells in rows("#### Tenders")
    }
    prefixes = "|".join(sorted({re.sub(r"\d", "", rule) for rule in rules}))
    named = set(re.findall(rf"\b(?:{prefixes})\d+", PAGE))
    named |= {
        f"{prefix}{number}"
        for prefix, first, last in re.findall(rf"\b({prefixes})(\d+)–(\d+)", PAGE)
        for number in range(int(first), int(last) + 1)
    }
    assert named - rules == set()


def _members(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _with_items(model: type[BaseModel]) -> set[str]:
    """The members of a model, and as `lines[].sku` those of the items of its lists."""
    schema = model.model_json_schema()
    members = set(schema["properties"])
    for name, member in schema["properties"].items():
        (items,) = [one["items"] for one in (member, *member.get("anyOf", ())) if "items" in one] or [None]
        if items is not None:
            members |= {f"{name}[].{inner}" for inner in schema["$defs"][items["$ref"].split("/")[-1]]["properties"]}
    return members


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("scm.")])
def test_every_member_of_a_document_is_in_its_table(name: str) -> None:
    said = {member.strip("?") for cells in rows(f"#### `{name}`") for member in codes(cells[0])}
    assert said - {"lines[].gift_card.load_minor"} == _with_items(DOCUMENTS[name].model)


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("crm.")])
def test_every_member_of_a_command_is_in_the_table_of_commands(name: str) -> None:
    table: dict[str, str] = {}
    for first, members in rows("### 2.3 Commands"):
        last = first.strip("`") or list(table)[-1]
        table[last] = f"{table.get(last, '')} {members}"
    said = {member.rstrip("?").split(".")[0] for member in codes(table[name])}
    if name == "crm.customer.update":
        said |= _members(DOCUMENTS["crm.customer.create"].model)
    assert _members(DOCUMENTS[name].model) - {"command_id", "occurred_at", "actor"} <= said


def test_every_route_is_listed() -> None:
    listed = {route for line in section("## 5 HTTP, CLI, MCP") for route in codes(line)}
    assert {operation.route for operation in OPERATIONS.values()} - listed == set()


def test_dead_letter_reasons_are_listed() -> None:
    assert [codes(cells[0])[0] for cells in rows("### 3.4 Dead letters") if cells[0]] == list(DeadLetterReason)


def test_notices_are_listed() -> None:
    listed = {name for cells in rows("### 3.1 Topics") for name in codes(cells[0])}
    assert set(NOTICES) <= listed


def test_every_member_of_an_outcome_is_listed() -> None:
    listed = {re.sub(r"\W+$", "", name) for cells in rows("### 3.2 Envelope and data") for name in codes(cells[0])}
    assert _members(OutcomeData) <= listed


def _paths(value: Any) -> set[str]:  # noqa: ANN401  # JSON
    if not isinstance(value, dict):
        return set()
    return {f'"{name}":' for name in value} | {found for name in value for found in _paths(value[name])}


def test_every_member_of_a_policy_is_in_the_default_policy() -> None:
    page = "\n".join(section("## 4 The policy"))
    assert [name for name in _paths(DEFAULT_POLICY.wire_form()) if name not in page] == []
