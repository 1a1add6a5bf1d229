"""The memory of an account is bounded, and no fact that counts is forgotten."""

from worker.domain.decisions.deadlines import due
from worker.domain.state.accounts import (
    DAY_TICKS,
    MOST_EARNED,
    MOST_EXPIRED,
    MOST_LOTS,
    MOST_STANDINGS,
    NEVER,
    Account,
    AccountType,
    Contra,
    Lot,
    Standing,
)
from worker.domain.state.books import Books
from worker.domain.state.movements import expiry
from worker.domain.state.policy import PolicyBook


def account() -> Account:
    return Account(AccountType.POINTS, "C")


def test_of_one_instant_the_later_decision_counts() -> None:
    one = account()
    one.note_standing(5, Standing.FROZEN)
    one.note_standing(5, Standing.ACTIVE)
    assert one.standing_at(5) is Standing.ACTIVE
    one.note_standing(5, Standing.FROZEN)
    assert one.standing_at(5) is Standing.FROZEN
    assert one.standing_at(4) is Standing.ACTIVE


def test_a_status_that_changes_nothing_leaves_no_entry() -> None:
    one = account()
    for at_us in (1, 3, 2, 7):
        one.note_standing(at_us, Standing.FROZEN)
    assert one.owner_log == [(1, Standing.FROZEN)]


def test_the_latest_changes_of_status_are_kept() -> None:
    one = account()
    for at_us in range(1000):
        one.note_standing(at_us, Standing.FROZEN if at_us % 2 else Standing.ACTIVE)
    assert len(one.owner_log) == MOST_STANDINGS
    assert one.standing_at(999) is Standing.FROZEN
    assert one.standing_at(998) is Standing.ACTIVE


def test_a_day_has_one_sum() -> None:
    one = account()
    for day, points in ((20_500, 5), (20_400, 3), (20_500, -2), (20_400, 3), (20_600, 1)):
        one.note_earned(day, points, 366)
    assert one.earned == [(20_400, 6), (20_500, 3), (20_600, 1)]
    one.note_earned(20_767, 1, 366)
    assert one.earned == [(20_500, 3), (20_600, 1), (20_767, 1)]


def test_the_points_of_a_day_fit_into_a_column() -> None:
    one = account()
    for _ in range(3):
        one.note_earned(20_500, MOST_EARNED, 366)
    assert one.earned == [(20_500, MOST_EARNED)]


def test_points_that_never_expire_need_no_day_of_their_own() -> None:
    one = account()
    for date in range(20_000, 20_000 + MOST_LOTS * 3):
        one.lot(date * DAY_TICKS, NEVER).amount += 10
    one.lot(20_001 * DAY_TICKS, NEVER).held = 4
    one.compact()
    assert one.balance == MOST_LOTS * 30
    assert one.held == 4
    assert len(one.lots) < MOST_LOTS * 3
    assert one.lot(20_001 * DAY_TICKS, NEVER).amount == 10
    assert one.lot(0, NEVER).amount > 0


def test_the_latest_that_expired_are_remembered() -> None:
    one = account()
    one.lots = [Lot(0, day, amount=0, expired=3) for day in range(1, MOST_LOTS + 2)]
    one.lot(0, 5).amount = 7
    one.compact()
    assert one.balance == 7
    assert len(one.lots) == MOST_EXPIRED + 1
    assert max(lot.expires_tick for lot in one.lots) == MOST_LOTS + 1


def test_lots_that_expire_are_forgotten_without_a_credit() -> None:
    books = Books(1, "acme", PolicyBook([]))
    one = books.accounts[AccountType.POINTS, "C"] = account()
    last = MOST_EXPIRED + 20
    one.lots = [Lot(0, day, amount=3) for day in range(1, last + 1)]
    for day in range(1, last + 1):
        due(expiry(one, day), books)
    assert [lot.expires_tick for lot in one.lots] == list(range(last - MOST_EXPIRED + 1, last + 1))
    assert one.balance == 0


def test_an_account_of_ten_years_keeps_a_year() -> None:
    """Points every day that live for a year, and tiers over a year and 30 days."""
    books = Books(1, "acme", PolicyBook([]))
    one = books.accounts[AccountType.POINTS, "C"] = account()
    for date in range(20_000, 20_000 + 3_650):
        books.credit(one, 5, Contra.EARNED, date * DAY_TICKS, (date + 365) * DAY_TICKS - 1)
        one.note_earned(date, 5, 396)
        due(expiry(one, date * DAY_TICKS - 1), books)
    assert one.balance == 365 * 5
    assert len(one.lots) == 365 + MOST_EXPIRED
    assert len(one.earned) == 397
