"""Commands that are built when they are used, so that `g3n` starts without loading what it does not need."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command


class Deferred(TyperCommand):
    """Stands for a command or a group until it is used. `made` then returns the command, or the group's typer app."""

    def __init__(self, name: str, short_help: str, made: Callable[[], Any]) -> None:
        super().__init__(name, short_help=short_help)
        self._made = made

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401  # click's own, which typer keeps to itself
        """Return the context of the real command, with which parsing, running and completion go on."""
        return self.made().make_context(info_name, args, parent, **extra)

    def made(self) -> Any:  # noqa: ANN401  # click's own, as above
        """Return the real command."""
        made = self._made()
        return get_command(made) if isinstance(made, typer.Typer) else made


def alone(command: Callable[..., None], **about: Any) -> typer.Typer:  # noqa: ANN401  # typer's own options of a command
    """Return the app of a single command."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(**about)(command)
    return app
