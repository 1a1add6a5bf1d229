"""Structs derived from the models. With them, a document that has no escapes and names no card is read faster.

pydantic validates a model by its core schema. From the same schema we derive a msgspec struct with the same members
and limits, and the steps that msgspec can't take: our own validators. So the models stay the only source. If the
struct does not accept a document, the model reads it, or says what is wrong with it.

The struct accepts less than the model: no card, and no `null` for a member whose default is another value. Where it
accepts a document, its members have the model's values. `tests/codec/test_events.py` compares the two.
"""

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct
from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError

from schemas.scalars import ID_PATTERN, PARSERS, TEXT_PATTERN, Wire

__all__ = ["Model", "Quick", "Struct", "Underivable", "dump"]

Model = Wire | Struct
"""A document as it is read: an instance of its model, or of the struct that is derived from the model."""
Step = Callable[[Any], Any]

_SETTLED_TEXTS: Final = 1024  # of a member whose texts are checked here: quantities, of which there are few
_set = msgspec.structs.force_setattr


class Member(NamedTuple):
    """How a member is read: its type for msgspec, then the steps that the value takes, unless it is None."""

    type: Any
    steps: Sequence[Step] = ()
    recurs: bool = False  # its values are few texts that come again and again


class Field(NamedTuple):
    """A member of a struct whose values take steps."""

    name: str
    get: Callable[[Struct], Any]
    steps: Sequence[Step]
    recurs: bool


class Underivable(TypeError):
    """Only the model can read a member of this kind."""


class Quick:
    """Reads documents of a model fast, if no text in them has an escape."""

    def __init__(self, model: type[Wire], *, ascii_only: bool) -> None:
        """`ascii_only`: every text is printable ASCII. Raises Underivable for a model that requires a member that only
        the model can read.
        """
        self._matched = (None, TEXT_PATTERN, ID_PATTERN) if ascii_only else (None, TEXT_PATTERN)
        self.struct, fields, rules = self._struct(TypeAdapter(model).core_schema)
        self.decode: Callable[[bytes], Struct] = msgspec.json.Decoder(self.struct).decode
        self._finish = _finisher(fields, rules)

    def finish(self, struct: Struct) -> bool:
        """Take the steps that msgspec can't take, once. Return whether the document is valid."""
        try:
            self._finish(struct)
        except (PydanticCustomError, ValueError):
            return False
        return True

    def _member(self, schema: Any) -> Member:  # noqa: ANN401  # a core schema of pydantic, here and below
        match schema["type"]:
            case "bool":
                return Member(bool)
            case "int":
                return Member(Annotated[int, msgspec.Meta(ge=schema.get("ge"), le=schema.get("le"))])
            case "literal":
                return Member(Literal[tuple(schema["expected"])])
            case "str":
                pattern = schema.get("pattern")
                return Member(
                    Annotated[str, _length(schema)], () if pattern in self._matched else (_matching(pattern),)
                )
            case "tuple":
                return self._structs(schema)
            case "nullable":
                inner = self._member(schema["schema"])
                return inner._replace(type=inner.type | None)
            case "function-before":  # NullMeans
                return self._member(schema["schema"])
            case "function-after":
                return self._after(schema)
            case "function-plain" if schema["function"]["function"] in PARSERS:
                return Member(str, (PARSERS[schema["function"]["function"]],))
            case other:
                raise Underivable(other)

    def _after(self, schema: Any) -> Member:  # noqa: ANN401
        inner, steps, _ = self._member(schema["schema"])
        return Member(inner, (*steps, schema["function"]["function"]), recurs=schema["schema"]["type"] == "str")

    def _structs(self, schema: Any) -> Member:  # noqa: ANN401
        """A list of objects."""
        [item] = schema["items_schema"]
        struct, fields, rules = self._struct(item)
        each: Any = Annotated[tuple[struct, ...], _length(schema)]  # type: ignore[valid-type]  # made here
        return Member(each, _list_finishers(fields, rules))

    def _struct(self, schema: Any, *rules: Step) -> tuple[Any, list[Field], Sequence[Step]]:  # noqa: ANN401
        """Return a struct for a model, its members that take steps, and the rules across its members."""
        if schema["type"] == "function-after":
            return self._struct(schema["schema"], schema["function"]["function"], *rules)
        if schema["type"] != "model":
            raise Underivable(schema["type"])
        members: list[Any] = []
        fields: list[Field] = []
        for name, field in schema["schema"]["fields"].items():
            inner = field["schema"]
            if inner["type"] == "default":
                member = self._optional(inner["schema"])
                members.append((name, member.type, inner["default"]))
            else:
                member = self._member(inner)
                members.append((name, member.type))
            if member.steps:
                fields.append(Field(name, attrgetter(name), member.steps, member.recurs))
        # The members are texts, numbers and tuples of such structs, so no instance can be part of a cycle: no gc.
        made = msgspec.defstruct(
            schema["cls"].__name__, members, kw_only=True, frozen=True, gc=False, omit_defaults=True
        )  # fmt: skip
        return made, fields, rules

    def _optional(self, schema: Any) -> Member:  # noqa: ANN401
        try:
            return self._member(schema)
        except Underivable:
            return Member(None)


def dump(struct: Struct) -> dict[str, Any]:
    """Return the members as dicts and tuples, as `model_dump` does."""
    return {name: _dumped(getattr(struct, name)) for name in struct.__struct_fields__}


def _dumped(value: object) -> object:
    return tuple(map(dump, value)) if isinstance(value, tuple) else value


def _length(schema: Any) -> msgspec.Meta:  # noqa: ANN401
    return msgspec.Meta(min_length=schema.get("min_length"), max_length=schema.get("max_length"))


def _matching(pattern: str) -> Step:
    fullmatch = re.compile(pattern).fullmatch

    def check(text: str) -> str:
        if fullmatch(text) is None:
            raise ValueError(pattern)
        return text

    return check


def _finisher(fields: Sequence[Field], rules: Sequence[Step]) -> Step:
    """Return what takes all steps with one struct."""

    def finish(struct: Struct) -> Struct:
        for name, get, steps, _ in fields:
            value = before = get(struct)
            if value is None:
                continue
            for step in steps:
                value = step(value)
            if value is not before:
                _set(struct, name, value)
        for rule in rules:
            rule(struct)
        return struct

    return finish


def _list_finishers(fields: Sequence[Field], rules: Sequence[Step]) -> Sequence[Step]:
    """Return what takes all steps with a list of structs."""
    steps = [_unless_settled(field) for field in fields if field.recurs]
    others = [field for field in fields if not field.recurs]
    return [*steps, _for_each(_finisher(others, rules))] if others or rules else steps


def _for_each(step: Step) -> Step:
    def take(structs: Sequence[Struct]) -> Sequence[Struct]:
        for struct in structs:
            step(struct)
        return structs

    return take


def _unless_settled(field: Field) -> Step:
    """Return what takes the steps of a member whose texts recur: lists that have only texts that the steps left as they
    are, it skips.
    """
    get = field.get
    take_all = _for_each(_finisher([field], ()))
    settled: set[str | None] = {None}

    def take_others(structs: Sequence[Struct]) -> Sequence[Struct]:
        if settled.issuperset(map(get, structs)):
            return structs
        before = list(map(get, structs))
        take_all(structs)
        if len(settled) + len(structs) > _SETTLED_TEXTS:
            settled.clear()
        settled.update(None if text != get(struct) else text for struct, text in zip(structs, before, strict=True))
        return structs

    return take_others
