"""JSON Schemas from which the usual generators make good clients: for the OpenAPI file.

They omit what generators get wrong. Rules across members are described in words, because generators make several
classes from a `oneOf`. Defaults are described in words, too, because TypeScript generators make a member with a default
required. The JSON Schemas in `schemas/json/` and the AsyncAPI file keep both.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from schemas.json_schema import Schema

_NULL: Final[Schema] = {"type": "null"}
_ACROSS: Final = ("oneOf", "anyOf", "allOf", "not", "if", "then", "else")
# The rules across members in words, by model.
RULES: Final[Mapping[str, str]] = {
    "CardRef": "Either `number` or `card_id`.",
    "GiftCard": "Either all of the card's members are present, or only `reason`.",
    "LoyaltyEarn": "Either `points`, or `amount_minor` and `currency`.",
    "Points": "Either all of the account's members are present, or none.",
    "Refund": (
        "With the kind gift_card: either `tender_id` or `gift_card`. With the kind points: `tender_id`. With any other "
        "kind: no `gift_card`."
    ),
    "ReturnCompleted": "If there is a `sale_id`, each line has a `sale_line_id`.",
    "SaleLine": "A line with a `gift_card` has the item_type gift_card.",
    "SoldCard": "Either `number` or `card_id`.",
    "TenderRequested": "With the kind gift_card, `gift_card` is required; with the kind points, `customer_id`.",
}
_VALUES: Final[Mapping[str, str]] = {'{"const": 0}': "Not 0."}  # of `not`, of one member


def portable(name: str, schema: Schema, *, is_answer: bool) -> Schema:
    """Return the schema of a model. In an answer nothing is null: a missing value is absent."""
    plain = {key: part for key, part in schema.items() if key not in (*_ACROSS, "properties")}
    if any(key in schema for key in _ACROSS):
        plain["description"] = _sentences(schema.get("description"), RULES[name])
    properties = schema.get("properties", {})
    if properties:
        plain["properties"] = {key: _member(part, is_answer=is_answer) for key, part in properties.items()}
    if not plain.get("required", True):
        del plain["required"]
    return plain


def answers(names: Iterable[str], schemas: Mapping[str, Schema], excepted: str) -> frozenset[str]:
    """Return the names of these schemas and of all that they refer to, except the tree of `excepted`."""
    found: set[str] = set()
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        if name not in found and name != excepted:
            found.add(name)
            open_names += _refs(schemas[name])
    return frozenset(found)


def _refs(node: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for part in node.values():
            yield from _refs(part)
    elif isinstance(node, list):
        for part in node:
            yield from _refs(part)


def _member(node: Schema, *, is_answer: bool) -> Schema:
    text = node.get("description")
    if "default" in node and not isinstance(node["default"], dict):  # an object's default is that of its members
        text = _sentences(text, f"Default: {json.dumps(node['default'], ensure_ascii=False)}.")
    if "not" in node:
        text = _sentences(text, _VALUES[json.dumps(node["not"])])
    ways = [way for way in node.get("anyOf", ()) if way != _NULL]
    is_nullable = len(ways) < len(node.get("anyOf", ()))
    if len(ways) > 1:
        raise AssertionError("a member of several shapes: no generator makes good code of it")
    inner = ways[0] if ways else node
    plain = {key: part for key, part in inner.items() if key not in ("default", "description", "not", "title")}
    if "format" in plain:  # generators make a date of it, to which a pattern doesn't apply
        plain.pop("pattern", None)
    if is_nullable and not is_answer:
        plain = _nullable(plain)
    return {**plain, **({"description": text} if text else {})}


def _nullable(plain: Schema) -> Schema:
    # If `type` says that a map may be null, openapi-generator's Java client sends an empty map unless it is set: each
    # customer.update would delete all external ids.
    if "$ref" in plain or "enum" in plain or "const" in plain or plain["type"] == "object":
        return {"anyOf": [plain, _NULL]}
    return {**plain, "type": [plain["type"], "null"]}


def _sentences(*texts: str | None) -> str:
    return " ".join(one if one.endswith((".", ":")) else f"{one}." for one in texts if one)
