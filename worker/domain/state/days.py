"""The days of a programme in its time zone, and the unit in which the domain counts time.

The zone decides when a day begins, so a day's bounds are instants, which no later change of zone moves. The domain
counts them in ticks: quarters of an hour since 1970 UTC. For half a century, every zone's offset has been whole
quarters. `available_tick` is the first tick of a day, `expires_tick` the last one. A `date` is a whole day since 1970,
as in a document.

A bound in UTC is stored as a whole day, as before the engine knew time zones.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from schemas.scalars import EPOCH
from schemas.zones import UTC_NAME, zone
from worker.domain.state.accounts import DAY_TICKS, NEVER, TICK_US, Pick

_FIRST, _LAST = -719_000, 2_932_000  # dates that a datetime can name, whatever the zone
_ELSE: Final = -(1 << 28)  # stored bounds from here on down are ticks; no document has so many days


def utc_date(tick: int) -> int:
    """Return the date in UTC, on which points count for tiers, whatever the programme's time zone."""
    return tick // DAY_TICKS


class Calendar:
    """When the days of one time zone begin and end."""

    def __init__(self, time_zone: str) -> None:
        self._zone = None if time_zone == UTC_NAME else zone(time_zone)

    def date_of(self, tick: int) -> int:
        """Return the date of a tick."""
        if self._zone is None or not _FIRST < utc_date(tick) < _LAST:
            return utc_date(tick)
        local = (EPOCH + timedelta(microseconds=tick * TICK_US)).astimezone(self._zone)
        return local.toordinal() - EPOCH.toordinal()

    def iso(self, tick: int) -> str:
        """Return the date of a tick, as YYYY-MM-DD."""
        return (EPOCH + timedelta(days=self.date_of(tick))).date().isoformat()

    def last_date(self, expires_tick: int) -> str | None:
        """Return the last good date, as YYYY-MM-DD, or None if there is none."""
        return None if expires_tick == NEVER else self.iso(expires_tick)

    def begin(self, date: int) -> int:
        """Return the first tick of a date. If clocks jump over midnight, it is the first one after the jump."""
        if self._zone is None or not _FIRST < date < _LAST:
            return date * DAY_TICKS
        local = datetime.fromordinal(EPOCH.toordinal() + date).replace(tzinfo=self._zone)
        return -((EPOCH - local) // timedelta(microseconds=TICK_US))

    def end(self, date: int) -> int:
        """Return the last tick of a date."""
        return self.begin(date + 1) - 1


@cache
def calendar(time_zone: str) -> Calendar:
    return Calendar(time_zone)


def stored_begin(tick: int) -> int:
    """Return a first tick as it is stored; `begin_of` reads it."""
    return _ELSE - tick if tick % DAY_TICKS else tick // DAY_TICKS


def begin_of(stored: int) -> int:
    return _ELSE - stored if stored < _ELSE // 2 else stored * DAY_TICKS


def stored_lot(available_tick: int, expires_tick: int) -> tuple[int, int]:
    """Return the bounds of a lot as they are stored; `lot_of` reads them. Twice 0: there is no lot."""
    return stored_begin(available_tick), stored_end(expires_tick) if available_tick or expires_tick else 0


def lot_of(available: int, expires: int) -> tuple[int, int]:
    return begin_of(available), end_of(expires) if available or expires else 0


def stored_picks(picks: list[Pick]) -> list[Pick]:
    """Return parts of lots as they are stored; `picks_of` reads them."""
    return [(*stored_lot(available_tick, expires_tick), amount) for available_tick, expires_tick, amount in picks]


def picks_of(stored: Iterable[Sequence[int]]) -> list[Pick]:
    return [(*lot_of(available, expires), amount) for available, expires, amount in stored]


def stored_end(tick: int) -> int:
    """Return a last tick as it is stored; `end_of` reads it."""
    if tick == NEVER:
        return NEVER
    after = tick + 1
    return _ELSE - after if after % DAY_TICKS else after // DAY_TICKS - 1


def end_of(stored: int) -> int:
    if stored == NEVER:
        return NEVER
    return begin_of(stored if stored < _ELSE // 2 else stored + 1) - 1
