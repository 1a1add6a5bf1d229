"""State survives being written down: packed and unpacked it is the same, and decides the same."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.room import Room
from tests.domain.stage import Stage
from tests.language.table import FOLDER, Row, rows
from worker.domain.state.accounts import NEVER, Account, AccountType, CardDetails, Lot, Standing
from worker.domain.state.policy import PointValue
from worker.domain.state.sale import Entry, Sale, SaleLine
from worker.domain.state.tender import State, Tender
from worker.stored.account import account_of
from worker.stored.codes import STATE_CODE
from worker.stored.entry import entry_of, pack_entry
from worker.stored.rows import AccountRow
from worker.stored.sale import pack_sale, sale_of
from worker.stored.tender import pack_tender, tender_of

NOT_STORED = {"new", "dirty", "touched_by", "past"}

ids = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=8)
amounts = st.integers(0, 10**15)
days = st.sampled_from([0, 20_500, 20_512])
last_days = st.sampled_from([NEVER, 20_510, 20_600])
keys = st.tuples(st.sampled_from(AccountType), ids)
picks = st.lists(st.tuples(days, last_days, amounts), max_size=3)
values = st.builds(PointValue, st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
tokens = st.binary(max_size=16)
instants = st.integers(-(10**15), 10**15)


def made(cls: Any, first: tuple[Any, ...], **fields: Any) -> Any:  # noqa: ANN401  any of the four
    one = cls(*first)
    for name, value in fields.items():
        setattr(one, name, value)
    return one


@st.composite
def lots(draw: st.DrawFn) -> list[Lot]:
    found = {}
    for first, last, amount in draw(picks):
        held = draw(st.integers(0, amount))
        found[first, last] = Lot(first, last, amount, held, draw(st.sampled_from([0, 7])))
    return list(found.values())


accounts = st.builds(
    lambda type_, key, **fields: made(Account, (type_, key), **fields),
    st.sampled_from(AccountType), ids, currency=st.sampled_from(["", "GBP"]), standing=st.sampled_from(Standing),
    id=st.integers(1, 99), lots=lots(), deficit=amounts, shortfall=amounts, booked_tick=days,
    version=st.integers(1, 99), target=st.none() | keys,
    owner_log=st.lists(st.tuples(instants, st.sampled_from([1, 2, 3])), max_size=2),
    earned=st.lists(st.tuples(st.integers(0, 30_000), st.integers(-9, 99)), max_size=3),
    card=st.none() | st.builds(
        lambda failures, *facts: made(CardDetails, facts, pin_failures=failures),
        st.integers(0, 5), st.sampled_from(["", "0017"]), last_days, tokens, st.just("") | ids,
    ),
)  # fmt: skip
sales = st.builds(
    lambda key, **fields: made(Sale, (key,), **fields),
    ids, decided=st.booleans(), voided=st.booleans(), waiting=st.booleans(), forfeited=st.booleans(),
    currency=st.sampled_from(["", "GBP"]), customer_id=st.just("") | ids, account=st.none() | keys,
    policy_version=st.integers(0, 9), earned_date=days, available_tick=days, expires_tick=last_days,
    lines=st.dictionaries(st.integers(1, 1000), st.builds(
        SaleLine, amounts, amounts, amounts, st.just("") | ids, amounts), max_size=3),
    tenders=st.lists(ids, max_size=2), requests=st.lists(ids, max_size=2),
    loads=st.lists(st.tuples(ids, amounts), max_size=2), by_hand=amounts,
)  # fmt: skip
entries = st.builds(
    lambda key, account, amount, **fields: made(Entry, ("crm.loyalty.earn", key, account, amount), **fields),
    ids, keys, amounts, customer_id=st.just("") | ids, earned_date=days, available_tick=days,
    expires_tick=last_days, picks=picks,
    undone=amounts,
)  # fmt: skip
tenders = st.builds(
    lambda key, **fields: made(Tender, (key,), **fields),
    ids, state=st.sampled_from(State), kind=st.sampled_from(["", "points", "gift_card"]), account=st.none() | keys,
    sale_id=st.just("") | ids, customer_id=st.just("") | ids, currency=st.sampled_from(["", "GBP"]),
    requested_minor=amounts, approved_minor=amounts, captured_minor=amounts, refunded_minor=amounts,
    named=st.dictionaries(st.sampled_from(["GBP", "EUR"]), amounts),
    parked_minor=st.none() | amounts | st.just(1 << 62), value=st.none() | values,
    picks=picks, waiting=st.booleans(), expires_us=st.none() | amounts,
)  # fmt: skip


def fields(one: object) -> dict[str, object]:
    """Return all columns that decisions read."""
    found = {name: getattr(one, name) for name in type(one).__slots__ if name not in NOT_STORED}  # type: ignore[attr-defined]
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever a field holds
    if isinstance(value, Lot | CardDetails):
        return fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def account_again(account: Account) -> Account:
    return account_of(AccountRow.of(1, account)._asdict())


def tender_again(tender: Tender) -> Tender:
    amounts = ("requested_minor", "approved_minor", "captured_minor", "refunded_minor")
    row = {name: getattr(tender, name) for name in ("id", "kind", "sale_id", *amounts)}
    return tender_of({**row, "state": STATE_CODE[tender.state], "extra": pack_tender(tender)})


@given(accounts)
def test_an_account(account: Account) -> None:
    account.lots = [lot for lot in account.lots if lot.amount or lot.expired]
    assert fields(account_again(account)) == fields(account)


@given(tenders)
def test_a_tender(tender: Tender) -> None:
    assert fields(tender_again(tender)) == fields(tender)


@given(sales)
def test_a_sale(sale: Sale) -> None:
    assert fields(sale_of(sale.id, pack_sale(sale))) == fields(sale)


@given(entries)
def test_an_entry(entry: Entry) -> None:
    assert fields(entry_of(entry.type, entry.id, pack_entry(entry))) == fields(entry)


class Forgetful(Room):
    """A room that writes everything down after each document, and reads it again."""

    def _begin(self, *args: Any) -> None:  # noqa: ANN401  as the room's
        for key, account in list(self.accounts.items()):
            dict.__setitem__(self.accounts, key, account_again(account))
        for id_, sale in list(self.sales.items()):
            dict.__setitem__(self.sales, id_, sale_of(id_, pack_sale(sale)))
        for id_, tender in list(self.tenders.items()):
            dict.__setitem__(self.tenders, id_, tender_again(tender))
        for (type_, id_), entry in list(self.entries.items()):
            dict.__setitem__(self.entries, (type_, id_), entry_of(type_, id_, pack_entry(entry)))
        self.books.transfers.clear()
        super()._begin(*args)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_stored_state_decides_the_same(path: Any) -> None:  # noqa: ANN401
    for row in rows(path):
        assert _told(row, Forgetful()) == _told(row, Room())


def _told(row: Row, room: Room) -> list[dict[str, Any]]:
    stage = Stage(room, checked=False)
    for step in row.given + row.when:
        stage.play(step)
    return stage.told
