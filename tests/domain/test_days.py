"""The days of a programme: every quarter of an hour is on one date, and every bound is stored as it was."""

from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from schemas.zones import zone
from worker.domain.state.accounts import DAY_TICKS, NEVER
from worker.domain.state.days import Calendar, begin_of, calendar, end_of, stored_begin, stored_end

ZONES = (
    "UTC", "Europe/London", "America/New_York", "Pacific/Honolulu", "Pacific/Kiritimati", "America/Santiago",
    "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca",
)  # fmt: skip
calendars = st.sampled_from(ZONES).map(calendar)
dates = st.integers(9_200, 40_000)  # 1995 to 2079: Kiritimati had no 31 December 1994
quarters = st.integers(-100_000_000, 1 << 28)  # from before the year 1 to after 9999


@given(calendars, dates)
def test_a_date_is_the_quarters_that_are_on_it(days: Calendar, date: int) -> None:
    first, last = days.begin(date), days.end(date)
    assert days.date_of(first) == days.date_of(last) == date
    assert days.date_of(first - 1) == date - 1
    assert days.date_of(last + 1) == date + 1
    assert 23 * 4 <= last - first + 1 <= 25 * 4


@given(calendars, st.integers(-2_000_000, 3_500_000))
def test_every_quarter_is_on_a_date_even_in_the_years_1_and_9999(days: Calendar, date: int) -> None:
    assert days.date_of(days.begin(date)) == date
    assert days.begin(date) <= days.end(date)


@given(quarters)
def test_a_bound_is_read_as_it_was_stored(tick: int) -> None:
    assert begin_of(stored_begin(tick)) == end_of(stored_end(tick)) == tick


def test_bounds_of_utc_are_stored_as_days() -> None:
    """As version 0.1 stored them."""
    assert (begin_of(20_513), end_of(20_513), end_of(NEVER)) == (20_513 * DAY_TICKS, 20_514 * DAY_TICKS - 1, NEVER)
    assert (stored_begin(20_513 * DAY_TICKS), stored_end(20_514 * DAY_TICKS - 1)) == (20_513, 20_513)
    assert stored_end(NEVER) == NEVER


def test_days_begin_with_a_quarter_of_an_hour_in_every_zone() -> None:
    """In every time zone of today, midnight is a whole number of quarters of an hour from midnight UTC."""
    names = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    assert len(names) > 400
    for name in names:
        assert zone(name) is not None, name
        days = Calendar(name)
        for date in range(20_454, 20_454 + 366, 7):
            assert days.date_of(days.begin(date)) == date, name
            assert days.date_of(days.begin(date) - 1) == date - 1, name
