"""`g3n crm policy put`: show what a new version changes, and ask, before it is put."""

import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import typer

from schemas.operations import OPERATIONS
from schemas.policy import Policy
from schemas.scalars import DAY_US, format_instant, parse_instant
from worker.terminal import policy_text
from worker.terminal.exit_status import ExitStatus, exit_with
from worker.terminal.reach import Manner, asked

PUT: Final = OPERATIONS["loyalty.policy.put"]
GET: Final = OPERATIONS["loyalty.policy.get"]
FAR_US: Final = 366 * DAY_US  # a later date is more likely a typing error

Versions = Iterable[Mapping[str, Any]]


def review(body: Mapping[str, Any], manner: Manner) -> None:
    """Show on stderr what changes, and ask a person whether to go ahead. Exit if the answer is no.

    A program is not asked; it has to say `--yes` if a version begins more than a year ahead. `--dry-run` ends here.
    """
    since = str(body["effective_from"])
    before = asked(manner, lambda client: client.call(GET, {"at": since})).json()
    _show(
        policy_text.difference(before["policy"], Policy.model_validate(body["policy"]).wire_form()), before["version"]
    )
    for line in superseded(before["versions"], since):
        typer.echo(line, err=True)
    if manner.dry_run:
        typer.echo("Nothing was put: --dry-run.", err=True)
        raise typer.Exit
    if not manner.sure:
        _ask(since)


def superseded(versions: Versions, since: str) -> list[str]:
    """Return a line for each version that would never come into force (contract POL7)."""
    now_us = int(datetime.now(UTC).timestamp() * 1_000_000)
    return [
        f"Version {one['version']}, in force from {one['effective_from']} on, would be superseded."
        for one in versions
        if one.get("effective_from") and not one.get("superseded")
        if parse_instant(one["effective_from"]) >= max(parse_instant(since), now_us + 1)
    ]


def far_ahead(since: str) -> bool:
    """Return whether an instant is more than a year ahead: more likely a typing error than a plan."""
    return parse_instant(since) - int(datetime.now(UTC).timestamp() * 1_000_000) > FAR_US


def confirm_far(since: str) -> None:
    """Ask once more about a version that begins more than a year ahead. Raises typer.Abort for no."""
    year = format_instant(parse_instant(since))[:4]
    typer.confirm(f"{since} is more than a year ahead. Is {year} what you mean?", abort=True, err=True)


def _ask(since: str) -> None:
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if at_terminal:
        typer.confirm(f"Put it into force from {since} on, for everybody?", abort=True, err=True)
    if far_ahead(since):
        if not at_terminal:
            exit_with(ExitStatus.USAGE, f"{since} is more than a year ahead", "Use --yes if you mean it.")
        confirm_far(since)


def _show(changes: list[str], version: int) -> None:
    text = "What changes from version {}:" if changes else "Nothing changes from version {}."
    typer.echo(text.format(version), err=True)
    show(changes, err=True)


def show(changes: list[str], *, err: bool) -> None:
    """Show the lines of a difference in colour."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in changes:
        typer.secho(line, fg=colours.get(line[:1]), color=None if "NO_COLOR" not in os.environ else False, err=err)
