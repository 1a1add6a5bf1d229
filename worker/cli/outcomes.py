"""`g3n worker outcomes …`: publish stored outcomes again."""

from typing import Annotated

import typer

from worker.cli import operations, running
from worker.process import settings

app = typer.Typer(help="Stored outcomes: publish them again.", no_args_is_help=True)


@app.callback()
def _outcomes() -> None:
    """Commands come in groups."""


@app.command()
def republish(  # noqa: PLR0913, PLR0917  typer: an option is a parameter
    orgcode: Annotated[str | None, typer.Option(help="documents of this tenant only")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="documents of this type only")] = None,
    subject: Annotated[str | None, typer.Option(help="the document of this business id only")] = None,
    customer: Annotated[str | None, typer.Option(help="documents whose outcome is about this customer only")] = None,
    store: Annotated[str | None, typer.Option(help="sales, returns and tenders of this store only")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="decided at or after, RFC 3339")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="decided before")] = None,
    to: Annotated[str | None, typer.Option(metavar="TOPIC", help="publish there instead")] = None,
    execute: Annotated[bool, typer.Option("--execute", help="publish them; default: only count them")] = False,
    reason: operations.Reason = "",
) -> None:
    """Publish stored outcomes again, byte for byte, with the header crm-replayed. It decides nothing.

    Without --execute it only counts them. Every consumer of the outcome topics gets them, unless --to names another
    topic.
    """
    from worker.ops.explain import CODES

    if type_ is not None and type_ not in CODES:
        raise typer.BadParameter(f"none of {', '.join(CODES)}", param_hint="--type")
    from_, before = running.instant(since, "--since"), running.instant(until, "--until")

    async def action(chosen: settings.Settings) -> int:
        from worker.ledger.operators import Operator
        from worker.ops.republish import Chosen, republish

        wanted = Chosen(orgcode, None if type_ is None else CODES[type_], subject, customer, store, from_, before)
        operator = Operator(chosen.operator_name, reason)
        await republish(chosen, wanted, to=to, publishes=execute, operator=operator, say=typer.echo)
        return 0

    running.run(action)
