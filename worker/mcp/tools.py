"""The operations of the API as MCP tools, made from the table of operations."""

import functools
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import mcp_types as mcp

from schemas.json_schema import Schema
from schemas.operations import OPERATIONS, Access, Operation
from worker.mcp import lean
from worker.mcp.guides import GUIDES

IDENTITY: Final = "idempotency_key"
TOKEN: Final = "confirmation_token"  # noqa: S105 - the argument's name
CONFIRMATION: Final = "confirmation"
DOCUMENT: Final = "document"

_IDENTITY: Final[Schema] = {
    "type": "string",
    "description": "your id for this change; keep it when you repeat the call",
}
_TOKEN: Final[Schema] = {"type": "string", "description": "from the preview, once a person has agreed to it"}
_TWO_CALLS: Final = f"The first call only returns a preview and a {TOKEN}; the second, with the token, does it."


class UnknownTools(Exception):
    """A name is neither a tool nor a group of tools. The message lists the groups."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool and the operation behind it."""

    operation: Operation
    tool: mcp.Tool

    @property
    def is_confirmed(self) -> bool:
        """Return whether the tool takes two calls: a preview, and its confirmation."""
        return self.operation.access is Access.DANGEROUS


def served() -> Mapping[str, Operation]:
    """Return every operation that is a tool, by the tool's name. Sessions are credentials, which no model needs."""
    return {one.tool: one for one in OPERATIONS.values() if group(one) != "session"}


def group(operation: Operation) -> str:
    """Return the group of an operation's tool, which is the first word of its name."""
    return operation.name.partition(".")[0]


def named(names: Iterable[str]) -> frozenset[str]:
    """Return the tools of these groups and tool names. Raises UnknownTools."""
    by_group: dict[str, set[str]] = {}
    for tool, operation in served().items():
        by_group.setdefault(group(operation), set()).add(tool)
    found: set[str] = set()
    for name in names:
        if name not in by_group and name not in served():
            raise UnknownTools(f"{name!r} is no group and no tool; the groups are {', '.join(by_group)}")
        found |= by_group.get(name, {name})
    if not found:
        raise UnknownTools(f"no tools are named; the groups are {', '.join(by_group)}")
    return frozenset(found)


def offered(allowed: Collection[Access], only: Collection[str] | None = None) -> Mapping[str, Offered]:
    """Return the tools whose operation has an allowed access, by name; with `only`, those of these names."""
    return {
        name: _offered(one)
        for name, one in served().items()
        if one.access in allowed and (only is None or name in only)
    }


def takes_identity(operation: Operation) -> bool:
    """Return whether the tool has an `idempotency_key`. A tender's identity is its `tender_id` (contract §2.1)."""
    return operation.id_field == "command_id"


@functools.cache  # building a schema takes milliseconds
def _offered(operation: Operation) -> Offered:
    tool = mcp.Tool(
        name=operation.tool,
        description=_description(operation),
        input_schema=_input(operation),
        annotations=_annotations(operation),
    )
    return Offered(operation, tool)


def _annotations(operation: Operation) -> mcp.ToolAnnotations:
    """Return the annotations that differ from the protocol's defaults, or that a default would leave open."""
    if operation.access is Access.READ:
        return mcp.ToolAnnotations(read_only_hint=True, open_world_hint=False)
    destroys = operation.access is not Access.PROBE and not GUIDES[operation.name].adds
    return mcp.ToolAnnotations(destructive_hint=destroys, open_world_hint=False)


def _input(operation: Operation) -> Schema:
    schema = lean.arguments(operation)
    if takes_identity(operation):
        schema["properties"][IDENTITY] = _IDENTITY
    if operation.access is Access.DANGEROUS:
        schema["properties"][TOKEN] = _TOKEN
    return schema


def _description(operation: Operation) -> str:
    guide = GUIDES[operation.name]
    parts = [operation.summary, guide.when]
    if guide.warning is not None:
        parts += [guide.warning, _TWO_CALLS]
    if guide.has_example:
        parts.append(f"Example: {json.dumps(operation.body_example, separators=(',', ':'))}")
    return " ".join(part for part in parts if part)
