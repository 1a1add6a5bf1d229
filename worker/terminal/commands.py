"""Build a command of `g3n crm` from an operation: its options are the members of the body (contract §5)."""

import inspect
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import typer

from schemas.currencies import CURRENCIES
from schemas.operations import Access, Operation
from worker.client.connection import is_header_safe
from worker.terminal import profiles, words
from worker.terminal.deferred import alone
from worker.terminal.figures import NotAFigure, whole
from worker.terminal.members import Form, Member, amounts, members, subject
from worker.terminal.secret_input import OF_PIN

_AS_ARGUMENT: Final = "_argument"


def command(operation: Operation) -> typer.Typer:
    """Return the command of an operation."""
    return alone(
        _command(operation),
        help=_help(operation),
        short_help=operation.summary,
        no_args_is_help=_needs_something(operation),
    )


def _command(operation: Operation) -> Callable[..., None]:
    manner = dict(_manner(operation))
    argument = dict(_argument(operation))

    def command(**given: Any) -> None:  # noqa: ANN401  # typer passes what the signature says
        from worker.terminal.perform import perform
        from worker.terminal.reach import Manner

        for name in argument:
            _take_argument(given, name)
        perform(operation, given, Manner(**{name: given.pop(name) for name in manner}))

    every = (*members(operation.name), *amounts(operation.name))
    options = {member.name: (_type(member), _option(member), None) for member in every}
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[type_, option])
        for name, (type_, option, default) in (argument | options | manner).items()
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    return command


def _argument(operation: Operation) -> Iterator[tuple[str, tuple[Any, Any, Any]]]:
    """Return the argument that can replace the option of the id, as in `g3n crm customer get C-1001`."""
    if member := subject(operation.name):
        argument = typer.Argument(metavar=member.name.upper(), help=f"or {member.option}", parser=an_id)
        yield f"{member.name}{_AS_ARGUMENT}", (str | None, argument, None)


def _take_argument(given: dict[str, Any], name: str) -> None:
    """Move an argument's value to its option."""
    value, member = given.pop(name), name.removesuffix(_AS_ARGUMENT)
    if value is None:
        return
    if given[member] is not None:
        raise typer.BadParameter("it is given as an argument too", param_hint=f"--{member.replace('_', '-')}")
    given[member] = value


def _type(member: Member) -> Any:  # noqa: ANN401  # a type that typer understands
    match member.form:
        case Form.FLAG:
            return bool | None
        case Form.TEXTS | Form.PAIRS:
            return list[str] | None
        case _:
            return Literal[member.choices] | None if member.choices else str | None


def _option(member: Member) -> Any:  # noqa: ANN401  # what typer.Option returns
    own = f"{member.option}/--no-{member.option[2:]}" if member.form is Form.FLAG else member.option
    return typer.Option(
        own,
        help=words.told(member),
        metavar=words.metavar(member),
        envvar=OF_PIN if member.path[-1:] == ("pin",) and member.name != "to_pin" else None,
        parser=_whole(member) if member.form is Form.INTEGER else an_id if member.is_id else None,
        autocompletion=_currencies if member.form is Form.CURRENCY else None,
    )


def _whole(member: Member) -> Callable[[str], int]:
    """Return the parser of a whole number. For other text, click names the option and exits with status 2."""
    instead = f"; or {member.option.removesuffix('-minor')} 25.00" if member.is_money else ""

    def parsed(text: str) -> int:
        try:
            return whole(text, signed=member.is_signed, unit=member.unit)
        except NotAFigure as error:
            raise typer.BadParameter(f"{error}{instead}") from None

    return parsed


def an_id(text: str) -> str:
    """Return the id unchanged. For an id that a header or shell would change, click names the option and exits with
    status 2.
    """
    if is_header_safe(text):
        return text
    raise typer.BadParameter("1 to 128 printable ASCII characters, without a space at either end")


def _manner(operation: Operation) -> Iterator[tuple[str, tuple[Any, Any, Any]]]:
    """Return the options that are not part of the body, named like the members of `reach.Manner`."""
    text = typer.Option("--data", metavar="FILE", help="the body as JSON; options override it; -: stdin")
    yield "data_file", (str | None, text, None)
    if operation.document is not None and operation.id_field is not None:
        key = typer.Option(
            help="the document's id: repeated with the same id, the request has one effect", parser=an_id
        )
        yield "idempotency_key", (str | None, key, None)
    if operation.access is Access.DANGEROUS:
        yield "sure", (bool, typer.Option("--yes", "-y", help="at a terminal: don't ask whether to go ahead"), False)
    if operation.name == "loyalty.policy.put":
        yield "dry_run", (bool, typer.Option("--dry-run", help="show the changes; put nothing"), False)
    if "cursor" in {member.name for member in members(operation.name)}:
        yield "all_pages", (bool, typer.Option("--all", help="fetch every page"), False)
    yield "as_json", (bool, typer.Option("--json", help="print exactly the API's answer"), False)
    yield "profile", (str | None, typer.Option(help="the profile, from g3n login", autocompletion=_profiles), None)


def _help(operation: Operation) -> str:
    parts = [operation.summary, _about(operation)]
    if operation.access is Access.DANGEROUS:
        parts.append("At a terminal it asks whether to go ahead.")
    if operation.refusals:
        text = "\n".join(f"  {reason.value}  ({reason.category.value})" for reason in operation.refusals)
        parts.append(f"\b\nMay be refused:\n{text}")
    parts.append(f"\b\nExample:\n  {example(operation)}")
    return "\n\n".join(parts)


def _about(operation: Operation) -> str:
    """Return the model's own description, which says what an absent member means."""
    text = " ".join((operation.request.__doc__ or "").split())
    return text if operation.document is None else f"Becomes a {text}"


def example(operation: Operation) -> str:
    """Return a command line for the example of the API's pages. It names files and secrets instead of showing them."""
    return shlex.join(["g3n", "crm", *words_of(operation, operation.body_example)])


def words_of(operation: Operation, body: Mapping[str, Any]) -> list[str]:
    """Return the command and options that make this body. A PIN is asked for; a document is in a file."""
    line = operation.name.split(".")
    for member in members(operation.name):
        value: Any = body
        for step in member.path:
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            line += _written(member, value)
    return line


def _written(member: Member, value: Any) -> list[str]:  # noqa: ANN401  # any JSON
    if member.path[-1] == "pin":
        return [member.option, "-"]
    match member.form:
        case Form.FLAG:
            return [member.option if value else f"--no-{member.option[2:]}"]
        case Form.TEXTS:
            return [word for one in value for word in (member.option, one)]
        case Form.PAIRS:
            return [word for name, one in value.items() for word in (member.option, f"{name}={one}")]
        case Form.DOCUMENT | Form.ITEMS:
            return [member.option, f"{member.name}.json"]
        case _:
            return [member.option, str(value)]


def _needs_something(operation: Operation) -> bool:
    return bool(operation.request.model_json_schema().get("required")) and any(
        member.required for member in members(operation.name)
    )


def _currencies(incomplete: str) -> list[str]:
    return [code for code in CURRENCIES if code.startswith(incomplete.upper())]


def _profiles(incomplete: str) -> list[str]:
    try:
        return [name for name in profiles.names() if name.startswith(incomplete)]
    except profiles.NoProfile:
        return []
