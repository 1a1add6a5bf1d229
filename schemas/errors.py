"""What a validation error says to the outside: paths and rules, never a value."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas import commands, documents, envelope, policy, views
from schemas.scalars import Wire

_Loc = tuple[int | str, ...]
SHOWN: Final = 3
_MODULES: Final = (commands, documents, envelope, policy, views)  # that define models


def _names(base: type[Wire]) -> Iterator[str]:
    for model in base.__subclasses__():
        yield from (field.alias or name for name, field in model.model_fields.items())
        yield from _names(model)


@cache
def _known_names() -> frozenset[str]:
    return frozenset(_names(Wire))


_is_name: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch


def _path(error: ErrorDetails) -> str:
    """`lines[3].net_minor`; a key that the sender made up is `*`, and the document itself is `data`.

    An unknown member is named, for that is what is wrong, where it looks like a name.
    """
    path = ""
    misspelt = error["loc"][-1] if error["type"] == "extra_forbidden" else None
    for step in error["loc"]:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step != "[key]":  # pydantic's word for "the key itself"
            shown = step in _known_names() or (step == misspelt and _is_name(step))
            path += f".{step if shown else '*'}"
    return path.removeprefix(".") or "data"


def _has_wrong_items(loc: _Loc, errors: Iterable[ErrorDetails]) -> bool:
    return any(len(one["loc"]) > len(loc) and one["loc"][: len(loc)] == loc for one in errors)


def detail(error: ValidationError) -> str:
    """The first three errors as `path: rule`, separated by `; `; of the document only its fields' names and indexes."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    # pydantic counts only the items that are right: a list of one wrong line is also "too short"
    errors = [one for one in errors if one["type"] != "too_short" or not _has_wrong_items(one["loc"], errors)]
    shown = "; ".join(f"{_path(one)}: {one['type']}" for one in errors[:SHOWN])
    return f"{shown}; {len(errors) - SHOWN} more" if len(errors) > SHOWN else shown
