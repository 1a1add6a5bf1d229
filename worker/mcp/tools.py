"""The operations of the doors as MCP tools: made by looping over their table, nothing is written down twice."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import mcp_types as mcp
from jsonschema import Draft202012Validator

from schemas import door_examples
from schemas.json_schema import CURRENCY, Schema, standalone
from schemas.operations import OPERATIONS, Access, Operation, body_schema
from schemas.scalars import ID_PATTERN
from worker.mcp.guides import GUIDES
from worker.mcp.meanings import REASONS

IDENTITY: Final = "idempotency_key"
TOKEN: Final = "confirmation_token"  # noqa: S105 - the argument's name
CONFIRMATION: Final = "confirmation"
DOCUMENT: Final = "document"

# Some makers of models refuse a tool whose schema has one of these at its root; the guide says in words what they do.
_COMBINED: Final = ("oneOf", "anyOf", "allOf", "not", "if", "then", "else")
# Nearly two hundred codes in every tool would be most of what a model has to read; the API knows them.
_CURRENCY: Final[Schema] = {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217, as GBP"}

_MAPS: Final = ("properties", "$defs")  # whose keys are names and no keywords
_RULES: Final = ("minLength", "maxLength", "pattern", "minimum", "maximum")

_IDENTITY: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": ID_PATTERN,
    "description": "The document's identity, for ever: the same again with the same arguments gets the stored answer. "
    "Choose it before the first attempt, so that it can be repeated after any doubt; without it one is made.",
}
_TOKEN: Final[Schema] = {
    "type": "string",
    "maxLength": 128,
    "description": "Of the preview, once a person has agreed to it; the other arguments as they were.",
}
_DOCUMENT: Final[Schema] = {
    "type": "object",
    "description": "The document that this became, for `of`, event_explain and repeating.",
    "properties": {
        "type": {"type": "string"},
        "id": {"type": "string"},
        "replayed": {"type": "boolean", "description": "the stored answer of an earlier call: nothing new was done"},
        "tender_state": {"type": "string", "description": "with a replayed tender: its present state"},
    },
    "required": ["type", "replayed"],
    "additionalProperties": False,
}
_CONFIRMATION: Final[Schema] = {
    "type": "object",
    "description": "Nothing was done yet: what would happen, and what to call again with.",
    "properties": {
        "what_will_happen": {"type": "string"},
        "arguments": {"type": "object", "description": "as they came, for whoever is to agree"},
        "simulated": {"type": "object", "description": "the outcome that it would get now"},
        "changes": {"type": "array", "items": {"type": "string"}, "description": "to the policy in force, as a diff"},
        "do": {"type": "string"},
        TOKEN: {"type": "string"},
        "valid_s": {"type": "integer"},
        IDENTITY: {"type": "string"},
    },
    "required": ["what_will_happen", "arguments", "do", TOKEN, "valid_s", IDENTITY],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool, the operation behind it, and what checks its arguments."""

    operation: Operation
    tool: mcp.Tool
    validator: Draft202012Validator

    @property
    def is_confirmed(self) -> bool:
        """Whether it takes two calls: a preview, and its confirmation."""
        return self.operation.access is Access.DANGEROUS


def served() -> Mapping[str, Operation]:
    """By the tool's name every operation that is a tool: sessions are credentials, which no model needs."""
    return {one.tool: one for one in OPERATIONS.values() if not one.name.startswith("session.")}


def offered(allowed: frozenset[Access]) -> Mapping[str, Offered]:
    """The tools by name of the operations whose access is allowed."""
    return {name: _offered(one) for name, one in served().items() if one.access in allowed}


def takes_identity(operation: Operation) -> bool:
    """A tender's identity is its `tender_id`, a member of its own (contract §2.1)."""
    return operation.id_field == "command_id"


@functools.cache  # a schema takes milliseconds
def _offered(operation: Operation) -> Offered:
    schema = _input(operation)
    shown = {name: part for name, part in schema.items() if name not in _COMBINED}
    tool = mcp.Tool(
        name=operation.tool,
        title=operation.name.replace(".", " ").capitalize(),
        description=_description(operation),
        input_schema=shown,
        output_schema=_output(operation),
        annotations=_annotations(operation),
    )
    return Offered(operation, tool, Draft202012Validator(schema))


def _annotations(operation: Operation) -> mcp.ToolAnnotations:
    reads = operation.access is Access.READ
    return mcp.ToolAnnotations(
        read_only_hint=reads,
        destructive_hint=not reads and not GUIDES[operation.name].adds,
        # Of a command only with an identity of the caller's choice, and a hint knows no "only if".
        idempotent_hint=reads or operation.name in {"tender.capture", "tender.void"},
        open_world_hint=False,
    )


def _compact(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without the list of currencies and titles that repeat the model's name."""
    if isinstance(node, list):
        return [_compact(one) for one in node]
    if not isinstance(node, dict):
        return node
    named = {name: {key: _compact(part) for key, part in node[name].items()} for name in _MAPS if name in node}
    rest = {key: _compact(part) for key, part in node.items() if key not in {"title", "$schema", *_MAPS}}
    return {**rest, **named}


def _schema(operation: Operation, *, of_answer: bool) -> Schema:
    schema = standalone(operation.answer) if of_answer else body_schema(operation, standalone(operation.request))
    if CURRENCY in schema.get("$defs", {}):
        schema["$defs"][CURRENCY] = _CURRENCY
    compact: Schema = _compact(schema)
    return compact


def _closed(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same, refusing members that it does not name: a model that makes one up shall hear of it."""
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(part) for key, part in node.items()}
    if node.get("type") == "object" and isinstance(node.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def _input(operation: Operation) -> Schema:
    schema: Schema = _closed(_schema(operation, of_answer=False))
    own = {IDENTITY: _IDENTITY} if takes_identity(operation) else {}
    if operation.access is Access.DANGEROUS:
        own[TOKEN] = _TOKEN
    schema["properties"] = {**schema["properties"], **own}
    schema.pop("description", None)  # the model's, of the whole document: the tool has its own
    return schema


def _open(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same without the rules that only the API has to keep: an answer's schema says what to expect."""
    if isinstance(node, list):
        return [_open(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: part for key, part in node.items() if key not in _RULES}
    if node.get("type") == "object":
        kept = {key: part for key, part in kept.items() if key not in _COMBINED}
    return {key: _open(part) for key, part in kept.items()}


def _output(operation: Operation) -> Schema:
    schema: Schema = _open(_schema(operation, of_answer=True))
    if operation.document is not None:
        schema["properties"] = {**schema["properties"], DOCUMENT: _DOCUMENT}
    if operation.access is Access.DANGEROUS:
        schema["properties"] = {**schema["properties"], CONFIRMATION: _CONFIRMATION}
        schema.pop("required", None)  # a preview has nothing of the outcome
    return schema


def _description(operation: Operation) -> str:
    guide = GUIDES[operation.name]
    example = json.dumps(door_examples.request(operation), ensure_ascii=False)
    parts = [f"{operation.summary} {guide.when}"]
    if operation.access is Access.DANGEROUS:
        parts.append(
            f"{guide.warning} Takes two calls: the first does nothing and gives a preview and a `{TOKEN}`; show the "
            f"preview to a person; the second, with the token and the same arguments, does it."
        )
    parts.append(f"Example: {example}")
    if operation.refusals:
        refusals = [f"- {one.value}: {REASONS[one].is_so}. {REASONS[one].do}" for one in operation.refusals]
        parts.append("\n".join(["It can be refused as:", *refusals]))
    if operation.document is not None:
        parts.append(
            f"Becomes a {operation.document}. An error with code unavailable leaves open whether it was done: call "
            f"again with the same {IDENTITY if takes_identity(operation) else 'tender_id'} and arguments."
        )
    if operation.scope is not None:
        parts.append(f"Needs the scope {operation.scope.value}.")
    return "\n\n".join(parts)
