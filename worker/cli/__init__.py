"""`g3n`, also `python -m worker`: one module for each group of commands, loaded when the group is used."""

import errno
import os
import sys
from functools import partial
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from worker.cli import encoding
from worker.terminal.deferred import Deferred

# Name, text of `--help`, and location: a module and a name in it.
_COMMANDS: Final = (
    ("worker", "Consume documents and publish their outcomes.", "worker.cli.worker:app"),
    ("api", "Answer the HTTP API until SIGTERM.", "worker.cli.api:app"),
    ("mcp", "Serve MCP, as a client of the HTTP API: tools, resources, prompts.", "worker.cli.mcp:app"),
    ("crm", "Customers, loyalty points and gift cards through the HTTP API.", "worker.terminal.groups:APP"),
    (
        "login",
        "Store the URL, tenant and key of the API, once the API has accepted them.",
        "worker.terminal.login:LOGIN",
    ),
    ("logout", "Delete a profile and its key.", "worker.terminal.login:LOGOUT"),
)
_WORKER_COMMANDS: Final = (
    ["setup"], ["run"], ["drain"], ["explain"], ["simulate"], ["keys"], ["publish"], ["operations"],
    ["partition"], ["adopt"], ["journal"], ["replay"], ["rebuild"], ["dlq"], ["status"], ["probe"], ["audit"],
    ["outcomes"],
)  # fmt: skip

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class Root(TyperGroup):
    """`g3n`: its commands by name."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401  # typer passes them on to click
        super().__init__(**given)
        for name, short_help, where in _COMMANDS:
            self.add_command(Deferred(name, short_help, partial(_loaded, *where.split(":"))))


def _loaded(module: str, name: str) -> Any:  # noqa: ANN401  # a typer app or a click command
    return getattr(import_module(module), name)


app = typer.Typer(
    name="g3n",
    cls=Root,
    help="Loyalty points and gift cards from retail events: Kafka in, one Postgres ledger, outcomes out.",
    epilog="Settings of the server are environment variables: g3n worker --help lists them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:  # as typer calls it
    if wanted:
        from importlib.metadata import version

        from worker.process.build import build

        typer.echo(f"g3n {version('g3n-crm')} ({build()})")
        raise typer.Exit


@app.callback()
def _g3n(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="show the version and exit")
    ] = False,
) -> None:
    """Commands come in groups."""


def main() -> None:
    """The entry point of `g3n`."""
    encoding.write_what_it_can()
    try:
        app(prog_name="g3n")
    except OSError as error:
        if error.errno not in _FULL:
            raise
        sys.stderr.write(f"g3n: the output can't be written: {error.strerror}\n     The command may have been done.\n")
        # The interpreter flushes stdout once more when it exits, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)


def module() -> None:
    """The entry point of `python -m worker`: as `g3n`, and the word `worker` may be left out."""
    if sys.argv[1:2] in _WORKER_COMMANDS:
        sys.argv.insert(1, "worker")
    main()
