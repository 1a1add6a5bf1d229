"""`g3n worker keys …`: the API keys. A secret is printed once, when its key is created."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.scopes import Scope
from worker.cli.operations import acting, on_ledger
from worker.cli.running import FAILED
from worker.cli.tables import instant
from worker.process import settings

if TYPE_CHECKING:
    from worker.ledger.api_keys import Key
    from worker.ledger.operators import Operator
    from worker.ledger.queries import Connection

app = typer.Typer(help="API keys: create, list, revoke, rotate.", no_args_is_help=True)

_Orgcode = Annotated[
    str, typer.Option("--orgcode", envvar="G3N_ORGCODE", metavar="ORGCODE", help="the tenant", show_default=False)
]
_KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="as `list` names it: k-…")]
_Json = Annotated[bool, typer.Option("--json", help="as JSON")]
_Reason = Annotated[str, typer.Option(metavar="WHY", help="for the operator journal")]
_Valid = Annotated[
    int | None, typer.Option(min=1, max=36_500, metavar="DAYS", help="days until the key expires; default: never")
]


@app.command()
def create(
    orgcode: _Orgcode,
    name: Annotated[str, typer.Option(help="a name for people, like till-london-1")],
    scope: Annotated[list[Scope], typer.Option(help="what the key may do; repeat for more")],
    valid_days: _Valid = None,
    reason: _Reason = "",
    as_json: _Json = False,
) -> None:
    """Create a key and print it. Its secret is shown now and never again."""
    if settings.ORGCODE.fullmatch(orgcode) is None:
        raise typer.BadParameter("1 to 32 characters of a-z 0-9 - _", param_hint="--orgcode")

    async def action(connection: "Connection", operator: "Operator") -> int:
        from worker.ledger import api_keys, operators

        scopes = tuple(dict.fromkeys(one.value for one in scope))
        key, secret = await api_keys.create(connection, orgcode, name, scopes, _days(valid_days))
        details = {"name": name, "scopes": scopes, "valid_days": valid_days}
        await operators.note(connection, operator, "keys create", f"{orgcode} {key.id}", details)
        _show_new(key, secret, as_json=as_json)
        return 0

    acting(action, reason)


@app.command("list")
def list_(
    orgcode: Annotated[
        str | None, typer.Option(envvar="G3N_ORGCODE", help="only keys of this tenant; default: all")
    ] = None,
    as_json: _Json = False,
) -> None:
    """List keys, including revoked and expired ones; never a secret."""

    async def action(connection: "Connection") -> int:
        from worker.ledger import api_keys

        found = await api_keys.listed(connection, orgcode)
        if as_json:
            typer.echo(json.dumps([_as_json(key) for key in found], indent=2))
        for key in found if not as_json else ():
            typer.echo(f"{key.orgcode}  {key.id}  {_standing(key)}  {key.name}: {', '.join(key.scopes)}")
        return 0

    on_ledger(action)


@app.command()
def revoke(key_id: _KeyId, orgcode: _Orgcode, reason: _Reason = "") -> None:
    """Revoke a key and its sessions, everywhere within seconds. Revoking it again changes nothing."""

    async def action(connection: "Connection", operator: "Operator") -> int:
        from worker.ledger import api_keys, operators

        if not await api_keys.revoke(connection, orgcode, key_id):
            return _unknown(orgcode, key_id)
        await operators.note(connection, operator, "keys revoke", f"{orgcode} {key_id}")
        typer.echo(f"{key_id} of {orgcode}: revoked")
        return 0

    acting(action, reason)


@app.command()
def rotate(
    key_id: _KeyId,
    orgcode: _Orgcode,
    overlap_h: Annotated[
        int, typer.Option(min=0, max=24 * 90, metavar="HOURS", help="how long the old key stays valid")
    ] = 24,
    valid_days: _Valid = None,
    reason: _Reason = "",
    as_json: _Json = False,
) -> None:
    """Create a key with the name and the scopes of another key, which expires after the overlap."""

    async def action(connection: "Connection", operator: "Operator") -> int:
        from worker.ledger import api_keys, operators

        made = await api_keys.rotate(connection, orgcode, key_id, timedelta(hours=overlap_h), _days(valid_days))
        if made is None:
            return _unknown(orgcode, key_id)
        details = {"overlap_h": overlap_h, "new_key": made[0].id}
        await operators.note(connection, operator, "keys rotate", f"{orgcode} {key_id}", details)
        _show_new(*made, as_json=as_json)
        return 0

    acting(action, reason)


def _unknown(orgcode: str, key_id: str) -> int:
    typer.echo(f"g3n: {orgcode} has no key {key_id} that is good", err=True)
    return FAILED


def _days(valid_days: int | None) -> timedelta | None:
    return None if valid_days is None else timedelta(days=valid_days)


def _show_new(key: "Key", secret: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**_as_json(key), "key": secret}, indent=2))
        return
    typer.echo(f"{key.id} of {key.orgcode}: {key.name}", err=True)
    typer.echo(f"may: {', '.join(key.scopes)}", err=True)
    typer.echo(f"good {'until ' + instant(key.expires_at) if key.expires_at else 'until it is revoked'}", err=True)
    typer.echo("This is the key. It is not stored and will not be shown again:", err=True)
    typer.echo(secret)


def _standing(key: "Key") -> str:
    if key.revoked_at is not None:
        return f"revoked {instant(key.revoked_at)}"
    return "good" if key.expires_at is None else f"until {instant(key.expires_at)}"


def _as_json(key: "Key") -> dict[str, Any]:
    return {
        name: instant(value) if isinstance(value, datetime) else value
        for name, value in asdict(key).items()
        if value is not None
    }
