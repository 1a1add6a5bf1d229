"""`g3n worker …`: consume, set up, explain, simulate."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from worker.cli import (
    adopt,
    archive,
    audit,
    dlq,
    keys,
    operations,
    outcomes,
    partitions,
    rebuild,
    replay,
    running,
    status,
)
from worker.cli.running import EPILOG, FAILED
from worker.process import settings

app = typer.Typer(
    help="Consume documents and publish their outcomes.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.add_typer(keys.app, name="keys")
app.add_typer(operations.app, name="operations")
app.add_typer(dlq.app, name="dlq")
app.add_typer(partitions.app, name="partition")
app.add_typer(adopt.app, name="adopt")
app.command()(operations.journal)
app.add_typer(outcomes.app, name="outcomes")
app.command()(replay.replay)
app.command()(rebuild.rebuild)
app.command()(status.status)
app.command()(status.probe)
app.command()(audit.audit)
app.command()(archive.archive)

SHOWN: Final = 20  # problems of a file
_Processes = Annotated[int, typer.Option(min=1, max=64, help="how many workers to run under one parent, in one group")]


@app.command()
def setup(
    print_roles: Annotated[
        bool, typer.Option("--print-roles", help="print the SQL that creates the database's roles, for a DBA, and stop")
    ] = False,
) -> None:
    """Create the database's roles, migrate it and create the topics. Running it again changes nothing."""
    if print_roles:
        from worker.ledger import roles

        typer.echo(roles.sql(), nl=False)
        return

    async def action(chosen: settings.Settings) -> int:
        from worker.app import setup

        await setup.setup(chosen, typer.echo)
        return 0

    running.run(action)


@app.command(epilog=EPILOG)
def run(processes: _Processes = 1) -> None:
    """Consume until SIGTERM; then finish the batch, commit and exit with status 0."""

    async def action(chosen: settings.Settings) -> int:
        from worker.app import worker

        return await worker.run(chosen)

    running.run(action, "run", processes)


@app.command()
def drain(processes: _Processes = 1) -> None:
    """Consume the records that exist at the start, until no document is ready; then exit with status 0."""

    async def action(chosen: settings.Settings) -> int:
        from worker.app import worker

        return await worker.drain(chosen)

    running.run(action, "drain", processes)


@app.command()
def explain(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="the document's type, like scm.sale.completed")],
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="its business id: sale, return, tender or command id")
    ],
    orgcode: Annotated[str, typer.Option(envvar="G3N_ORGCODE", help="the tenant")],
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="the directory of archives with its transfers",
        ),
    ] = None,
) -> None:
    """Explain how a document was decided, and why: policy, lines, lots, transfers and waits."""
    from worker.ops.explain import TYPES

    if type_ not in TYPES:
        raise typer.BadParameter(f"{type_} is none of {', '.join(TYPES)}", param_hint="TYPE")

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators
        from worker.ops.text import text

        explanation = await operators.explain(chosen, orgcode, type_, subject, archive)
        if explanation is None:
            typer.echo(f"g3n: {orgcode} has no {type_} {subject}: it was not read yet, or is a dead letter", err=True)
            return FAILED
        typer.echo(explanation.json_text() if as_json else text(explanation))
        return 0

    running.run(action, kafka=False)


@app.command()
def simulate(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(metavar="FILE", help="a CloudEvent in structured mode, JSON; -: stdin")
    ],
    orgcode: Annotated[
        str | None, typer.Option(envvar="G3N_ORGCODE", help="the tenant, if the event names none")
    ] = None,
) -> None:
    """Print the outcome's data that a document would get now. Writes and publishes nothing."""
    event = file.read()

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators
        from worker.engine.rehearsal import Conflict
        from worker.ops.simulate import Invalid, outcome

        try:
            messages = await operators.simulate(chosen, event, orgcode)
        except (Invalid, Conflict) as error:
            typer.echo(f"g3n: this would be a dead letter: {error}", err=True)
            return FAILED
        data, stored = outcome(messages)
        typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
        if stored:
            typer.echo("g3n: the document is known, this is its stored outcome", err=True)
        return 0

    running.run(action, kafka=False)


@app.command()
def publish(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help="JSON or JSON lines: CloudEvents, or with --type their data; -: stdin"),
    ],
    type_: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="the type of data without an envelope, like scm.sale.completed"),
    ] = None,
    orgcode: Annotated[
        str | None, typer.Option(envvar="G3N_ORGCODE", help="the tenant of documents that name none")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="wait for the outcomes, and print them")] = False,
    timeout: Annotated[float, typer.Option(min=1, max=3600, metavar="SECONDS", help="how long to wait")] = 30,
) -> None:
    """Publish documents to their topics. Each is checked first, and the command waits until Kafka acknowledges all.

    With --wait, it prints the outcomes as published, one per line. Exit status 1: a document became a dead letter or
    had no outcome in time. Exit status 2: the file is wrong, and nothing was published.
    """
    from schemas.registry import DOCUMENTS

    if type_ is not None and type_ not in DOCUMENTS:
        raise typer.BadParameter(f"none of {', '.join(DOCUMENTS)}", param_hint="--type")
    raw = file.read()

    async def action(chosen: settings.Settings) -> int:
        from worker.ops import publishing
        from worker.ops.documents import Unpublishable

        asked = publishing.Publishing(raw, type_, orgcode, wait, timeout)
        try:
            return await publishing.publish(
                chosen, asked, lambda line: typer.echo(f"g3n: {line}", err=True), typer.echo
            )
        except Unpublishable as error:
            for problem in error.problems[:SHOWN]:
                typer.echo(f"g3n: {file.name}: {problem}", err=True)
            more = len(error.problems) - SHOWN
            typer.echo(f"g3n: {f'{more:,} more; ' if more > 0 else ''}nothing was published", err=True)
            return running.SETTINGS

    running.run(action)
