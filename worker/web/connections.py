"""All connections of a server: who holds how many, and which one is closed when there are too many."""

from collections.abc import Iterable
from typing import Final, Protocol

from worker.process import metrics
from worker.process.callers import home, is_proxy
from worker.web.bounds import Bounds

Group = tuple[str, str]
"""A holder of connections: ("address" | "key" | "tenant", its name)."""
_PROXY: Final = "proxy"


class Held(Protocol):
    """A connection, as those see it who count it."""

    accepted: bool

    @property
    def waits(self) -> bool:
        """Whether the server waits for the client."""

    @property
    def worth(self) -> int:
        """The rank for making room, lowest first."""

    def check(self, now: float) -> None:
        """Close it if its deadline has passed."""

    def abort(self, why: str) -> None:
        """Close it at once."""


class Connections:
    """Admits new connections. Makes room by closing one that waits: silent, slow, or with an unread answer.

    A connection whose request is being decided is never closed to make room. Connections that end anyway go first, then
    those that no accepted key has used.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._all: dict[Held, set[Group]] = {}  # in the order in which they were opened
        self._groups: dict[Group, dict[Held, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def admit(self, connection: Held, address: str) -> bool:
        """Return whether there is room for this connection, if need be after closing another."""
        self._all[connection] = set()
        metrics.HTTP_CONNECTIONS.set(len(self._all))
        kind = _PROXY if is_proxy(address, self.bounds.proxies) else "address"
        if not self._join(connection, (kind, home(address))):
            return False
        return len(self._all) <= self.bounds.connections or self._make_room(self._largest(), connection)

    def use(self, connection: Held, key: str, tenant: str) -> bool:
        """Record that an accepted key uses the connection. Return whether its share has room."""
        connection.accepted = True
        return all(self._join(connection, group) for group in (("key", key), ("tenant", tenant)))

    def gone(self, connection: Held) -> None:
        """Forget a closed connection."""
        for group in self._all.pop(connection, ()):
            members = self._groups[group]
            del members[connection]
            if not members:
                del self._groups[group]
        metrics.HTTP_CONNECTIONS.set(len(self._all))

    def sweep(self, now: float) -> None:
        """Close every connection whose deadline has passed."""
        for connection in list(self._all):
            connection.check(now)

    def _join(self, connection: Held, group: Group) -> bool:
        mine = self._all.get(connection)
        if mine is None:  # it is closed already
            return False
        if group in mine:
            return True
        members = self._groups.setdefault(group, {})
        members[connection] = None
        mine.add(group)
        kind = group[0]
        return (
            kind == _PROXY
            or len(members) <= self.bounds.shares.of(kind, self.bounds.connections)
            or self._make_room(members, connection)
        )

    def _largest(self) -> Iterable[Held]:
        """Return the connections of the address that holds the most."""
        addresses = (members for (kind, _), members in self._groups.items() if kind in {"address", _PROXY})
        return max(addresses, key=len)

    @staticmethod
    def _make_room(members: Iterable[Held], newcomer: Held) -> bool:
        """Close the waiting connection with the lowest rank; of several, the oldest."""
        waiting = (one for one in members if one is not newcomer and one.waits)
        chosen = min(waiting, key=lambda one: one.worth, default=None)
        if chosen is None:
            return False
        chosen.abort("share")
        return True
