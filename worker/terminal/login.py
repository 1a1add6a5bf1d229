"""`g3n login` and `g3n logout`. A profile is checked against the API before it is stored."""

import sys
from typing import Annotated

import typer

from worker.client.connection import Connection, ConnectionInvalid, checked_url
from worker.terminal import profiles
from worker.terminal.deferred import alone
from worker.terminal.exit_status import ExitStatus, exit_with
from worker.terminal.secret_input import ASK, read_secret

_Profile = Annotated[str, typer.Option(help="the name under which it is kept", envvar="G3N_PROFILE")]


def login(
    profile: _Profile = profiles.DEFAULT,
    url: Annotated[str | None, typer.Option(help="the API's URL; default: ask", envvar="G3N_API_URL")] = None,
    orgcode: Annotated[str | None, typer.Option(help="the tenant; default: ask", envvar="G3N_ORGCODE")] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="-: read a line of stdin; default: ask", envvar="G3N_API_KEY")
    ] = None,
) -> None:
    """Store the URL, tenant and key of the API, once the API has accepted them.

    The file is ~/.config/g3n/config.toml (under XDG_CONFIG_HOME, if that is set). Only its owner can read it.
    """
    try:
        profiles.checked_name(profile)
        address = checked_url(url or _ask("URL of the API"))
        connection = Connection(
            address,
            orgcode or _ask("Orgcode"),
            read_secret(key or (ASK if sys.stdin.isatty() else _no_terminal("key")), "API key"),
        )
        if connection.in_clear:
            typer.echo("g3n: http:// shows the key to the network; use https://", err=True)
        scopes = _scopes(connection)
        path = profiles.keep(profiles.Profile(profile, connection))
    except (ConnectionInvalid, profiles.NoProfile) as error:
        exit_with(ExitStatus.USAGE, str(error))
    except OSError as error:
        exit_with(ExitStatus.FAILED, f"{profiles.config_file()}: {error.strerror}")
    typer.echo(f"Logged in to {connection.orgcode} at {connection.url}; the profile {profile} is in {path}.")
    typer.echo(f"The key may: {', '.join(scopes) or 'nothing'}")


def logout(profile: _Profile = profiles.DEFAULT) -> None:
    """Delete a profile and its key. The key itself stays valid: revoke it with g3n worker keys."""
    try:
        was_there = profiles.drop(profile)
    except profiles.NoProfile as error:
        exit_with(ExitStatus.USAGE, str(error))
    except OSError as error:
        exit_with(ExitStatus.FAILED, f"{profiles.config_file()}: {error.strerror}")
    if not was_there:
        exit_with(ExitStatus.USAGE, f"there is no profile {profile}")
    typer.echo(f"The profile {profile} is forgotten.")


def _scopes(connection: Connection) -> tuple[str, ...]:
    """Return the key's scopes. Exit if the API does not accept the key."""
    import asyncio

    from worker.client.client import Client
    from worker.client.failure import ApiError
    from worker.client.scopes import scopes
    from worker.terminal.reach import refused

    async def ask() -> tuple[str, ...]:
        async with Client(connection) as client:
            return await scopes(client, patience_s=0)  # a mistyped URL may never answer

    try:
        return asyncio.run(ask())
    except ApiError as error:
        refused(error)


def _ask(what: str) -> str:
    if not sys.stdin.isatty():
        _no_terminal(what)
    return str(typer.prompt(what, err=True)).strip()


def _no_terminal(what: str) -> str:
    names = {"URL of the API": "--url", "Orgcode": "--orgcode"}
    raise typer.BadParameter("missing, and there is no terminal to ask at", param_hint=names.get(what, "--key"))


LOGIN = alone(login)
LOGOUT = alone(logout)
