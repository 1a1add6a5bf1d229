"""`g3n worker dlq …`: the inbox of dead letters."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli import running
from worker.cli.operations import Json, Rate, Yes, acting, plan_operation
from worker.cli.running import FAILED
from worker.process import settings

if TYPE_CHECKING:
    from worker.ledger.inbox import Chosen, Group
    from worker.ledger.operators import Operator
    from worker.ledger.queries import Connection
    from worker.ops.dlq.reading import Kept

app = typer.Typer(
    help="Dead letters: list, show, redrive, discard, restore, rebuild.", no_args_is_help=True, rich_markup_mode=None
)

_GROUP: Final = re.compile(r"[0-9]{1,19}")
_POSITION: Final = re.compile(r"(.+)-([0-9]{1,10})@([0-9]{1,19})")
_Which = Annotated[
    list[str], typer.Argument(metavar="GROUP | POSITION…", help="a group's number, or positions like scm.sales-3@1234")
]
_Reason = Annotated[str, typer.Option(metavar="WHY", min=1, help="for the journal")]


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(metavar="STATE", help="open, resolved or discarded")] = "open",
    group: Annotated[
        int | None,
        typer.Option(metavar="GROUP", min=1, max=running.MOST_LONG, help="list the letters of this group"),
    ] = None,
    as_json: Json = False,
) -> None:
    """List groups of dead letters with one cause, the largest first; with --group, list the letters of one group."""

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators
        from worker.cli import dlq_text
        from worker.ledger import inbox

        wanted = inbox.LetterState(state)
        if group is not None:
            one = inbox.Chosen(group)
            letters = await operators.on_ledger(chosen, lambda connection: inbox.letters(connection, one, wanted))
            dlq_text.show_letters(letters, as_json=as_json)
            return 0
        groups = await operators.on_ledger(chosen, lambda connection: inbox.groups(connection, wanted))
        dlq_text.show_groups(groups, await _kept(chosen, groups), wanted.value, as_json=as_json)
        return 0

    if state not in ("open", "resolved", "discarded"):
        raise typer.BadParameter("open, resolved or discarded", param_hint="--state")
    running.run(action, kafka=False)


@app.command()
def show(
    which: Annotated[str, typer.Argument(metavar="GROUP | POSITION", help="as `list` shows it")], as_json: Json = False
) -> None:
    """Show a group with its sample, or a letter with its original, secrets masked."""
    chosen_letters = _chosen([which])

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators
        from worker.cli import dlq_text
        from worker.ledger import inbox
        from worker.ops.dlq import reading

        if chosen_letters.group is not None:
            groups = [
                one
                for state in inbox.LetterState
                for one in await operators.on_ledger(chosen, _groups_of(state, chosen_letters.group))
            ]
            if not groups:
                return _none(chosen_letters)
            dlq_text.show_group(groups[0], await _kept(chosen, groups), as_json=as_json)
            return 0
        letters = await operators.on_ledger(chosen, lambda connection: inbox.letters(connection, chosen_letters))
        if not letters:
            return _none(chosen_letters)
        dlq_text.show_letter(letters[0], await reading.original(chosen, letters[0]), as_json=as_json)
        return 0

    running.run(action)


@app.command()
def redrive(
    which: _Which,
    reason: _Reason,
    yes: Yes = False,
    rate: Rate = None,
) -> None:
    """Apply the originals of open letters again: first a plan, then one canary, then the others."""
    chosen_letters = _chosen(which)

    async def plan(chosen: settings.Settings) -> tuple[int | None, list[str]]:
        from worker.app import operators

        return await operators.plan_redrive(chosen, chosen_letters, reason)

    plan_operation(plan, "Redrive them now", reason, rate, yes=yes)


@app.command()
def discard(which: _Which, reason: _Reason) -> None:
    """Close letters that nobody will repair. They can be restored."""
    _move(_chosen(which), "discard", reason)


@app.command()
def restore(which: _Which, reason: _Reason) -> None:
    """Open discarded letters again."""
    _move(_chosen(which), "restore", reason)


@app.command()
def rebuild(reason: _Reason) -> None:
    """Put every letter of the dead-letter topics into the inbox; letters already there keep their state."""

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators

        typer.echo(f"{await operators.rebuild_inbox(chosen, reason):,} letters are in the dead-letter topics")
        return 0

    running.run(action)


def _move(chosen: "Chosen", verb: str, reason: str) -> None:
    async def action(connection: "Connection", operator: "Operator") -> int:
        from worker.ledger import inbox, operators

        ways = {
            "discard": (inbox.LetterState.OPEN, inbox.LetterState.DISCARDED),
            "restore": (inbox.LetterState.DISCARDED, inbox.LetterState.OPEN),
        }
        source, to = ways[verb]
        moved = await inbox.move(connection, chosen, source, to)
        if not moved:
            typer.echo(f"g3n: no letter of {chosen} is {source.value}", err=True)
            return FAILED
        await operators.note(connection, operator, f"dlq {verb}", str(chosen), {"letters": len(moved)})
        typer.echo(f"{len(moved):,} {'letter' if len(moved) == 1 else 'letters'}: {to.value}")
        return 0

    acting(action, reason)


def _chosen(which: list[str]) -> "Chosen":
    from worker.ledger.inbox import Chosen
    from worker.positions import Place

    if len(which) == 1 and _GROUP.fullmatch(which[0]) and int(which[0]) <= running.MOST_LONG:
        return Chosen(int(which[0]))
    positions = []
    for one in which:
        match = _POSITION.fullmatch(one)
        place = match and Place(match[1], int(match[2]), int(match[3]))
        if not place or place.partition > running.MOST_INT or place.offset > running.MOST_LONG:
            raise typer.BadParameter(f"{one}: a group's number, or positions like scm.sales-3@1234")
        positions.append(place)
    return Chosen(positions=tuple(positions))


def _groups_of(state: Any, group: int) -> Any:  # noqa: ANN401  loaded late
    from worker.ledger import inbox

    return lambda connection: inbox.groups(connection, state, group)


async def _kept(chosen: settings.Settings, groups: "list[Group]") -> "Kept":
    """Return how long the topics keep their records; unknown while Kafka can't be reached."""
    from worker.ops.dlq.reading import Kept, kept
    from worker.process.errors import Unavailable

    try:
        return await kept(chosen, groups) if chosen.kafka_bootstrap_servers else Kept({})
    except Unavailable as error:
        typer.echo(f"g3n: until when they can be redriven is not known: {error}", err=True)
        return Kept({})


def _none(chosen: "Chosen") -> int:
    typer.echo(f"g3n: there is no dead letter of {chosen}: g3n worker dlq list", err=True)
    return FAILED
