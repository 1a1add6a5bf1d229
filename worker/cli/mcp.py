"""`g3n mcp`: the operations of the API as tools for an AI agent."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from worker.terminal.deferred import alone

if TYPE_CHECKING:
    from worker.mcp.calls import Calls

FAILED: Final = 1
SETTINGS: Final = 2


def serve(
    allow_writes: Annotated[
        bool, typer.Option("--allow-writes", help="also offer the tools that change something")
    ] = False,
    tools: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="only these groups and tools, like customer,loyalty,giftcard_get; default: all"
        ),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="the profile, from g3n login")] = None,
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="streamable HTTP there, at /mcp, instead of stdin and stdout"),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="HTTP: a host name of this server, besides localhost; repeat for more")
    ] = None,
    shared_key: Annotated[
        bool, typer.Option("--shared-key", help="HTTP: lend the profile's key to callers of this machine without one")
    ] = False,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option(envvar="G3N_LOG_LEVEL", help="level of the log on stderr"),
    ] = "info",
    log_format: Annotated[
        Literal["auto", "json", "console"],
        typer.Option(envvar="G3N_LOG_FORMAT", help="auto: JSON unless stderr is a terminal"),
    ] = "auto",
) -> None:
    """Serve MCP, as a client of the HTTP API: tools, resources, prompts.

    A caller sees the tools that --allow-writes and --tools offer, and that the scopes of its key allow.

    Over stdin and stdout the server uses the key of the profile (g3n login), or of G3N_API_URL, G3N_ORGCODE,
    G3N_API_KEY.

    Over HTTP every caller brings its own key, in the API's headers: X-Orgcode, and X-Api-Key or Authorization. From the
    profile, or from G3N_API_URL, the server only takes the URL of the API.
    """
    import uvloop

    from worker.mcp.address import Address, CannotServe
    from worker.process import log
    from worker.terminal import profiles

    log.configure(log_level, log_format)
    try:
        if http is None:
            own = profiles.connection(profile)
            from worker.mcp import stdio  # the SDK takes a second to load: report a missing profile first

            uvloop.run(stdio.serve(own, _calls(tools, allow_writes=allow_writes)))
        else:
            address = Address.parsed(http, tuple(name or ()))
            lent = profiles.connection(profile) if shared_key else None
            url = profiles.url(profile) if lent is None else lent.url
            listener = address.listening(lends_key=shared_key)
            from worker.mcp import http as over_http

            uvloop.run(over_http.serve(url, address, listener, _calls(tools, allow_writes=allow_writes), lent=lent))
    except profiles.NoProfile as error:
        typer.echo(f"g3n: {error}", err=True)
        raise typer.Exit(SETTINGS) from None
    except CannotServe as error:
        typer.echo(f"g3n: {error}", err=True)
        raise typer.Exit(FAILED) from None


def _calls(tools: str | None, *, allow_writes: bool) -> "Calls":
    """Return the tools to offer. Exit with status 2 if a name is neither a tool nor a group."""
    from worker.mcp.calls import Calls
    from worker.mcp.tools import UnknownTools, named

    try:
        only = None if tools is None else named(name.strip() for name in tools.split(",") if name.strip())
    except UnknownTools as error:
        typer.echo(f"g3n: --tools: {error}", err=True)
        raise typer.Exit(SETTINGS) from None
    return Calls(allow_writes=allow_writes, only=only)


app = alone(serve)
