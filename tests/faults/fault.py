"""A fault, and the list of faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.faults.traffic import Traffic
from tests.faults.world import World

Act = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """`act` does harm while traffic runs, and undoes it before it returns.

    It must leave the servers able to work. It may leave workers dead: the world starts them again.
    """

    name: str
    act: Act
    long: bool = False  # only the long form causes it
    mounts: bool = False  # needs the right to mount a file system
    brokers: int = 1
    workers: int = 2
    settings: dict[str, str] = field(default_factory=dict)  # of the workers
    traffic: type[Traffic] = Traffic
    graceful: bool = False  # every worker must end with status 0
    tells: str = ""  # the event that a worker must log: somebody has been told what happened
    may_tell: tuple[str, ...] = ()  # other alerts that follow from it
    sends_again: bool = False  # records are gone that nobody may have read: their publisher sends all of them again


LISTED: dict[str, Fault] = {}


def fault(name: str, **how: object) -> Callable[[Act], Act]:
    """Enter a function into the list."""

    def add(act: Act) -> Act:
        LISTED[name] = Fault(name, act, **how)  # type: ignore[arg-type]
        return act

    return add
