"""Build a request's body from options and a file, and check it with the API's models before anything is sent (contract
§1).
"""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from schemas import bodies
from schemas.errors import faults, path
from schemas.operations import Operation
from schemas.scalars import format_instant
from worker.terminal import strict_json
from worker.terminal.figures import NotAFigure, minor_units
from worker.terminal.members import FILES, Form, Member, amounts, by_path, members
from worker.terminal.secret_input import read_secret

STDIN: Final = "-"


class BodyInvalid(Exception):
    """The body breaks a rule. Each line of the message has a path and the rule, never a value. `missing` has the
    options that were not given.
    """

    def __init__(self, problems: tuple[str, ...], missing: tuple[str, ...] = ()) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.missing = missing


class Unreadable(Exception):
    """An option's value can't be read, or a file has no JSON object. The message says which one and why."""


def from_options(operation: Operation, given: Mapping[str, Any], data_file: str | None) -> dict[str, Any]:
    """Return the body: the file's members, overridden by those of the options. Raises BodyInvalid and Unreadable."""
    files = [data_file, *(given[one.name] for one in members(operation.name) if one.form in FILES)]
    if files.count(STDIN) > 1:
        raise Unreadable("only one file can be stdin")
    body = {} if data_file is None else json_object(data_file)
    for member in members(operation.name):
        value = given[member.name]
        if value is not None and value != []:
            put(body, member.path, _value(member, value))
    try:
        put_amounts(operation, body, given)
    except NotAFigure as error:
        raise Unreadable(str(error)) from None
    check(operation, body)
    return body


def put_amounts(operation: Operation, body: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Put amounts that were given with a point in their place, in minor units. Raises NotAFigure, which names the
    option.
    """
    for member in amounts(operation.name):
        text = given.get(member.name)
        if text is None or member.form is not Form.AMOUNT:
            continue
        if given.get(f"{member.name}_minor") is not None:
            raise NotAFigure(f"{member.option}: it is given in minor units too; leave one out")
        try:
            put(body, member.path, minor_units(text, body.get("currency", (given.get("currency") or "").upper())))
        except NotAFigure as error:
            raise NotAFigure(f"{member.option}: {error}") from None


def put(body: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Put a value at a path, and create the objects around it."""
    for step in path[:-1]:
        inner = body.get(step)
        body[step] = body = dict(inner) if isinstance(inner, dict) else {}
    body[path[-1]] = value


def json_object(file: str) -> dict[str, Any]:
    """Return the JSON object in a file; `-` is stdin. Raises Unreadable."""
    parsed = json_file(file)
    if not isinstance(parsed, dict):
        raise Unreadable(f"{'stdin' if file == STDIN else file}: is not a JSON object")
    return parsed


def json_file(file: str) -> Any:  # noqa: ANN401  # any JSON
    """Return the JSON in a file; `-` is stdin. Raises Unreadable."""
    name = "stdin" if file == STDIN else file
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        parsed = strict_json.parsed(raw)
    except OSError as error:
        raise Unreadable(f"{name}: {error.strerror}") from None
    except strict_json.NotJson as error:
        raise Unreadable(f"{name}: is not JSON: {error}") from None
    return parsed


def check(operation: Operation, body: Mapping[str, Any]) -> None:
    """Check the body with the model. Raises BodyInvalid."""
    if given := [name for name in operation.given if name in body]:
        raise BodyInvalid(tuple(f"{name}: absent, the API sets it" for name in given))
    try:
        bodies.check(operation, body)
    except ValidationError as error:
        raise _invalid(operation, error) from None


def _invalid(operation: Operation, error: ValidationError) -> BodyInvalid:
    problems: list[str] = []
    missing: list[str] = []
    for one in faults(error):
        names = tuple(step for step in one.loc if isinstance(step, str))
        options = [_options(operation, (*names, name)) for name in one.missing]
        inside = _inside(operation, one.loc)
        if options and all(options) and not inside:
            problems += [f"{option}: missing" for option in options]
            missing += options
            continue
        place = f"{_options(operation, names)} {inside}".strip() or path(one.loc)
        problems.append(f"{place}: {one.message}" if place else one.message)
    return BodyInvalid(tuple(problems), tuple(missing) if len(missing) == len(problems) else ())


def _options(operation: Operation, path: tuple[str, ...]) -> str:
    """Return the option for a path, or for the member around it; for a part, its options; empty if there is none."""
    known = by_path(operation)
    if member := next((known[path[:end]] for end in range(len(path), 0, -1) if path[:end] in known), None):
        return member.option
    parts = [one for one in known.values() if path and one.path[: len(path)] == path and one.path[-1] != "pin"]
    return (" or " if any(one.is_secret for one in parts) else ", ").join(one.option for one in parts)


def _inside(operation: Operation, loc: tuple[int | str, ...]) -> str:
    """Return the path within the file that an option names; empty if no file holds it, or the whole file does."""
    files = (member.path for member in members(operation.name) if member.form in FILES)
    return next((path(loc[len(file) :]) for file in files if loc[: len(file)] == file), "")


def _value(member: Member, value: Any) -> Any:  # noqa: ANN401  # any JSON
    if member.is_secret:
        return read_secret(value, member.option)
    match member.form:
        case Form.INSTANT if value == "now":
            return format_instant(int(datetime.now(UTC).timestamp()) * 1_000_000)
        case Form.CURRENCY:
            return value.upper()
        case Form.TEXTS:
            return list(value)
        case Form.PAIRS:
            return dict(_pairs(member, value))
        case Form.DOCUMENT:
            return json_object(value)
        case Form.ITEMS:
            return json_file(value)
        case _:
            return value


def _pairs(member: Member, texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise BodyInvalid((f"{member.option}: NAME=ID is needed",))
        yield name, value
