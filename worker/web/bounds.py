"""The limits of a server: how many connections, and how much time and space for each."""

from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds, bytes and counts. The defaults suit a service that answers small requests at once."""

    connections: int = 1000
    shares: Shares = field(default_factory=Shares)
    proxies: tuple[Network, ...] = ()  # connections from these are not counted by address

    head_s: float = 10  # from a connection's start to its first byte, and from there to the end of the head
    head_bytes: int = 32_768
    headers: int = 100
    body_s: float = 30  # from the end of a head to the end of its body
    pipelined: int = 16  # requests sent ahead on one connection
    idle_s: int = 75  # longer than proxies keep a connection, so that the proxy closes it
    unread_s: float = 30  # within which a client must read an answer, or `unread_bytes` of it
    unread_bytes: int = 65_536
    late_body_s: float = 60  # for which a body may go on after its answer
    late_gap_s: float = 5  # within which its next byte must arrive


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
