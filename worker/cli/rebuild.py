"""`g3n worker rebuild`: decide all documents of the topics again, and compare."""

from typing import Annotated

import typer

from worker.cli import running
from worker.process import settings

REFUSED = 2


def rebuild(
    into: Annotated[
        str, typer.Option(metavar="DSN", help="an empty database, or one with an unfinished rebuild; as its owner")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Rebuild the ledger from the topics in another database, and compare it with the live one.

    It publishes nothing, changes no consumer group, and only reads the live ledger. If it is killed, run the same
    command again to continue. Exit status 0: equal; 1: different, and it prints the first differences; 2: refused.
    """

    async def action(chosen: settings.Settings) -> int:
        from worker.ops.rebuild import commands, report
        from worker.ops.rebuild.target import Refused

        try:
            result = await commands.rebuild(chosen, into, lambda line: typer.echo(line, err=True))
        except Refused as refused:
            typer.echo(f"g3n: {refused}", err=True)
            return REFUSED
        if as_json:
            typer.echo(report.as_json(result))
        else:
            for line in report.text(result):
                typer.echo(line)
        return 0 if result.is_equal else running.FAILED

    running.run(action, quiet=True)
