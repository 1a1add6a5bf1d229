"""Commands that are put together only when they are used: `g3n --help` needs no more than their names."""

from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class Deferred(TyperCommand):
    """Stands for a command, or a group of them, until it is used; `made` then gives the typer app that it is."""

    def __init__(self, name: str, short_help: str, made: Callable[[], typer.Typer]) -> None:
        super().__init__(name, short_help=short_help)
        self._made = made

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401  # click's own, which typer keeps to itself
        """That of the command itself; whoever parses, runs or completes goes on with its `command`."""
        return get_command(self._made()).make_context(info_name, args, parent, **extra)


class Root(TyperGroup):
    """`g3n`: the groups of its typer app, and the client of the API (contract §5), whose schemas take a while."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401  # typer passes them on to click
        super().__init__(**given)
        for name, short_help in {
            "crm": "Customers, loyalty points and gift cards through the HTTP API.",
            "login": "Keep where the API is and as whom to ask, once the API has accepted it.",
            "logout": "Forget a profile, its key included.",
        }.items():
            self.add_command(Deferred(name, short_help, partial(_of_client, name)))


def _of_client(name: str) -> typer.Typer:
    from worker.crm import APPS

    return APPS[name]
