"""Secrets that stand in no shell's history: asked for at a terminal, else a line of stdin."""

import sys
from typing import Final

import typer

ASK: Final = "-"


def revealed(value: str, what: str) -> str:
    """The value; for `-` what is typed unseen at a terminal, or the next line of stdin."""
    if value != ASK:
        return value
    if sys.stdin.isatty():
        return str(typer.prompt(what.lstrip("-"), hide_input=True, err=True)).strip()
    line = sys.stdin.readline().strip()
    if not line:
        raise typer.BadParameter("stdin has no line for it", param_hint=what)
    return line
