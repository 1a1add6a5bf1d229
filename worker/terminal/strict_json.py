"""Parse JSON that a person wrote. A repeated name in an object is an error; Python's own parser accepts it."""

import json
from typing import Any, NoReturn


class NotJson(Exception):
    """The text is not JSON. The message says where and why, and holds no value."""


class _Twice(Exception):
    """An object has a name twice."""


def parsed(text: str | bytes) -> Any:  # noqa: ANN401  # any JSON
    """Return the value in the text. Raises NotJson."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise NotJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError:
        raise NotJson("it is not UTF-8") from None
    except _Twice as error:
        raise NotJson(f"{error}: is there twice") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except ValueError:
        raise NotJson("it has a number that is none") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return members


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")
