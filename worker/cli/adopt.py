"""`g3n worker adopt …`: deliberate changes of a ledger's consumer group, its topics, or its card keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli import running
from worker.cli.operations import acting
from worker.cli.running import FAILED
from worker.process import settings as of_process

if TYPE_CHECKING:
    from worker.ledger.queries import Connection

app = typer.Typer(help="Deliberate changes that programs refuse otherwise: settings, card-key.", no_args_is_help=True)

_Reason = Annotated[str, typer.Option(metavar="WHY", help="for the journal")]


@app.command()
def settings(reason: _Reason) -> None:
    """Assign the ledger to the consumer group and the topics in the present settings.

    The ledger keeps its positions in topics that it has read. First stop the workers of the group.
    """

    async def action(chosen: of_process.Settings) -> int:
        from worker.app import examine, operators
        from worker.ledger import guards
        from worker.ledger.operators import Operator

        served = examine.served(chosen)
        operator = Operator(chosen.operator_name, reason)
        await operators.on_ledger(chosen, lambda connection: guards.adopt(connection, served, operator))
        typer.echo(f"the ledger of the group {served.group}, topics {', '.join(served.topics)}")
        return 0

    running.run(action, kafka=False)


@app.command("card-key")
def card_key(
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="as the refused program prints it")],
    reason: _Reason,
) -> None:
    """Let programs run without a recorded card key: its cards are not found, its duplicates become conflicts."""
    try:
        key = bytes.fromhex(fingerprint)
    except ValueError:
        raise typer.BadParameter("must be hexadecimal", param_hint="FINGERPRINT") from None

    async def action(connection: "Connection", operator: Any) -> int:  # noqa: ANN401  loaded late
        from worker.ledger import guards

        if await guards.forget_card_key(connection, key, operator):
            typer.echo(f"card key {fingerprint}: no longer needed")
            return 0
        typer.echo(f"g3n: no rows are known to use the card key {fingerprint}", err=True)
        return FAILED

    acting(action, reason)
