"""Read secrets that are neither in a shell's history nor in the list of processes: typed unseen, or from a file."""

import os
import sys
from pathlib import Path
from typing import Final

import typer

ASK: Final = "-"
FILE: Final = "@"
OF_PIN: Final = "G3N_PIN"


def read_secret(value: str, what: str) -> str:
    """Return the secret behind an option's value. For `-` it is typed unseen at a terminal, or is the next line of
    stdin; for `@FILE` it is the file's first line. Any other value is the secret itself; at a terminal, a warning is
    shown.
    """
    if value == ASK:
        return _asked(what)
    if value.startswith(FILE):
        return _first_line(Path(value.removeprefix(FILE)), what)
    if sys.stderr.isatty() and value != os.environ.get(OF_PIN):
        typer.echo(f"g3n: {what} can be read in the list of processes; use {what} - or {what} @FILE", err=True)
    return value


def _asked(what: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(what.lstrip("-"), hide_input=True, err=True)).strip()
    line = sys.stdin.readline().strip()
    if not line:
        raise typer.BadParameter("stdin has no line for it", param_hint=what)
    return line


def _first_line(path: Path, what: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(1024).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise typer.BadParameter(f"{path}: {reason}", param_hint=what) from None
    if not line:
        raise typer.BadParameter(f"{path}: its first line is empty", param_hint=what)
    return line
