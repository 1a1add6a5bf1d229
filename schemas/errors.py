"""The messages about documents and requests that are not valid: one set for Kafka, HTTP, CLI and MCP.

A message names the place (`lines[3].net_minor`) and says what would be right there. It never holds a value that was
sent, and never the code of a library.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.currencies import CURRENCIES
from schemas.scalars import PATTERNS, Wire

Loc = tuple[int | str, ...]
SHOWN: Final = 3
ROOT: Final = "data"  # the place of the document itself
_is_name: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, and what would be right. `missing` names members that are not there."""

    loc: Loc
    message: str
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.missing and not self.loc:
            return self.message
        return f"{path(self.loc) or ROOT}: {self.message}"


def detail(error: ValidationError) -> str:
    """Return the first three faults in one line, and how many more there are."""
    return joined([str(one) for one in faults(error)])


def joined(messages: Sequence[str]) -> str:
    """Return the first three messages in one line, and how many more there are."""
    shown = "; ".join(messages[:SHOWN])
    return f"{shown}; {len(messages) - SHOWN} more" if len(messages) > SHOWN else shown


def faults(error: ValidationError) -> list[Fault]:
    """Return what is wrong, in the order of the models' members."""
    # Of the input only the type is used, so that a message can say "without quotes".
    errors = error.errors(include_url=False)
    # pydantic counts only the items that are right: a list of one wrong line is also "too short"
    shown = [one for one in errors if one["type"] != "too_short" or not _has_wrong_items(one["loc"], errors)]
    found: list[Fault] = []
    for missing_from, group in groupby(shown, lambda one: one["loc"][:-1] if one["type"] == "missing" else None):
        if missing_from is None:
            found += map(_fault, group)
        else:
            found.append(missing(missing_from, *(str(one["loc"][-1]) for one in group)))
    return found


def missing(loc: Loc, *names: str) -> Fault:
    """Return the fault of an object that lacks these members."""
    *first, last = names
    text = f"{', '.join(first)} and {last} are missing" if first else f"{last} is missing"
    return Fault(loc, text, names)


def path(loc: Loc) -> str:
    """Return `lines[3].net_minor`. A name that the sender made up is `*`; the document itself is empty."""
    text = ""
    for step in loc:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step != "[key]":  # pydantic's word for "the key itself"
            text += f".{step if step in _known_names() or isinstance(step, _Misspelt) else '*'}"
    return text.removeprefix(".")


class _Misspelt(str):
    """The name of an unknown member. The message shows it, because the name itself is wrong."""

    __slots__ = ()


def _fault(error: ErrorDetails) -> Fault:
    loc, context = error["loc"], error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return _unknown(loc)
    say = _WORDS.get(error["type"])
    if say is None:  # a rule of our own, see `schemas.validators.fault`
        return Fault((*loc, *context.get("at", ())), error["msg"])
    return Fault(loc, say(context, error))


def _unknown(loc: Loc) -> Fault:
    """Name the member, if it looks like a name, and the known name that is closest to it."""
    name = str(loc[-1])
    if _is_name(name) is None:
        return Fault(loc, "no such member")
    return Fault((*loc[:-1], _Misspelt(name)), f"no such member{did_you_mean(name, _known_names())}")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a hint that has the known name closest to a misspelt one, or nothing."""
    alike = get_close_matches(name, known, 1, cutoff=0.8)
    return f" (did you mean {alike[0]}?)" if alike else ""


_Say = Callable[[Mapping[str, Any], ErrorDetails], str]


def _always(text: str) -> _Say:
    return lambda *_: text


def _whole_number(_: Mapping[str, Any], error: ErrorDetails) -> str:
    name = next((step for step in reversed(error["loc"]) if isinstance(step, str)), "")
    unit = " of minor units" if name.endswith("_minor") else ""
    hint = {str: ", without quotes", float: ", without a decimal point"}.get(type(error["input"]), "")
    return f"a whole number{unit}{hint}"


def _true_or_false(_: Mapping[str, Any], error: ErrorDetails) -> str:
    return "true or false" + (", without quotes" if isinstance(error["input"], str) else "")


def _one_of(context: Mapping[str, Any], _: ErrorDetails) -> str:
    choices = context["expected"].replace("'", "").replace(" or ", ", ")
    if choices.count(",") == len(CURRENCIES) - 1:
        return "an ISO 4217 currency code in capitals, like GBP"
    return f"one of {choices}" if "," in choices else choices


def _length(least_or_most: str, key: str) -> _Say:
    def say(context: Mapping[str, Any], error: ErrorDetails) -> str:
        count = context[key]
        return f"{least_or_most} {count} {_part(error['input'], one=count == 1)}"

    return say


def _part(whole: object, *, one: bool) -> str:
    """Return the word for the parts of a text, a map or a list."""
    if isinstance(whole, str):
        return "character" if one else "characters"
    if isinstance(whole, dict):
        return "entry" if one else "entries"
    return "item" if one else "items"


# The words for each error that pydantic itself finds.
_WORDS: Final[Mapping[str, _Say]] = MappingProxyType(
    {
        "int_type": _whole_number,
        "bool_type": _true_or_false,
        "string_type": _always("a text, in quotes"),
        "string_unicode": _always("a text in Unicode, without half a surrogate pair"),
        "string_too_short": _length("at least", "min_length"),
        "string_too_long": _length("at most", "max_length"),
        "string_pattern_mismatch": lambda context, _: PATTERNS[context["pattern"]],
        "greater_than_equal": lambda context, _: f"at least {context['ge']}",
        "less_than_equal": lambda context, _: f"at most {context['le']}",
        "literal_error": _one_of,
        "model_type": _always("an object"),
        "dict_type": _always("an object"),
        "tuple_type": _always("a list"),
        "too_short": _length("at least", "min_length"),
        "too_long": _length("at most", "max_length"),
    }
)


def _names(base: type[Wire]) -> Iterator[str]:
    for model in base.__subclasses__():
        yield from (field.alias or name for name, field in model.model_fields.items())
        yield from _names(model)


@cache
def _known_names() -> frozenset[str]:
    return frozenset(_names(Wire))


def _has_wrong_items(loc: Loc, errors: Iterable[ErrorDetails]) -> bool:
    return any(len(one["loc"]) > len(loc) and one["loc"][: len(loc)] == loc for one in errors)
