"""Ask before an operation that can't be undone: show what it does, to whom, and at which API."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import typer

from schemas.operations import OPERATIONS, Operation
from worker.client.client import Client
from worker.client.connection import Connection
from worker.client.failure import ApiError
from worker.terminal.members import FILES, members
from worker.terminal.values import clean


def confirm(operation: Operation, body: Mapping[str, Any], connection: Connection) -> None:
    """Ask a person whether to go ahead. Raises typer.Abort for no. A program is not asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    name = operation.name.replace(".", " ")
    typer.echo(f"{name} for {connection.orgcode} at {connection.url}: {operation.summary}", err=True)
    for member in members(operation.name):
        value = body.get(member.path[0])
        if value is not None and len(member.path) == 1 and member.form not in FILES:
            typer.echo(clean(f"  {member.option[2:]}: {value}"), err=True)
    if operation.name == "customer.erase":
        for line in _erased(body, connection):
            typer.echo(clean(f"  {line}"), err=True)
    typer.confirm("Go ahead?", abort=True, err=True)


def _erased(body: Mapping[str, Any], connection: Connection) -> list[str]:
    """Return who would be erased and what would go, as far as the key may see it."""

    async def found() -> dict[str, Any]:
        async with Client(connection, patience_s=0) as client:
            answer = await client.call(OPERATIONS["customer.get"], {"customer_id": body["customer_id"]})
            return answer.json()

    goes = "erased for good: name, e-mail, phone, birth date, external ids"
    try:
        view = asyncio.run(found())
    except ApiError as error:
        return [f"who it is can't be shown: {error.code.value} {error.reason}", goes]
    profile = view.get("profile", {})
    who = [value for value in profile.values() if isinstance(value, str)]
    who += [f"{name}={id_}" for name, id_ in (profile.get("external_ids") or {}).items()]
    points = view.get("points", {}).get("balance", 0)
    return [
        f"who: {', '.join(who) or 'nothing personal is kept'}",
        goes,
        f"stays, under a pseudonym: {points:,} points, {len(view.get('gift_cards', ()))} gift card(s), every transfer",
    ]
