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
    """How a member is read: its type for msgspec, then the step that the value takes, unless it is None."""

    type: Any
    step: Step | None = None
    recurs: bool = False  # its values are few texts that come again and again


class Underivable(TypeError):
    """Only the model can read a member of this kind."""


class Quick:
    """Reads documents of a model fast, if no text in them has an escape."""

    def __init__(self, model: type[Wire], *, ascii_only: bool) -> None:
        """`ascii_only`: every text is printable ASCII. Raises Underivable for a model that requires a member that only
        the model can read.
        """
        self._matched = (None, TEXT_PATTERN, ID_PATTERN) if ascii_only else (None, TEXT_PATTERN)
        self.struct, self._finish = self._struct(TypeAdapter(model).core_schema)

    def finish(self, struct: Struct) -> bool:
        """Take the steps that msgspec can't take, once. Return whether the document is valid."""
        try:
            self._finish((struct,))
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
                return Member(Annotated[str, _length(schema)], None if pattern in self._matched else _matching(pattern))
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
                return Member(str, PARSERS[schema["function"]["function"]])
            case other:
                raise Underivable(other)

    def _after(self, schema: Any) -> Member:  # noqa: ANN401
        inner, first, _ = self._member(schema["schema"])
        second = schema["function"]["function"]

        def both(value: Any) -> Any:  # noqa: ANN401  # whatever the member is
            return second(value if first is None else first(value))

        return Member(inner, both, recurs=schema["schema"]["type"] == "str")

    def _structs(self, schema: Any) -> Member:  # noqa: ANN401
        """A list of objects."""
        [item] = schema["items_schema"]
        struct, finish = self._struct(item)
        each: Any = Annotated[tuple[struct, ...], _length(schema)]  # type: ignore[valid-type]  # made here
        return Member(each, finish)

    def _struct(self, schema: Any, *rules: Step) -> tuple[Any, Step]:  # noqa: ANN401
        """Return a struct for a model, and what finishes a list of its instances. `rules` are across its members."""
        if schema["type"] == "function-after":
            return self._struct(schema["schema"], schema["function"]["function"], *rules)
        if schema["type"] != "model":
            raise Underivable(schema["type"])
        fields: list[Any] = []
        steps: list[Step] = []
        for name, field in schema["schema"]["fields"].items():
            inner = field["schema"]
            if inner["type"] == "default":
                member = self._optional(inner["schema"])
                fields.append((name, member.type, inner["default"]))
            else:
                member = self._member(inner)
                fields.append((name, member.type))
            if member.step is not None:
                taken = _taken(name, member.step)
                steps.append(_unless_settled(name, taken) if member.recurs else taken)
        # The members are texts, numbers and tuples of such structs, so no instance can be part of a cycle: no gc.
        made = msgspec.defstruct(
            schema["cls"].__name__, fields, kw_only=True, frozen=True, gc=False, omit_defaults=True
        )  # fmt: skip
        return made, _finisher(steps, rules)

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


def _taken(name: str, step: Step) -> Step:
    """Return what takes the step with this member of each struct in a list."""
    get = attrgetter(name)

    def take(structs: Sequence[Struct]) -> None:
        for struct in structs:
            value = get(struct)
            if value is not None and (taken := step(value)) != value:
                _set(struct, name, taken)

    return take


def _unless_settled(name: str, take: Step) -> Step:
    """Return `take` for a member whose texts recur: lists that have only texts that it left as they are, it skips."""
    get = attrgetter(name)
    settled: set[str | None] = {None}

    def take_others(structs: Sequence[Struct]) -> None:
        if settled.issuperset(map(get, structs)):
            return
        before = list(map(get, structs))
        take(structs)
        if len(settled) + len(structs) > _SETTLED_TEXTS:
            settled.clear()
        settled.update(None if text != get(struct) else text for struct, text in zip(structs, before, strict=True))

    return take_others


def _finisher(steps: Sequence[Step], rules: Sequence[Step]) -> Step:
    def finish(structs: Sequence[Struct]) -> Sequence[Struct]:
        for step in steps:
            step(structs)
        for rule in rules:
            for struct in structs:
                rule(struct)
        return structs

    return finish
