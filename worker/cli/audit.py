"""`g3n worker audit`: prove that every point, every penny and every document is accounted for."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from worker.cli import running
from worker.process import settings

_FORMATS = ("text", "json", "csv", "html")


def audit(
    format_: Annotated[
        str, typer.Option("--format", metavar="|".join(_FORMATS), help="the format of the report")
    ] = "text",
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="the date of the finance reports, like 2026-11-27T00:00:00Z; default: now"),
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="read the topics too: is every offset accounted for?")
    ] = False,
    tie_out: Annotated[
        bool,
        typer.Option("--tie-out", help="with --coverage: compare tills, ledger and outcomes by store and business day"),
    ] = False,
    archive: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="read the archives of this directory too, as if they were rows",
        ),
    ] = None,
) -> None:
    """Check every invariant of the ledger, and report to finance. Blocks nobody, and changes nothing.

    Exit status 0: all is accounted for; 1: something is not, and each finding is named.
    """
    if format_ not in _FORMATS:
        raise typer.BadParameter(f"one of {', '.join(_FORMATS)}", param_hint="--format")
    instant = running.instant(as_of, "--as-of")

    async def action(chosen: settings.Settings) -> int:
        from worker.ops.audit import page, report
        from worker.ops.audit.commands import make

        made = await make(chosen, instant, _progress, coverage=coverage, tie_out=tie_out, archives=archive)
        _progress("")
        match format_:
            case "json":
                typer.echo(report.as_json(made))
            case "csv":
                typer.echo(report.as_csv(made), nl=False)
            case "html":
                typer.echo(page.page(made), nl=False)
            case _:
                for line in report.text(made):
                    typer.echo(line)
        return 0 if made.is_clean else running.FAILED

    running.run(action, kafka=coverage or tie_out)


def _progress(check: str) -> None:
    """Tell a terminal what is checked, in one line that is gone at the end."""
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[K{check and f'checking {check}'}", err=True, nl=False)
