"""A tool's arguments against its schema: what is wrong, told in paths and rules, never in values."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from schemas.problems import Code
from worker.mcp.refusals import Refused

MAX_BYTES: Final = 1 << 20  # of a body, as the API's own
MAX_DEPTH: Final = 32  # a policy has five
SHOWN: Final = 3
_NULL: Final = {"type": "null"}

Arguments = Mapping[str, Any]


def canonical(arguments: Arguments) -> bytes:
    """The one way to write them as JSON. Raises Refused of what JSON in UTF-8 can't hold, or is too much of it."""
    if _depth(arguments) > MAX_DEPTH:
        raise _invalid(f"data: more than {MAX_DEPTH} levels deep")
    try:
        text = json.dumps(arguments, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        data = text.encode()
    except ValueError:  # not a number, half a surrogate pair, an integer of thousands of digits
        raise _invalid("data: a number or a text that JSON can't hold") from None
    if len(data) > MAX_BYTES:
        raise Refused(Code.TOO_LARGE, "body_too_large", f"the arguments have more than {MAX_BYTES} bytes")
    return data


def check(validator: Draft202012Validator, arguments: Arguments) -> None:
    """Raises Refused that names the first three that are not right."""
    named = frozenset(_names(validator.schema))
    told = dict.fromkeys(
        f"{_path(leaf, named)}: {_rule(leaf)}" for error in validator.iter_errors(arguments) for leaf in _leaves(error)
    )
    if told:
        shown = "; ".join(list(told)[:SHOWN])
        raise _invalid(f"{shown}; {len(told) - SHOWN} more" if len(told) > SHOWN else shown)


def _invalid(detail: str) -> Refused:
    return Refused(Code.INVALID_REQUEST, "invalid", detail)


def _depth(node: object) -> int:
    """How deep it is nested; without recursion, which is what too deep a one would break."""
    depth, level = 0, [node]
    while level := [part for one in level for part in _parts(one)]:
        depth += 1
    return depth


def _parts(node: object) -> Iterable[Any]:
    if isinstance(node, Mapping):
        return node.values()
    return node if isinstance(node, list) else ()


def _names(schema: object) -> Iterator[str]:
    """Every member's name that the schema knows."""
    if isinstance(schema, Mapping):
        yield from schema.get("properties", ())
    for part in _parts(schema):
        yield from _names(part)


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Of "this or null" what is wrong with this: that null would do helps nobody."""
    wanted: Any = error.validator_value
    if error.validator == "anyOf" and _NULL in wanted:
        null = wanted.index(_NULL)
        for one in error.context or ():
            if one.schema_path[0] != null:
                yield from _leaves(one)
    else:
        yield error


def _path(error: ValidationError, named: frozenset[str]) -> str:
    """`gift_card.number`, `lines[3].net_minor`; a key that the schema does not name is `*`, all of it is `data`."""
    path = ""
    for step in error.absolute_path:
        path += f"[{step}]" if isinstance(step, int) else f".{step if step in named else '*'}"
    return path.removeprefix(".") or "data"


def _rule(error: ValidationError) -> str:
    """Made of the schema alone, never of what was sent: jsonschema's own message quotes it."""
    wanted: Any = error.validator_value
    instance: Any = error.instance
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties" if schema.get("properties"):
            return f"an unknown member; known are {', '.join(schema['properties'])}"
        case "required":
            return f"{', '.join(name for name in wanted if name not in instance)} missing"
        case "enum":
            return f"must be one of {', '.join(map(str, wanted))}"
        case "oneOf":
            return f"must be exactly one of: {'; or '.join(map(_alternative, wanted))}"
        case "type":
            return f"must be {wanted}"
        case rule:
            return f"{rule} {json.dumps(wanted)}"


def _alternative(branch: Mapping[str, Any]) -> str:
    """`points`, or `kind gift_card and gift_card`: what one of several shapes has."""
    consts = [f"{name} {rule['const']}" for name, rule in branch.get("properties", {}).items() if "const" in rule]
    names = [name for part in (branch, *branch.get("allOf", ())) for name in part.get("required", ())]
    return " and ".join([*consts, *names])
