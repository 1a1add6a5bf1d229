"""`g3n crm policy edit`: fetch, edit, check, show the difference, ask, put."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from schemas.operations import OPERATIONS
from schemas.scalars import format_instant, parse_instant
from worker.terminal import policy_put, policy_text
from worker.terminal.exit_status import ExitStatus, exit_with

if TYPE_CHECKING:
    from schemas.policy import Policy
    from worker.terminal.reach import Manner

_NOW: Final = "now"


def edit(
    version: Annotated[int | None, typer.Option(min=0, help="begin with this version; default: the latest")] = None,
    effective_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="RFC 3339 with offset, or now; default: ask")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="the profile, from g3n login")] = None,
) -> None:
    """Edit the policy in $VISUAL or $EDITOR, see the difference, and put it into force.

    An invalid policy opens again in the editor, with the errors above it. Nothing is put before you say yes. Your text
    is kept if you say no or if the API refuses it.
    """
    from worker.terminal.reach import Manner

    if not (_editor() or sys.stdin.isatty()):
        exit_with(ExitStatus.USAGE, "there is no terminal to edit at, and no editor in VISUAL or EDITOR",
                  "Put a file: g3n crm policy put --policy FILE.")  # fmt: skip
    manner = Manner(profile=profile)
    newest = _newest(manner)
    begun = newest if version is None else _version(manner, version)
    path = _text_file(policy_text.written(begun["policy"], f"of version {begun['version']}"))
    try:
        policy = _edited(path)
        changes = policy_text.difference(newest["policy"], policy.wire_form())
        if not changes:
            path.unlink()
            typer.echo(f"Nothing was changed: it is version {newest['version']}.", err=True)
            return
        typer.echo(f"What changes from version {newest['version']}:")
        policy_put.show(changes, err=False)
        since = _since(effective_from, newest["versions"])
        for line in policy_put.superseded(newest["versions"], since):
            typer.echo(line, err=True)
        typer.confirm(f"Put it into force from {since} on, for everybody?", abort=True, err=True)
        if policy_put.far_ahead(since):
            policy_put.confirm_far(since)
        _put(manner, policy, since, newest["versions"])
    except (typer.Abort, KeyboardInterrupt, typer.Exit, EOFError) as error:
        _keep(path, error)
    path.unlink()


def _newest(manner: "Manner") -> dict[str, Any]:
    """Return the version to start from: the last one that was put, in force already or not."""
    now = _version(manner, None)
    last = max(one["version"] for one in now["versions"])
    return now if last == now["version"] else _version(manner, last)


def _version(manner: "Manner", version: int | None) -> dict[str, Any]:
    """Return the answer of `policy get`; without `version`, of the policy in force."""
    from worker.terminal.reach import asked

    body = {} if version is None else {"version": version}
    return asked(manner, lambda client: client.call(OPERATIONS["loyalty.policy.get"], body)).json()


def _text_file(text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="g3n-policy-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _edited(path: Path) -> "Policy":
    """Return the person's text once it is valid. Raises typer.Abort if they give up."""
    while True:
        _open_editor(path)
        text = _text(path)
        if not policy_text.bare(text).strip():
            path.unlink()
            typer.echo("The file is empty: nothing was put.", err=True)
            raise typer.Abort
        try:
            return policy_text.parsed(text)
        except policy_text.PolicyInvalid as error:
            for problem in error.problems:
                typer.echo(f"g3n: {problem}", err=True)
            typer.confirm("Edit it again?", default=True, abort=True, err=True)
            path.write_text(policy_text.with_problems(text, error.problems), encoding="utf-8")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")  # an editor may put a byte order mark
    except OSError:
        typer.echo(f"g3n: {path} is gone: nothing was put", err=True)
        raise typer.Abort from None


def _editor() -> str | None:
    return os.environ.get("VISUAL") or os.environ.get("EDITOR")


def _open_editor(path: Path) -> None:
    editor = _editor() or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603  # the user's own editor
    except (OSError, ValueError) as error:
        typer.echo(f"g3n: {editor} can't be started ({type(error).__name__}): set EDITOR", err=True)
        raise typer.Abort from None
    if done.returncode:
        typer.echo(f"g3n: {editor} left with {done.returncode}: nothing was put", err=True)
        raise typer.Abort


def _since(given: str | None, versions: list[Mapping[str, Any]]) -> str:
    """Return the instant from which the version counts: later than the version in force (contract POL6)."""
    now_us = int(datetime.now(UTC).timestamp() * 1_000_000)
    begun = (one["effective_from"] for one in versions if one.get("effective_from") and not one.get("superseded"))
    latest = max((since for since in begun if parse_instant(since) <= now_us), key=parse_instant, default=None)
    while True:
        text = given or typer.prompt("In force from (RFC 3339 with offset, or now)", default=_NOW, err=True)
        since = format_instant(int(datetime.now(UTC).timestamp() * 1_000_000)) if text == _NOW else text
        try:
            late_enough = latest is None or parse_instant(since) > parse_instant(latest)
        except ValueError:
            why = "not an RFC 3339 time with offset, as 2026-12-01T00:00:00+00:00"
        else:
            if late_enough:
                return since
            why = f"must be later than {latest}, when the version in force began"
        typer.echo(f"g3n: {why}", err=True)
        if given:
            raise typer.Exit(ExitStatus.USAGE)


def _put(manner: "Manner", policy: "Policy", since: str, versions: list[Mapping[str, Any]]) -> None:
    from worker.terminal.reach import asked

    if _version(manner, None)["versions"] != versions:
        exit_with(ExitStatus.INVALID_STATE, "somebody put another version meanwhile", "Begin again from that one.")
    body = {"policy": policy.wire_form(), "effective_from": since}
    done = asked(manner, lambda client: client.call(OPERATIONS["loyalty.policy.put"], body)).json()
    typer.echo(f"Version {done.get('policy_version')} is in force from {since} on.")


def _keep(path: Path, error: BaseException) -> NoReturn:
    """Keep the person's text in a file, whatever interrupts the command."""
    if path.exists():
        nothing = "nothing was put; " if isinstance(error, typer.Abort | EOFError) else ""
        typer.echo(f"\ng3n: {nothing}your text is in {path}", err=True)
    if isinstance(error, typer.Exit):
        raise error
    sys.exit(ExitStatus.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitStatus.FAILED)
