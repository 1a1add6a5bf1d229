"""openapi.json has nothing that the usual generators of clients stumble over."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.json_schema import definitions
from schemas.openapi import document
from schemas.operations import OPERATIONS
from schemas.portable import RULES, portable

SCHEMAS: dict[str, Any] = document()["components"]["schemas"]
NULL = {"type": "null"}


def nodes(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # any JSON
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(part)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_that_generators_understand(name: str) -> None:
    assert re.fullmatch("[A-Z][A-Za-z0-9]+", name), "the name of a class, without its module"
    for node in nodes(SCHEMAS[name]):
        assert not node.keys() & {"oneOf", "allOf", "not", "if", "then", "patternProperties", "default"}
        if "anyOf" in node:
            one, null = node["anyOf"]
            assert (null, one.keys() & {"properties", "anyOf"}) == (NULL, set())
        assert node.get("type") != ["object", "null"], "Java clients would send an empty map"
        if "format" in node:
            assert "pattern" not in node


def test_an_answer_has_no_null() -> None:
    for name in ("OutcomeData", "Points", "CustomerView", "HistoryPage", "Problem"):
        assert NULL not in list(nodes(SCHEMAS[name]))
        assert '"null"' not in json.dumps(SCHEMAS[name])


def test_every_rule_across_members_is_said_in_words() -> None:
    models = [one.request for one in OPERATIONS.values()] + [one.answer for one in OPERATIONS.values()]
    _, plain = definitions(models)
    across = {name for name, schema in plain.items() if schema.keys() & {"oneOf", "anyOf", "allOf", "not", "if"}}
    assert across <= RULES.keys()
    assert all(SCHEMAS[name]["description"].endswith(RULES[name]) for name in across)


def test_defaults_and_what_is_no_value_are_said_in_words() -> None:
    told = portable(
        "CustomerList",
        {
            "properties": {
                "limit": {"anyOf": [{"type": "integer"}, NULL], "default": 50, "description": "rows"},
                "points": {"type": "integer", "not": {"const": 0}},
                "card": {"anyOf": [{"$ref": "#/x"}, NULL], "default": {"number": None}},
            },
            "required": [],
        },
        is_answer=False,
    )
    assert told == {
        "properties": {
            "limit": {"type": ["integer", "null"], "description": "rows. Default: 50."},
            "points": {"type": "integer", "description": "Not 0."},
            "card": {"anyOf": [{"$ref": "#/x"}, NULL]},
        }
    }
