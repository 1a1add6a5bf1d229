"""`g3n worker archive`: move partitions of old transfers to files."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli import running
from worker.cli.operations import run_operation
from worker.cli.running import FAILED
from worker.cli.tables import for_people
from worker.process import settings


def archive(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="gets a folder for each partition", file_okay=False, exists=True)
    ],
    before: Annotated[str, typer.Option(metavar="TIME", help="only transfers that are older, as 2026-01-01T00:00:00Z")],
    reason: Annotated[str, typer.Option(metavar="WHY", min=1, help="for the journal")],
    yes: Annotated[bool, typer.Option("--yes", help="run the plan at once; default: only plan")] = False,
) -> None:
    """Plan to move the oldest partitions of transfers to files, then do it. Balances and audits don't change.

    Each partition is written, read back, and dropped once its sums are kept. Give the owner's login in
    G3N_POSTGRES_ADMIN_DSN, as for setup.
    """
    made: list[int] = []
    instant = running.instant(before, "--before")

    async def work(chosen: settings.Settings) -> int:
        from worker.app import operators

        assert instant is not None  # noqa: S101  the option is required
        id_, lines = await operators.plan_archive(chosen, instant, directory.resolve(), reason)
        for line in lines:
            typer.echo(line)
        if id_ is None:
            return FAILED
        made.append(id_)
        return 0

    try:
        running.run(work)
    except typer.Exit as left:
        if left.exit_code or not made:
            raise
    (id_,) = made
    if yes or (for_people() and typer.confirm(f"Archive and drop them now, as operation {id_}?")):
        run_operation(id_, reason)
    typer.echo(f"operation {id_}: planned. To run it: g3n worker operations resume {id_}")
