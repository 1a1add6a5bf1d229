"""Callers of a server: how it tells them apart, and how much one of them may hold."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
_HOME_PREFIX = 64  # an IPv6 customer has at least this network, so a single address means nothing


@dataclass(frozen=True, slots=True)
class Shares:
    """The part of a total that one caller may hold: of all connections, or of all requests in progress."""

    key: float = 0.25
    tenant: float = 0.5
    address: float = 0.75

    def of(self, kind: str, total: int) -> int:
        """Return how many of `total` one key, tenant or address may hold, at least one."""
        share: float = getattr(self, kind)
        return max(1, int(total * share))


def home(address: str) -> str:
    """Return what identifies a caller: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004  the protocol's own name
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _HOME_PREFIX), strict=False))


def is_proxy(address: str, proxies: tuple[Network, ...]) -> bool:
    """Return whether the address is one of the proxies."""
    if not proxies:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in proxies)
