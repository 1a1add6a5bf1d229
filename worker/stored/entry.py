"""`event.record` of a command that moved value."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from worker.domain.state.accounts import AccountType
from worker.domain.state.days import lot_of, picks_of, stored_lot, stored_picks
from worker.domain.state.sale import Entry
from worker.stored.packing import StoredKey, Versions


class EntryV1(NamedTuple):
    """`customer_id` is True where it is the account's key."""

    account: StoredKey
    amount: int
    available_tick: int
    expires_tick: int
    picks: Sequence[Sequence[int]]
    undone: int
    customer_id: str | Literal[True]
    earned_date: int = 0


ENTRY = Versions[EntryV1](EntryV1)


def pack_entry(entry: Entry) -> bytes:
    account_type, key = entry.account
    return ENTRY.dump(
        EntryV1(
            (int(account_type), key),
            entry.amount,
            *stored_lot(entry.available_tick, entry.expires_tick),
            stored_picks(entry.picks),
            entry.undone,
            True if entry.customer_id == key else entry.customer_id,
            entry.earned_date,
        )
    )


def undone_of(record: bytes) -> tuple[int, int]:
    """Return the amount that a command moved, and the part of it that was undone."""
    stored = ENTRY.load(record)
    return stored.amount, stored.undone


def entry_of(type_: str, command_id: str, record: bytes) -> Entry:
    stored = ENTRY.load(record)
    account_type, key = stored.account
    customer_id = key if stored.customer_id is True else stored.customer_id
    entry = Entry(type_, command_id, (AccountType(account_type), key), stored.amount, customer_id)
    entry.new = False
    entry.available_tick, entry.expires_tick = lot_of(stored.available_tick, stored.expires_tick)
    entry.undone = stored.undone
    entry.earned_date = stored.earned_date
    entry.picks = picks_of(stored.picks)
    return entry
