"""`g3n worker operations …` and `g3n worker journal`: operators' long work, and the log of their actions."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli import running
from worker.cli.running import FAILED
from worker.cli.tables import duration, fields, for_people, instant, shortened, table
from worker.process import settings

if TYPE_CHECKING:
    from worker.ledger.operations import Operation, State
    from worker.ledger.operators import Action
    from worker.ledger.queries import Connection

app = typer.Typer(
    help="Replays, redrives and other long work: list, show, pause, resume, cancel.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="as JSON")]
Reason = Annotated[str, typer.Option(metavar="WHY", help="for the journal")]
Rate = Annotated[float | None, typer.Option(min=0.1, metavar="PER_S", help="documents a second, at most")]
Yes = Annotated[bool, typer.Option("--yes", help="run the plan at once; default: ask at a terminal, else only plan")]
Plan = Callable[[settings.Settings], Awaitable[tuple[int | None, list[str]]]]
"""Makes a plan. Returns the operation's id, or None if there is nothing to run; and the lines that tell the plan."""
_Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=running.MOST_LONG, help="as `list` shows it")]
_WIDE = 28  # of a reason in a list, so that a line has 80 columns


@app.command("list")
def list_(
    only_open: Annotated[
        bool, typer.Option("--open", help="only operations that are neither done nor cancelled")
    ] = False,
    as_json: Json = False,
) -> None:
    """List operations, the latest first."""

    async def action(connection: "Connection") -> int:
        from worker.ledger import operations

        found = await operations.listed(connection, only_open=only_open)
        if as_json:
            typer.echo(json.dumps([_as_json(one, plan=False) for one in found], indent=2))
        elif found:
            head = ("ID", "KIND", "STATE", "DONE", "OF", "READY IN", "REASON")
            typer.echo(table(head, [_row(one) for one in found]))
        else:
            typer.echo("no operations")
        return 0

    on_ledger(action)


@app.command()
def show(id_: _Id, as_json: Json = False) -> None:
    """Show one operation: its plan, its progress, and every action on it."""

    async def action(connection: "Connection") -> int:
        from worker.ledger import operations, operators

        found = await operations.get(connection, id_)
        if found is None:
            return _unknown(id_)
        history = await operators.actions(connection, 1000, id_)
        if as_json:
            typer.echo(json.dumps({**_as_json(found, plan=True), "journal": list(map(_action, history))}, indent=2))
        else:
            typer.echo(_text(found, history))
        return 0

    on_ledger(action)


@app.command()
def pause(id_: _Id, reason: Reason = "") -> None:
    """Pause an operation before its next documents; `resume` continues it."""
    _stop(id_, "paused", reason)


@app.command()
def cancel(id_: _Id, reason: Reason = "") -> None:
    """End an operation for good. Documents that it has applied stay applied."""
    _stop(id_, "cancelled", reason)


@app.command()
def resume(id_: _Id, rate: Rate = None, reason: Reason = "") -> None:
    """Run an operation here to its end: a planned one from its beginning, others from where they stopped.

    Ctrl-C pauses it.
    """
    run_operation(id_, reason, rate)


def plan_operation(plan: Plan, question: str, reason: str, rate: float | None = None, *, yes: bool) -> None:
    """Make the plan and print it. Run it at once with `yes`, or if somebody at a terminal says so.

    `question`: as "Redrive them now". Exits with status 1 if there is nothing to run.
    """
    made: list[int] = []

    async def action(chosen: settings.Settings) -> int:
        id_, lines = await plan(chosen)
        for line in lines:
            typer.echo(line)
        if id_ is None:
            return FAILED
        made.append(id_)
        return 0

    try:
        running.run(action)
    except typer.Exit as left:
        if left.exit_code or not made:
            raise
    (id_,) = made
    if yes or (for_people() and typer.confirm(f"{question}, as operation {id_}?")):
        run_operation(id_, reason, rate)
    typer.echo(f"operation {id_}: planned. To run it: g3n worker operations resume {id_}")


def run_operation(id_: int, reason: str, rate: float | None = None) -> None:
    """Run an operation in this process, and exit with status 0 once it is done."""

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators

        return await operators.run_operation(chosen, id_, reason, rate, lambda line: typer.echo(line, err=True))

    running.run(action)


def journal(
    most: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="how many actions, the latest first")] = 50,
    as_json: Json = False,
) -> None:
    """Show who did what, and why: every action on keys, partitions, dead letters and operations."""

    async def action(connection: "Connection") -> int:
        from worker.ledger import operators

        found = (await operators.actions(connection, most))[::-1]
        if as_json:
            typer.echo(json.dumps(list(map(_action, found)), indent=2))
        else:
            for action in found:
                typer.echo(_line(action))
        return 0

    on_ledger(action)


def on_ledger(action: Any) -> None:  # noqa: ANN401  Connection → the exit status
    """Run `action` in one transaction on the ledger; exit with the status that it returns."""

    async def on_the_ledger(chosen: settings.Settings) -> int:
        from worker.app import operators

        return await operators.on_ledger(chosen, action)

    running.run(on_the_ledger, kafka=False)


def acting(action: Any, reason: str = "") -> None:  # noqa: ANN401  Connection, Operator → the exit status
    """Do what `on_ledger` does; `action` also gets the operator, for the journal."""

    async def on_the_ledger(chosen: settings.Settings) -> int:
        from worker.app import operators
        from worker.ledger.operators import Operator

        operator = Operator(chosen.operator_name, reason)
        return await operators.on_ledger(chosen, lambda connection: action(connection, operator))

    running.run(on_the_ledger, kafka=False)


def _stop(id_: int, to: str, reason: str) -> None:
    async def action(connection: "Connection", operator: Any) -> int:  # noqa: ANN401  loaded late
        from worker.ledger import operations

        state: State = operations.State(to)
        if await operations.stop(connection, id_, state, operator):
            typer.echo(f"operation {id_}: {to}")
            return 0
        found = await operations.get(connection, id_)
        if found is None:
            return _unknown(id_)
        typer.echo(f"g3n: operation {id_} is {found.state.value}, so it can't be {to}", err=True)
        return FAILED

    acting(action, reason)


def _unknown(id_: int) -> int:
    typer.echo(f"g3n: there is no operation {id_}: g3n worker operations list", err=True)
    return FAILED


def _row(one: "Operation") -> tuple[str, ...]:
    state = "waits" if one.waits_for and one.at_work else one.shown_state
    ready_in = "" if one.eta_s is None else duration(one.eta_s)
    reason = shortened(one.reason, _WIDE)
    return str(one.id), one.kind, state, f"{one.done:,}", f"{one.planned:,}", ready_in, reason


def _state(one: "Operation") -> str:
    return f"{one.shown_state}, waits for {one.waits_for}" if one.waits_for and one.at_work else one.shown_state


def _text(one: "Operation", history: "list[Action]") -> str:
    parts = [
        fields(
            [
                ("operation", f"{one.id}: {one.kind}, {_state(one)}"),
                ("documents", f"{one.done:,} of {one.planned:,} done"),
                ("speed", "" if one.speed is None or not one.at_work else f"{one.speed:,.1f} a second"),
                ("at most", "" if one.rate_per_s is None else f"{one.rate_per_s:g} a second"),
                ("ready in", "" if one.eta_s is None else duration(one.eta_s)),
                ("who", one.who),
                ("reason", one.reason),
                ("planned", instant(one.created_at)),
                ("started", instant(one.started_at)),
                ("last seen", instant(one.seen_at)),
                ("ended", instant(one.ended_at)),
                ("error", one.error or ""),
                ("result", "" if one.result is None else json.dumps(one.result)),
            ]
        )
    ]
    for heading, lines in (("plan", one.plan.get("summary", ())), ("journal", map(_line, reversed(history)))):
        shown = [f"  {line}" for line in lines]
        if shown:
            parts += ["", heading, *shown]
    if one.shown_state in ("planned", "paused", "interrupted", "failed"):
        parts += ["", f"To run it: g3n worker operations resume {one.id}"]
    return "\n".join(parts)


def _line(action: "Action") -> str:
    details = ", ".join(f"{name}={value}" for name, value in action.details.items())
    login = "" if action.login == action.who else f" as {action.login}"
    parts = [f"{instant(action.at)}  {action.who}{login}  {action.action}  {action.target}", details, action.reason]
    return "; ".join(filter(None, parts))


def _as_json(one: "Operation", *, plan: bool) -> dict[str, Any]:
    shown = {
        **asdict(one), "state": one.shown_state, "speed_per_s": one.speed, "eta_s": one.eta_s,
        **{name: instant(getattr(one, name)) or None for name in _TIMES},
    }  # fmt: skip
    for name in ("resumed_from", "cursor", *(() if plan else ("plan",))):
        del shown[name]
    return shown


_TIMES = ("created_at", "started_at", "ended_at", "seen_at", "resumed_at")


def _action(action: "Action") -> dict[str, Any]:
    return {**asdict(action), "at": instant(action.at)}
