"""The output of `g3n worker dlq`: for people, and as JSON."""

import base64
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import typer

from worker.cli.tables import duration, fields, instant, shortened, table
from worker.ledger.inbox import Group, Letter
from worker.ops.dlq.reading import FOREVER, Kept

WIDE: Final = 78


def _until(until: datetime | None) -> str:
    if until is None:
        return "unknown"
    left_s = (until - datetime.now(until.tzinfo)).total_seconds()
    return "for ever" if until == FOREVER else duration(left_s) if left_s > 0 else "gone"


def show_groups(groups: list[Group], kept: Kept, state: str, *, as_json: bool) -> None:
    """Print the groups."""
    if as_json:
        typer.echo(json.dumps([_group_json(one, kept) for one in groups], indent=2))
        return
    if not groups:
        typer.echo(f"no dead letter is {state}")
        return
    rows = [
        (str(one.id), f"{one.letters:,}", one.reason, one.type or "-", one.orgcode or "-",
         duration((datetime.now(one.last_at.tzinfo) - one.last_at).total_seconds()), _until(kept.until(one.oldest_ms)))
        for one in groups
    ]  # fmt: skip
    head, *lines = table(("GROUP", "LETTERS", "REASON", "TYPE", "TENANT", "LAST", "KEPT"), rows).splitlines()
    typer.echo(head)
    for one, line in zip(groups, lines, strict=True):
        typer.echo(line)
        if one.detail:
            typer.echo(f"       {shortened(one.detail, WIDE - 7)}")


def show_group(group: Group, kept: Kept, *, as_json: bool) -> None:
    """Print one group, with its sample."""
    if as_json:
        typer.echo(json.dumps(_group_json(group, kept), indent=2))
        return
    typer.echo(
        fields(
            [
                ("group", str(group.id)),
                ("reason", group.reason),
                ("where", group.path),
                ("type", group.type),
                ("tenant", group.orgcode),
                ("letters", f"{group.letters:,}"),
                ("first", instant(group.first_at)),
                ("last", instant(group.last_at)),
                ("kept for", _until(kept.until(group.oldest_ms))),
                ("detail", group.detail),
            ]
        )
    )
    if group.sample is not None:
        typer.echo(f"\nthe first of them, secrets masked\n{group.sample.decode('utf-8', 'replace')}")


def show_letters(letters: list[Letter], *, as_json: bool) -> None:
    """Print letters, one a line."""
    if as_json:
        typer.echo(json.dumps([_letter_json(one) for one in letters], indent=2))
    elif not letters:
        typer.echo("no letters")
    else:
        head = ("POSITION", "SUBJECT", "ATTEMPTS", "REFUSED BY", "LAST")
        rows = [
            (str(one.position), one.subject or "-", str(one.attempts), one.version or "-", instant(one.last_at))
            for one in letters
        ]
        typer.echo(table(head, rows))


def show_letter(letter: Letter, original: bytes | None, *, as_json: bool) -> None:
    """Print one letter, with its original."""
    if as_json:
        sent = None if original is None else base64.b64encode(original).decode()
        typer.echo(json.dumps({**_letter_json(letter), "original_masked": sent}, indent=2))
        return
    typer.echo(
        fields(
            [
                ("position", str(letter.position)),
                ("state", letter.state.value),
                ("group", str(letter.group_id)),
                ("reason", letter.reason),
                ("detail", letter.detail),
                ("type", letter.type),
                ("subject", letter.subject),
                ("tenant", letter.orgcode),
                ("attempts", f"{letter.attempts}, the last refused by version {letter.version or 'unknown'}"),
                ("first", instant(letter.first_at)),
                ("last", instant(letter.last_at)),
                ("closed", instant(letter.closed_at)),
            ]
        )
    )
    if original is None:
        typer.echo("\nThe topic no longer has the original: it can't be redriven.")
    else:
        typer.echo(f"\nthe original, secrets masked\n{original.decode('utf-8', 'replace')}")


def _group_json(group: Group, kept: Kept) -> dict[str, Any]:
    until = kept.until(group.oldest_ms)
    return {
        **asdict(group),
        "first_at": instant(group.first_at),
        "last_at": instant(group.last_at),
        "sample": None if group.sample is None else group.sample.decode("utf-8", "replace"),
        "redrivable_until": None if until is None else instant(until),
    }


def _letter_json(letter: Letter) -> dict[str, Any]:
    times = {name: instant(getattr(letter, name)) or None for name in ("first_at", "last_at", "closed_at")}
    return {**asdict(letter), **times, "position": str(letter.position), "state": letter.state.value}
