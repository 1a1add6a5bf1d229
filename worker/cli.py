"""`g3n`, also `python -m worker`."""

import json
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import structlog
import typer

from worker import errors, log, settings

_log = structlog.get_logger(__name__)

_EPILOG = "\b\nSettings are environment variables:\n" + settings.describe()
_FAILED = 1
_SETTINGS = 2

app = typer.Typer(
    name="g3n",
    help="Loyalty points and gift cards from retail events: Kafka in, one Postgres ledger, outcomes out.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
worker = typer.Typer(
    help="Consumes documents and publishes what was decided.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(worker, name="worker")

_Processes = Annotated[int, typer.Option(min=1, max=64, help="so many workers under one parent, in one group")]


@app.callback()
def _g3n() -> None:
    """Commands come in groups, even while there is one."""


@worker.command(epilog=_EPILOG)
def setup() -> None:
    """Migrate the database and create the topics; again changes nothing."""

    async def work(chosen: settings.Settings) -> int:
        from worker import app as root

        await root.setup(chosen, typer.echo)
        return 0

    _run(work)


@worker.command(epilog=_EPILOG)
def run(processes: _Processes = 1) -> None:
    """Consume until SIGTERM; then finish the batch, commit and leave with 0."""

    async def work(chosen: settings.Settings) -> int:
        from worker import app as root

        return await root.run(chosen)

    _run(work, "run", processes)


@worker.command(epilog=_EPILOG)
def drain(processes: _Processes = 1) -> None:
    """Consume until every input's end, as it is at the start, is committed and nothing is ready; leave with 0."""

    async def work(chosen: settings.Settings) -> int:
        from worker import app as root

        return await root.drain(chosen)

    _run(work, "drain", processes)


@worker.command(epilog=_EPILOG)
def explain(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="the document's type, as scm.sale.completed")],
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="its business id: sale, return, tender or command id")
    ],
    orgcode: Annotated[str, typer.Option(envvar="G3N_ORGCODE", help="the tenant")],
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Say how a document was decided, and why: policy, lines, lots, transfers, and what waited for what."""
    from worker.ops.explain import TYPES

    if type_ not in TYPES:
        raise typer.BadParameter(f"{type_} is none of {', '.join(TYPES)}", param_hint="TYPE")

    async def work(chosen: settings.Settings) -> int:
        from worker import app as root
        from worker.ops.text import text

        told = await root.explain(chosen, orgcode, type_, subject)
        if told is None:
            typer.echo(f"g3n: {orgcode} has no {type_} {subject}: it was not read yet, or is a dead letter", err=True)
            return _FAILED
        typer.echo(told.json_text() if as_json else text(told))
        return 0

    _run(work)


@worker.command(epilog=_EPILOG)
def simulate(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(metavar="FILE", help="a CloudEvent in structured mode, JSON; -: stdin")
    ],
    orgcode: Annotated[
        str | None, typer.Option(envvar="G3N_ORGCODE", help="the tenant, if the event is silent")
    ] = None,
) -> None:
    """Say what a document would get if it were read now, as the outcome's data; nothing is written or published."""
    event = file.read()

    async def work(chosen: settings.Settings) -> int:
        from worker import app as root
        from worker.ops.simulate import Invalid, outcome
        from worker.pipeline import Conflict

        try:
            messages = await root.simulate(chosen, event, orgcode)
        except (Invalid, Conflict) as error:
            typer.echo(f"g3n: this would be a dead letter: {error}", err=True)
            return _FAILED
        data, stored = outcome(messages)
        typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
        if stored:
            typer.echo("g3n: the document is known, this is its stored outcome", err=True)
        return 0

    _run(work)


def _run(work: Callable[[settings.Settings], Coroutine[Any, Any, int]], command: str = "", processes: int = 1) -> None:
    """Leave with what `work` returns; 1 for what could not be helped, 2 for settings that are not right."""
    import uvloop

    from worker import supervisor

    supervisor.end_with_parent()
    try:
        chosen = settings.load()
    except settings.SettingsError as error:
        typer.echo(f"g3n: {error}", err=True)
        raise typer.Exit(_SETTINGS) from None
    log.configure(chosen.log_level, chosen.log_format)
    if processes > 1:
        raise typer.Exit(uvloop.run(supervisor.supervise(["worker", command], processes)))
    try:
        code = uvloop.run(work(chosen))
    except (errors.OperatorError, errors.Unavailable) as error:
        _log.error("failed", why=str(error))
        raise typer.Exit(_FAILED) from None
    except Exception:  # noqa: BLE001 - Python's own report quotes values; this one does not
        _log.exception("crashed")
        raise typer.Exit(_FAILED) from None
    raise typer.Exit(code)


def main() -> None:
    """The entry point of `g3n`."""
    app(prog_name="g3n")


def module() -> None:
    """The entry point of `python -m worker`: as `g3n`, and the word `worker` may be left out."""
    if sys.argv[1:2] in (["setup"], ["run"], ["drain"], ["explain"], ["simulate"]):
        sys.argv.insert(1, "worker")
    main()
