"""Invariants that hold after every document, in every order."""

from collections import Counter

from tests.domain.room import Room
from worker.domain.rules.reckoning import reckon
from worker.domain.state.accounts import Account, AccountType, Contra, Standing
from worker.domain.state.sale import Sale
from worker.domain.state.tender import State


def check(room: Room) -> None:
    """Balances are sums of transfers, holds sums of picks; nothing is taken, given back or reversed twice."""
    _booked(room)
    _held(room)
    for tender in room.tenders.values():
        assert 0 <= tender.refunded_minor <= tender.captured_minor <= tender.approved_minor <= tender.requested_minor
        left = tender.captured_minor - tender.refunded_minor
        if tender.state in (State.CAPTURED, State.VOIDED):
            assert sum(part for _, _, part in tender.picks) == tender.units(left) * (left > 0)
    for sale in room.sales.values():
        assert all(line.returned_minor >= 0 for line in sale.lines.values())
        if any(line.points for line in sale.lines.values()):
            _reckoned(room, sale)
        assert 0 <= sale.by_hand <= max(sale.kept_points(), 0) or sale.voided or sale.forfeited
    assert all(0 <= entry.undone <= entry.amount for entry in room.entries.values())


def _reckoned(room: Room, sale: Sale) -> None:
    """The stored basis of a sale explains its points."""
    nets = {line_id: line.net_minor for line_id, line in sale.lines.items()}
    told = reckon(room.books.policies.numbered(sale.policy_version), sale.currency, nets, sale.basis)
    assert told is not None
    assert [one.floor + one.left_over for one in told.lines] == [line.points for line in sale.lines.values()]
    assert all(one.left_over in (0, 1) for one in told.lines)


def _booked(room: Room) -> None:
    booked: Counter[Account] = Counter()
    for _, debit, credit, amount in room.books.transfers:
        assert amount > 0
        for side, signed in ((debit, -amount), (credit, amount)):
            if not isinstance(side, Contra):
                booked[side] += signed
    for account in room.accounts.values():
        assert account.balance == booked[account], account.key
        assert account.deficit >= 0
        for lot in account.lots:
            assert 0 <= lot.held <= lot.amount
            assert lot.expired >= 0
        if account.type is AccountType.CARD and account.balance < 0:
            assert account.standing is Standing.FROZEN


def _held(room: Room) -> None:
    """Lot by lot: what the authorized tenders picked."""
    picked: Counter[tuple[Account, int, int]] = Counter()
    for tender in room.tenders.values():
        if tender.state is State.AUTHORIZED:
            account = dict.__getitem__(room.accounts, tender.account)
            while account.target is not None:
                account = dict.__getitem__(room.accounts, account.target)
            for available_tick, expires_tick, part in tender.picks:
                picked[account, available_tick, expires_tick] += part
    held = {
        (account, lot.available_tick, lot.expires_tick): lot.held
        for account in room.accounts.values()
        for lot in account.lots
        if lot.held
    }
    assert held == {key: amount for key, amount in picked.items() if amount}
