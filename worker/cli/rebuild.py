"""`g3n worker rebuild`: decide everything that the topics hold once more, and compare."""

from typing import Annotated

import typer

from worker.cli import running
from worker.process import settings

REFUSED = 2


def rebuild(
    into: Annotated[
        str, typer.Option(metavar="DSN", help="an empty database, as its owner; or one with a rebuild that was killed")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Rebuild the ledger from the topics in another database, and compare it with the live one.

    Publishes nothing, touches no consumer group, and only reads the live ledger. If it is killed, the same command goes
    on. Exit status 0: equal; 1: different, and the first differences are named; 2: refused.
    """

    async def work(chosen: settings.Settings) -> int:
        from worker.ops.rebuild import commands, told
        from worker.ops.rebuild.target import Refused

        try:
            report = await commands.rebuild(chosen, into, lambda line: typer.echo(line, err=True))
        except Refused as refused:
            typer.echo(f"g3n: {refused}", err=True)
            return REFUSED
        if as_json:
            typer.echo(told.as_json(report))
        else:
            for line in told.text(report):
                typer.echo(line)
        return 0 if report.is_equal else running.FAILED

    running.run(work, quiet=True)
