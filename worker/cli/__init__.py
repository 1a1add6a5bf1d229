"""`g3n`, also `python -m worker`: a module a group of commands, put together here."""

import sys

import typer

from worker.cli import keys, mcp, worker
from worker.cli.api import api
from worker.cli.deferred import Root
from worker.cli.running import EPILOG

app = typer.Typer(
    name="g3n",
    cls=Root,
    help="Loyalty points and gift cards from retail events: Kafka in, one Postgres ledger, outcomes out.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
worker.app.add_typer(keys.app, name="keys")
app.add_typer(worker.app, name="worker")
app.command(epilog=EPILOG)(api)
app.command("mcp")(mcp.serve)


@app.callback()
def _g3n() -> None:
    """Commands come in groups."""


def main() -> None:
    """The entry point of `g3n`."""
    app(prog_name="g3n")


def module() -> None:
    """The entry point of `python -m worker`: as `g3n`, and the word `worker` may be left out."""
    if sys.argv[1:2] in (["setup"], ["run"], ["drain"], ["explain"], ["simulate"], ["keys"]):
        sys.argv.insert(1, "worker")
    main()
