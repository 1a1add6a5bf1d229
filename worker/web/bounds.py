"""The limits of a server: how many connections, and how much time and space for each."""

from dataclasses import dataclass, field

from worker.process.callers import Network, Shares


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
