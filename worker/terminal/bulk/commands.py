"""`g3n crm customer import`, `g3n crm loyalty import` and `g3n crm giftcard import`."""

import asyncio
import getpass
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from schemas.operations import OPERATIONS
from worker.terminal.bulk.row import FileInvalid, FileUnreadable, Layout
from worker.terminal.exit_status import ExitStatus, exit_with

if TYPE_CHECKING:
    from worker.terminal.bulk.source import Source
    from worker.terminal.bulk.work import Import

MAX_CARDS: Final = 10_000
_PATIENCE_S: Final = 300.0  # long enough for a restart of the API

_File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header, or JSONL; in UTF-8")]
_Concurrency = Annotated[int, typer.Option(min=1, max=64, help="how many rows to send at a time")]
_State = Annotated[
    Path | None, typer.Option(metavar="FILE", help="the file of rows that are done; default: FILE.state.jsonl")
]
_Profile = Annotated[str | None, typer.Option(help="the profile, from g3n login")]


def customers(file: _File, concurrency: _Concurrency = 8, state: _State = None, profile: _Profile = None) -> None:
    """Create the customers of a file.

    Columns are the options of `customer create` with _ for -: customer_id, name, email, phone, birth_date,
    external_ids.NAME, actor. A row of JSONL is the body.

    The whole file is checked before anything is sent. To continue an interrupted import, run it again: nothing is done
    twice. Refused rows are in FILE.errors.jsonl.
    """
    layout = Layout(OPERATIONS["customer.create"], ("customer_id",))
    _import(layout, file, concurrency, state, profile)


def points(
    file: _File,
    reason: Annotated[str, typer.Option(help="of rows without one")] = "opening balance",
    actor: Annotated[str | None, typer.Option(help="of rows without one; default: your login name")] = None,
    concurrency: _Concurrency = 8,
    state: _State = None,
    profile: _Profile = None,
) -> None:
    """Book the opening points balances of a file.

    Columns are the options of `loyalty adjust` with _ for -: customer_id, points, reason, actor. The points are
    available at once, live as long as points earned today, and count towards no tier. The customers must exist.

    The whole file is checked before anything is sent. To continue an interrupted import, run it again: nothing is done
    twice. Refused rows are in FILE.errors.jsonl.
    """
    defaults = {"reason": reason, "actor": actor or getpass.getuser()}
    layout = Layout(OPERATIONS["loyalty.adjust"], ("customer_id",), defaults=defaults)
    _import(layout, file, concurrency, state, profile)


def gift_cards(
    file: _File,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the file for generated numbers: CSV that only you can read")
    ] = None,
    concurrency: _Concurrency = 8,
    state: _State = None,
    profile: _Profile = None,
) -> None:
    """Issue the gift cards of a file, 10,000 at most.

    Columns are the options of `giftcard issue` with _ for -: number, amount or amount_minor, currency, customer_id,
    expires_on, pin, actor. For a card without a number one is generated, written to --out, and shown nowhere else.

    The whole file is checked before anything is sent. To continue an interrupted import, run it again: nothing is done
    twice. Refused rows are in FILE.errors.jsonl.
    """
    layout = Layout(OPERATIONS["giftcard.issue"], ("gift_card", "number"), MAX_CARDS)
    _import(layout, file, concurrency, state, profile, out)


def _import(
    layout: Layout,
    file: Path,
    concurrency: int,
    state_file: Path | None,
    profile: str | None,
    out: Path | None = None,
) -> None:
    from worker.client.client import Client
    from worker.terminal.bulk import numbers, state, work
    from worker.terminal.reach import connected

    source = _checked(layout, file, out)
    connection = connected(profile)
    kept_in = None if out is None else str(out.resolve())
    target = state.Target(layout.operation.name, connection.url, connection.orgcode, source.digest, kept_in)
    errors = _beside(file, "errors")

    async def whole(run: work.Import) -> None:
        async with Client(connection, patience_s=_PATIENCE_S, connections=concurrency) as client:
            await run.run(client, concurrency)

    with ExitStack() as stack:
        try:
            kept = stack.enter_context(state.opened(state_file or _beside(file, "state"), target))
            written = stack.enter_context(numbers.opened(out, kept.done)) if out else None
            refused = stack.enter_context(errors.open("wb", buffering=0))
        except state.StateInvalid as error:
            exit_with(ExitStatus.USAGE, str(error))
        except OSError as error:
            exit_with(ExitStatus.USAGE, f"{errors}: {error.strerror}")
        run = work.Import(source, kept, written, refused)
        asyncio.run(whole(run))
    if not run.failed:
        errors.unlink()
    _leave(run, errors)


def _checked(layout: Layout, file: Path, out: Path | None) -> "Source":
    from worker.terminal.bulk import source, work

    try:
        read = source.read(file, layout)
    except FileUnreadable as error:
        exit_with(ExitStatus.USAGE, f"{file}: {error}")
    except FileInvalid as error:
        for problem in error.problems:
            typer.echo(f"g3n: {file}: {problem}", err=True)
        exit_with(ExitStatus.INVALID_REQUEST, f"{file}: nothing was sent", "Correct the file and run it again.")
    if layout.most is not None and out is None and not all(map(work.has_number, read.rows())):
        exit_with(ExitStatus.USAGE, "some cards have no number: say with --out where the generated ones go")
    return read


def _leave(run: "Import", errors: Path) -> None:
    from worker.client.failure import ApiError
    from worker.terminal.reach import refused

    done = f"{run.done:,} done, {run.already:,} done before, {run.failed:,} refused"
    typer.echo(f"{done}, of {run.source.count:,} rows", err=True)
    if run.interrupted:
        exit_with(ExitStatus.INTERRUPTED, "interrupted", "Run it again to go on.")
    if isinstance(run.stopped, ApiError):
        typer.echo("g3n: stopped before the end; run it again to go on", err=True)
        refused(run.stopped)
    if run.stopped is not None:
        exit_with(
            ExitStatus.FAILED, f"the list of finished rows can't be saved: {run.stopped}", "Run it again to go on."
        )
    if run.failed:
        exit_with(ExitStatus.ROWS_FAILED, f"{run.failed:,} row(s) were refused", f"Why is in {errors}.")


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f"{file.name}.{what}.jsonl")
