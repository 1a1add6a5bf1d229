"""The address at which MCP is served over HTTP."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from worker.web.listen import listening

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


class CannotServe(Exception):
    """The address is taken, or MCP must not be served there. The message is for a person."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and the names, besides those of the loopback, under which callers reach it."""

    host: str
    port: int
    names: Sequence[str] = ()

    @classmethod
    def parsed(cls, text: str, names: Sequence[str] = ()) -> Self:
        """Return the address in `HOST:PORT`; an IPv6 address stands in brackets. Raises CannotServe."""
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if host is None or port is None or parts.netloc != text or parts.username is not None:
            raise CannotServe(f"{text!r} is not HOST:PORT, as 127.0.0.1:8765")
        return cls(host, port, names)

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def host_headers(self) -> list[str]:
        """Return the accepted values of the header Host: the names, with any port or none. A web page that gives this
        machine another name (DNS rebinding) sends that name.
        """
        return [form for name in (*_LOOPBACK, *self.names) for form in (name, f"{name}:*")]

    def listening(self, *, lends_key: bool) -> socket.socket:
        """Return a listening socket. Raises CannotServe."""
        if lends_key and not self.is_loopback:
            raise CannotServe("--shared-key would lend the key to the whole network: only on a loopback address")
        try:
            return listening(self.host, self.port, backlog=128)
        except socket.gaierror as error:
            raise CannotServe(f"{self.host} is not an address: {error.strerror}") from None
        except OSError as error:
            raise CannotServe(f"can't listen on {self.host}:{self.port}: {error.strerror}") from None
