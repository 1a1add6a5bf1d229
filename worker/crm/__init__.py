"""`g3n crm …` and `g3n login`: the HTTP API for a person at a terminal, and for scripts."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import typer

from worker.crm.bulk.commands import customers, gift_cards, points
from worker.crm.commands import groups
from worker.crm.edit import edit
from worker.crm.entry import login, logout


def _crm() -> typer.Typer:
    made = groups()
    made["loyalty.policy"].command()(edit)
    made["customer"].command("import", short_help="Create the customers of a file.")(customers)
    made["giftcard"].command("import", short_help="Issue the gift cards of a file.")(gift_cards)
    made["loyalty"].command("import", short_help="Book the opening points balances of a file.")(points)
    return made[""]


def _alone(command: Callable[..., None]) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(command)
    return app


# The commands that `g3n` has of it, by name.
APPS: Final = MappingProxyType({"crm": _crm(), "login": _alone(login), "logout": _alone(logout)})
