"""Find objects that have a name twice: which of the two would count depends on the parser."""

import json
from collections.abc import Callable
from typing import Any


def loads(text: str | bytes, parse_constant: Callable[[str], Any] | None = None) -> tuple[Any, bool]:
    """Return the value of a JSON text, and whether an object has a name twice. Raises what `json.loads` does."""
    twice = False

    def noted(members: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        found = dict(members)
        twice |= len(found) < len(members)
        return found

    value = json.loads(text, object_pairs_hook=noted, parse_constant=parse_constant)
    return value, twice
