"""Lots and days of an old account: what stands in the row, what in `past`, and that all are read."""

import zlib

import pytest

from worker.domain.state.accounts import DAY_TICKS, NEVER, Account, AccountType, Lot, Past
from worker.stored.account import MOST_APART, account_of
from worker.stored.packing import pack
from worker.stored.past import pack_past, past_of
from worker.stored.rows import AccountRow

DAY = 20_513
PARIS = 92  # quarters of an hour at which its days begin
# What version 1 wrote of `_old(9)`. zlib may write other bytes another day; it will always read these.
PAST = (
    "01789c9b3ef36c600b2314cc3ccb98c300053399985958d9d819999867323042"
    "21900511e59879364002ae2b372fbfa0b0a8b8a41400deb30d2a"
)


def _old(days: int, begin: int = 0, life: int | None = 365) -> Account:
    account = Account(AccountType.POINTS, "C")
    for date in range(DAY - days, DAY):
        first = date * DAY_TICKS + begin
        last = NEVER if life is None else first + life * DAY_TICKS - 1
        account.lots.append(Lot(first, last, date % 7 + 1, date % 2, date % 11))
        account.earned.append((date, date % 300 + 5))
    return account


def _read(row: AccountRow) -> Account:
    return account_of(row._asdict())


def _updated(row: AccountRow, account: Account) -> AccountRow:
    """As update_account.sql does."""
    after = AccountRow.of(1, account)
    return after._replace(past=row.past if after.past is None else after.past)


def _days(account: Account) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
    return sorted((*lot.key, *lot.rest) for lot in account.lots if any(lot.rest)), account.earned


@pytest.mark.parametrize("begin", [0, PARIS])
@pytest.mark.parametrize("life", [365, None])
@pytest.mark.parametrize("days", [MOST_APART // 2, MOST_APART // 2 + 1, 465])
def test_stored_days_are_read(days: int, begin: int, life: int | None) -> None:
    account = _old(days, begin, life)
    row = AccountRow.of(1, account)
    assert (row.past is None) == (2 * days <= MOST_APART)
    assert _days(_read(row)) == _days(account)


def test_a_few_changes_leave_the_past_as_it_is() -> None:
    first = row = AccountRow.of(1, _old(465))
    account = _read(row)
    for step in range(3):
        account.lots[0].amount += 5
        del account.lots[1], account.earned[0]
        account.lot(step, NEVER).amount = 3
        account.note_earned(DAY + step, 7, 1000)
        row = _updated(row, account)
        assert row.past == first.past
        assert len(row.lots or b"") + len(row.earned or b"") < 150
        assert _days(_read(row)) == _days(account)
        account = _read(row)
    assert (row.lots, row.earned) != (first.lots, first.earned)


def test_many_changes_are_written_to_the_past() -> None:
    row = AccountRow.of(1, _old(465))
    account = _read(row)
    for lot in account.lots[: MOST_APART + 1]:
        lot.amount += 1
    after = AccountRow.of(1, account)
    assert (after.lots, after.earned) == (None, None)
    assert _days(_read(after)) == _days(account)


def test_an_account_that_has_few_days_again_has_no_past() -> None:
    row = AccountRow.of(1, _old(465))
    account = _read(row)
    del account.lots[3:], account.earned[3:]
    row = _updated(row, account)
    assert row.past == b""
    assert _days(_read(row)) == _days(account)
    account = _read(row)
    assert account.past is None
    account.lots, account.earned = [], []
    assert _days(_read(_updated(row, account))) == ([], [])


def test_an_account_whose_lots_all_went_elsewhere_has_none() -> None:
    row = AccountRow.of(1, _old(465))
    account = _read(row)
    account.lots = []
    row = _updated(row, account)
    assert _days(_read(row)) == ([], account.earned)


def test_rows_of_before_are_read() -> None:
    """They had many lots and days in the row itself, and perhaps a day twice."""
    account = _old(465)
    lots = pack([(date, date + 364, date % 7 + 1, date % 2, date % 11) for date in range(DAY - 465, DAY)])
    earned = pack([value for day, points in account.earned for value in (day, points - 2, day, 2)])
    again = _read(AccountRow.of(1, account)._replace(lots=lots, earned=earned, past=None))
    assert _days(_read(AccountRow.of(1, again))) == _days(account)


def test_days_of_version_1_are_read() -> None:
    account = _old(9)
    now = pack_past(Past({lot.key: lot.rest for lot in account.lots}, dict(account.earned)))
    assert (now[0], zlib.decompress(now[1:])) == (1, zlib.decompress(bytes.fromhex(PAST)[1:]))
    assert past_of(bytes.fromhex(PAST)) == past_of(now)
    with pytest.raises(ValueError, match="version 2"):
        past_of(b"\x02" + now[1:])
