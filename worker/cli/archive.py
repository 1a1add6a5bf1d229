"""`g3n worker archive`: move partitions of old transfers to files."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli import running
from worker.cli.operations import Yes, plan_operation
from worker.process import settings


def archive(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="the directory, which gets a folder for each partition", file_okay=False, exists=True
        ),
    ],
    before: Annotated[
        str, typer.Option(metavar="TIME", help="only transfers before this time, like 2026-01-01T00:00:00Z")
    ],
    reason: Annotated[str, typer.Option(metavar="WHY", min=1, help="for the journal")],
    yes: Yes = False,
) -> None:
    """Plan to move the oldest partitions of transfers to files, then do it. Balances and audits don't change.

    Each partition is written, read back, and dropped once its sums are kept. Give the owner's login in
    G3N_POSTGRES_ADMIN_DSN, as for setup.
    """
    instant = running.instant(before, "--before")
    assert instant is not None  # noqa: S101  the option is required

    async def plan(chosen: settings.Settings) -> tuple[int | None, list[str]]:
        from worker.app import operators

        return await operators.plan_archive(chosen, instant, directory.resolve(), reason)

    plan_operation(plan, "Archive and drop them now", reason, yes=yes)
