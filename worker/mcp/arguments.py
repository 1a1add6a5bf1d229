"""Check a tool's arguments before the API is called, by the API's rules and with its messages, and refuse unknown
members.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from schemas import bodies
from schemas.errors import detail
from schemas.json_schema import Schema
from schemas.operations import Operation
from schemas.problems import Code
from worker.mcp.refusals import Refused

MAX_BYTES: Final = 1 << 20  # bytes of a body, as in the API
MAX_DEPTH: Final = 32  # levels; a policy has five

Arguments = Mapping[str, Any]


def canonical(arguments: Arguments) -> bytes:
    """Return the arguments as JSON; equal arguments give equal bytes. Raises Refused if JSON can't hold them, or if
    they are too long or too deep.
    """
    if _depth(arguments) > MAX_DEPTH:
        raise _invalid(f"data: more than {MAX_DEPTH} levels deep")
    try:
        text = json.dumps(arguments, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        data = text.encode()
    except ValueError:  # NaN, half a surrogate pair, an integer with thousands of digits
        raise _invalid("data: a number or a text that JSON can't hold") from None
    if len(data) > MAX_BYTES:
        raise Refused(Code.TOO_LARGE, "body_too_large", f"the arguments have more than {MAX_BYTES} bytes")
    return data


def check_names(schema: Schema, arguments: Arguments) -> None:
    """Refuse members that are not in the schema. The API would ignore them, and a model should learn that it made one
    up. The message names the members that exist, never the one that was sent.
    """
    for path, known in _unknown(schema, arguments, ""):
        raise _invalid(f"{path or 'arguments'}: an unknown member; known are {', '.join(known)}")


def check_body(operation: Operation, body: Arguments) -> None:
    """Raise Refused with the API's message if the body is invalid."""
    try:
        bodies.check(operation, body)
    except ValidationError as error:
        raise _invalid(detail(error)) from None


def _invalid(text: str) -> Refused:
    return Refused(Code.INVALID_REQUEST, "invalid", text)


def _unknown(schema: Schema, value: object, path: str) -> Iterator[tuple[str, Iterable[str]]]:
    """Return where an unknown member is, and the names that are known there."""
    if isinstance(value, Mapping) and "properties" in schema:
        known = schema["properties"]
        if value.keys() - known.keys():
            yield path, known
        for name in value.keys() & known.keys():
            yield from _unknown(known[name], value[name], f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            yield from _unknown(schema["items"], item, f"{path}[{place}]")


def _depth(node: object) -> int:
    """Return how deep the value is nested. Not recursive, because deep nesting would exhaust the stack."""
    depth, level = 0, [node]
    while level := [part for one in level for part in _parts(one)]:
        depth += 1
    return depth


def _parts(node: object) -> Iterable[Any]:
    if isinstance(node, Mapping):
        return node.values()
    return node if isinstance(node, list) else ()
