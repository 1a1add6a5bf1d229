"""`g3n worker partition …`: list positions of partitions, and let halted partitions go on."""

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.operations import Json, acting, on_ledger
from worker.cli.running import FAILED, MOST_INT
from worker.cli.tables import instant, table

if TYPE_CHECKING:
    from worker.ledger.queries import Connection

app = typer.Typer(help="Partitions of the input topics: list, resume, skip.", no_args_is_help=True)

_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_At = Annotated[str, typer.Argument(metavar="TOPIC:PARTITION", help="as `list` shows it")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List how far each partition has been read; halted ones first, with the reason."""

    async def action(connection: "Connection") -> int:
        from worker.ledger import halts

        found = await halts.listed(connection)
        if as_json:
            rows = [
                {**one._asdict(), "last_at": instant(one.last_at), "halted_since": instant(one.halted_since)}
                for one in found
            ]
            typer.echo(json.dumps(rows, indent=2))
        elif found:
            head = ("PARTITION", "NEXT OFFSET", "LAST RECORD", "HALTED SINCE", "DECIDED", "WHY")
            rows_of = [
                (
                    f"{one.topic}:{one.partition}", "" if one.next_offset is None else str(one.next_offset),
                    instant(one.last_at), instant(one.halted_since), one.decision, one.why,
                )
                for one in found
            ]  # fmt: skip
            typer.echo(table(head, rows_of))
        else:
            typer.echo("no partition has been read")
        return 0

    on_ledger(action)


@app.command()
def resume(at: _At, reason: Annotated[str, typer.Option(metavar="WHY", help="for the journal")] = "") -> None:
    """Check a halted partition again, once its cause is gone; it halts again if it is not."""
    _decide(at, "resume", reason)


@app.command()
def skip(at: _At, reason: Annotated[str, typer.Option(metavar="WHY", help="for the journal")]) -> None:
    """Let a halted partition go on, although its cause remains.

    If its topic contradicts the ledger, or documents are gone, the worker reads the topic from its beginning and
    recognises duplicates. If most of a batch would become dead letters, they become dead letters.
    """
    _decide(at, "skip", reason)


def _decide(at: str, decision: str, reason: str) -> None:
    topic, _, number = at.rpartition(":")
    if not topic or _NUMBER.fullmatch(number) is None or int(number) > MOST_INT:
        raise typer.BadParameter("must be TOPIC:PARTITION, like scm.sales:3")

    async def action(connection: "Connection", operator: Any) -> int:  # noqa: ANN401  loaded late
        from worker.ledger import halts
        from worker.positions import Decision

        why = await halts.decide(connection, topic, int(number), Decision(decision), operator)
        if why is None:
            typer.echo(f"g3n: {at} is not halted: g3n worker partition list", err=True)
            return FAILED
        typer.echo(f"{at}: {decision}; its worker goes on within a second (halted because {why})")
        return 0

    acting(action, reason)
