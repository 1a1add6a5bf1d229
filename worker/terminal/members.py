"""The members of an operation's body as a command line needs them: flat, each with a name, a form and its rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from schemas.currencies import CURRENCIES
from schemas.operations import OPERATIONS, Operation, body_schema
from schemas.scalars import ID_PATTERN

_SCALARS: Final = frozenset({"string", "integer", "boolean"})
_SECRETS: Final = frozenset({"number", "pin"})  # who knows these can pay


class Form(StrEnum):
    """The form of a member on a command line."""

    TEXT = "text"
    INTEGER = "integer"
    AMOUNT = "amount"  # money with a point, in the currency's decimals
    FLAG = "flag"
    CURRENCY = "currency"
    INSTANT = "instant"
    DATE = "date"
    TEXTS = "texts"  # repeated
    PAIRS = "pairs"  # repeated, name=id
    DOCUMENT = "document"  # a file with JSON
    ITEMS = "items"  # a file with a list as JSON


FILES: Final = frozenset({Form.DOCUMENT, Form.ITEMS})


@dataclass(frozen=True, slots=True)
class Member:
    """One member. `path` is its place in the body; `name` its option (with -) and its column in an import (with _)."""

    path: tuple[str, ...]
    name: str
    form: Form
    required: bool
    choices: tuple[str, ...] = ()
    range: tuple[int | None, int | None] = (None, None)
    about: str | None = None
    is_id: bool = False

    @property
    def option(self) -> str:
        """Return the option with its dashes, in the singular if it can be repeated."""
        name = self.name.removesuffix("s") if self.form in {Form.TEXTS, Form.PAIRS} else self.name
        return "--" + name.replace("_", "-")

    @property
    def is_money(self) -> bool:
        """Return whether the member is an amount in minor units."""
        return self.form is Form.INTEGER and self.name.endswith("_minor")

    @property
    def is_signed(self) -> bool:
        """Return whether a negative number means something."""
        lowest, _ = self.range
        return lowest is not None and lowest < 0

    @property
    def unit(self) -> str:
        """Return what a number counts, for a message; empty if its name says so."""
        return "minor units" if self.is_money else ""

    @property
    def is_secret(self) -> bool:
        """Return whether the value should not be in a shell's history."""
        return not _SECRETS.isdisjoint(self.path[-1:])


@cache
def members(name: str) -> tuple[Member, ...]:
    """Return the members of the body of operation `name`, in the model's order; `actor`, which is seldom needed, is
    last.
    """
    operation = OPERATIONS[name]
    schema = operation.request.model_json_schema()
    defined = schema.get("$defs", {})
    found = sorted(_flat(body_schema(operation, schema), defined, (), ()), key=lambda one: one.name == "actor")
    names = [member.name for member in found]
    if len(set(names)) != len(names):
        raise AssertionError(f"{name}: two members have one option")
    return tuple(found)


@cache
def amounts(name: str) -> tuple[Member, ...]:
    """Return the second way to write each `*_minor` member of the operation: `amount`, with the currency's decimals.

    Its path is that of the minor units. An operation whose body has no currency also gets a `currency` here, with an
    empty path: it only says how the amounts are written.
    """
    minor = filter(lambda one: one.is_money, members(name))
    found = [Member(one.path, one.name.removesuffix("_minor"), Form.AMOUNT, required=False) for one in minor]
    if found and all(one.form is not Form.CURRENCY for one in members(name)):
        found.append(Member((), "currency", Form.CURRENCY, required=False))
    return tuple(found)


def subject(name: str) -> Member | None:
    """Return the member whose option can be left out: the only id that the body needs, or None."""
    ids = [member for member in members(name) if member.is_id and member.required]
    return ids[0] if len(ids) == 1 else None


def by_path(operation: Operation) -> Mapping[tuple[str, ...], Member]:
    """Return every member of the body by its path."""
    return {member.path: member for member in members(operation.name)}


def _flat(
    schema: dict[str, Any], defined: dict[str, Any], path: tuple[str, ...], prefix: tuple[str, ...]
) -> Iterator[Member]:
    needed = schema.get("required", ())
    for name, node in schema["properties"].items():
        member = _plain(node, defined)
        if _is_part(member, defined):
            yield from _flat(member, defined, (*path, name), _prefix(name))
        else:
            yield _member(member, (*path, name), "_".join((*prefix, name)), required=not path and name in needed)


def _prefix(name: str) -> tuple[str, ...]:
    """Return the prefix of a part's options: none for `gift_card`, because there is one card; `from_card` gives
    `--from-number`.
    """
    return () if name == "gift_card" else (name.removesuffix("_card"),)


def _plain(node: dict[str, Any], defined: dict[str, Any]) -> dict[str, Any]:
    """Return the schema behind a reference, and without null."""
    if "$ref" in node:
        return _plain(
            defined[node["$ref"].rpartition("/")[2]] | {k: v for k, v in node.items() if k != "$ref"}, defined
        )
    ways = [way for way in node.get("anyOf", ()) if way != {"type": "null"}]
    if len(ways) != 1:
        return node
    inner = _plain(ways[0], defined)
    return inner | ({"description": node["description"]} if "description" in node else {})


def _is_part(node: dict[str, Any], defined: dict[str, Any]) -> bool:
    """Return whether an object has only a few scalars, so that each gets an option. Anything deeper is a file."""
    properties = node.get("properties")
    return properties is not None and all(_plain(one, defined).get("type") in _SCALARS for one in properties.values())


def _member(node: dict[str, Any], path: tuple[str, ...], name: str, *, required: bool) -> Member:
    choices = tuple(node.get("enum", ()))
    form = _form(node, choices)
    if name == "data":  # --data is the whole body
        name = "document"
    return Member(
        path=path,
        name=name,
        form=form,
        required=required,
        choices=() if form is Form.CURRENCY else choices,
        range=(node.get("minimum"), node.get("maximum")),
        about=node.get("description"),
        is_id=node.get("pattern") == ID_PATTERN and not choices,
    )


def _form(node: dict[str, Any], choices: tuple[str, ...]) -> Form:
    match node.get("type"):
        case "string" if choices == CURRENCIES:
            return Form.CURRENCY
        case "string":
            return {"date-time": Form.INSTANT, "date": Form.DATE}.get(node.get("format", ""), Form.TEXT)
        case "integer":
            return Form.INTEGER
        case "boolean":
            return Form.FLAG
        case "array":
            return Form.TEXTS if node["items"].get("type") == "string" else Form.ITEMS
        case _:
            return Form.PAIRS if _maps_texts(node) else Form.DOCUMENT


def _maps_texts(node: dict[str, Any]) -> bool:
    values = node.get("additionalProperties")
    named = next(iter(node.get("patternProperties", {}).values()), None)
    return any(isinstance(one, dict) and one.get("type") == "string" for one in (values, named))
