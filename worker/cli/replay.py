"""`g3n worker replay`: plan to read ranges of the topics again, then do it."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from worker.cli import operations, running
from worker.process import settings

_EVERY: Final = 10_000
_Times = typer.Option(metavar="TIME", help="RFC 3339, like 2026-11-27T08:00:00Z")


def replay(  # noqa: PLR0913, PLR0917  typer: an option is a parameter
    topic: Annotated[list[str] | None, typer.Option(help="an input topic; repeat for more; default: all")] = None,
    partition: Annotated[
        list[int] | None, typer.Option(min=0, max=running.MOST_INT, help="a partition; repeat for more")
    ] = None,
    from_offset: Annotated[
        int | None, typer.Option(min=0, max=running.MOST_LONG, help="the first offset of each partition")
    ] = None,
    to_offset: Annotated[
        int | None, typer.Option(min=0, max=running.MOST_LONG, help="the last offset of each partition")
    ] = None,
    since: Annotated[str | None, _Times] = None,
    until: Annotated[str | None, _Times] = None,
    orgcode: Annotated[str | None, typer.Option(help="documents of this tenant only")] = None,
    customer: Annotated[str | None, typer.Option(help="documents that name this customer only")] = None,
    subject: Annotated[str | None, typer.Option(help="the document of this business id only")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="documents of this type only")] = None,
    outcomes: Annotated[
        str, typer.Option(metavar="none|new|all", help="which outcomes to publish; all: stored ones again, too")
    ] = "new",
    to: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="publish there, instead of to the outcome topics")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="where the plan is saved; default: replay-TIME.plan")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the plan as JSON lines; nothing is saved")] = False,
    execute: Annotated[Path | None, typer.Option(metavar="PLAN", help="execute this saved plan")] = None,
    rate: operations.Rate = None,
    reason: operations.Reason = "",
) -> None:
    """Plan what reading a range of the topics again would do. Nothing changes until you --execute the plan.

    It reads in place: it changes no consumer group and no offset, and writes nothing to input topics. By default it
    publishes outcomes only of documents that the ledger does not have yet. So replaying records that were read before
    publishes nothing.
    """
    from schemas.registry import DOCUMENTS
    from worker.kafka.ranges import Bounds
    from worker.ops.replay import commands
    from worker.ops.replay.plan import Outcomes
    from worker.ops.replay.selection import Selection

    if execute is not None:
        _execute(execute, reason, rate)
        return
    if outcomes not in tuple(Outcomes):
        raise typer.BadParameter("one of none, new, all", param_hint="--outcomes")
    if type_ is not None and type_ not in DOCUMENTS:
        raise typer.BadParameter(f"none of {', '.join(DOCUMENTS)}", param_hint="--type")
    bounds = Bounds(from_offset, to_offset, _instant_ms(since, "--since"), _instant_ms(until, "--until"))
    path = save or Path(f"replay-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.plan")
    if path.exists():
        raise typer.BadParameter(f"{path} exists", param_hint="--save")

    async def action(chosen: settings.Settings) -> int:
        names = commands.chosen_topics(chosen, tuple(topic or ()))
        selection = Selection(names, frozenset(partition or ()), bounds, orgcode, customer, subject, type_)
        wanted = commands.Wanted(selection, Outcomes(outcomes), to)
        await commands.make_plan(chosen, wanted, path, as_json=as_json, show=typer.echo, progress=_progress())
        return 0

    running.run(action, quiet=True)


def _execute(path: Path, reason: str, rate: float | None) -> None:
    """Start the operation of a plan and run it here."""

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators
        from worker.ledger.operators import Operator
        from worker.ops.replay import commands

        try:
            id_ = await commands.start(chosen, path, Operator(chosen.operator_name, reason), rate)
        except commands.Stale as stale:
            typer.echo(f"g3n: {path} is stale, nothing was done. Changed since it was made:", err=True)
            for line in stale.changes:
                typer.echo(f"  {line}", err=True)
            typer.echo("Plan again, and look at the new plan.", err=True)
            return running.FAILED
        typer.echo(f"operation {id_}: g3n worker operations show {id_}", err=True)
        return await operators.run_operation(chosen, id_, reason, rate, lambda line: typer.echo(line, err=True))

    running.run(action, quiet=True)


def _instant_ms(text: str | None, option: str) -> int | None:
    at = running.instant(text, option)
    return None if at is None else int(at.timestamp() * 1000)


def _progress() -> Callable[[int, int], None]:
    """Show the progress on a terminal."""
    shown = 0

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if sys.stderr.isatty() and (done - shown >= _EVERY or done == total):
            shown = done
            end = "\n" if done == total else ""
            typer.echo(f"\rread {done:,} of {total:,}{end}", err=True, nl=False)

    return progress
