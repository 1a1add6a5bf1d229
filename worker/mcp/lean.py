"""JSON Schemas of tool arguments, as short as a model can work with.

A model reads the schemas of all tools before it does anything, so every byte counts. They leave out patterns, lengths,
currencies and the parts of a policy. The API's models check these, and their messages say what would be right.
"""

from collections.abc import Mapping
from typing import Final

from schemas.json_schema import CURRENCY, Schema, standalone
from schemas.operations import Operation, body_schema
from worker.terminal import words

_KEPT: Final = ("type", "enum", "format", "minimum")
_NULL: Final[Schema] = {"type": "null"}
# Members that are shown as plain objects, and where a model can read about them.
_CLOSED: Final[Mapping[str, str]] = {
    "policy": "the whole policy, as loyalty_policy_get answers it; members left out take the default's values",
    "data": "the document's data; its id and occurred_at may be left out",
    "external_ids": "ids of this customer in other systems, by the system's name",
}


def arguments(operation: Operation) -> Schema:
    """Return the schema of the operation's body: one object, without references and without alternatives."""
    schema = body_schema(operation, standalone(operation.request))
    return _object(schema, schema.get("$defs", {}))


def _object(schema: Schema, defined: Mapping[str, Schema]) -> Schema:
    properties = {name: _member(name, node, defined) for name, node in schema["properties"].items()}
    required = schema.get("required")
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _member(name: str, node: Schema, defined: Mapping[str, Schema]) -> Schema:
    if name in _CLOSED:
        return {"type": "object", "description": _CLOSED[name]}
    lean = _value(node, defined)
    about = words.MEMBERS.get(name) or node.get("description")
    return {**lean, "description": about} if about else lean


def _value(node: Schema, defined: Mapping[str, Schema]) -> Schema:
    """Return the schema behind a reference, and without null."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return {"type": "string"} if name == CURRENCY else _value(defined[name], defined)
    if "anyOf" in node:
        (one,) = (way for way in node["anyOf"] if way != _NULL)
        return _value(one, defined)
    if "properties" in node:
        return _object(node, defined)
    if "items" in node:
        return {"type": "array", "items": _value(node["items"], defined)}
    if "const" in node:
        return {"type": "string", "enum": [node["const"]]}
    return {key: node[key] for key in _KEPT if key in node}
