"""Data that explaining a return or a void needs later and that can't be recomputed. It is stored beside the outcome."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from worker.domain.state.accounts import NEVER, Account
from worker.domain.state.basis import Basis


class Change(IntEnum):
    """The change of a part of an amount. The numbers are stored."""

    TAKEN = 0  # out of a lot
    CREDITED = 1  # to a lot
    REPAID = 2  # it filled a deficit
    OWED = 3  # it became a deficit
    GONE = 4  # it had expired before: taking it back has no effect
    LAPSED = 5  # it went back to a lot that has expired, and expired at once


class Move(NamedTuple):
    """One part, and the days of its lot."""

    account: Account
    change: Change
    available_tick: int
    expires_tick: int
    amount: int

    @property
    def plain(self) -> bool:
        """Whether the part concerns the lot that is available and never expires: transfers say as much."""
        return self.change in (Change.TAKEN, Change.CREDITED) and not self.available_tick and self.expires_tick == NEVER


class ReturnedLine(NamedTuple):
    """A line of a return; `sale_line_id` is 0 without a receipt. What the sale's line keeps follows from the sale."""

    line_id: int
    sale_line_id: int
    before_minor: int  # how much of the sale's line earlier returns had returned
    asked_minor: int


@dataclass(slots=True)
class Trace:
    """`rated` and `currency`: how a return without a receipt was rated."""

    lines: list[ReturnedLine] = field(default_factory=list)
    set_off: int = 0  # points that were taken back by hand before
    rated: Basis | None = None
    currency: str = ""
    moves: list[Move] = field(default_factory=list)
