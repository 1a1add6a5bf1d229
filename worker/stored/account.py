"""The packed columns of `account`: lots, points earned by day, and members that only cards and merged ids have."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from worker.domain.state.accounts import NEVER, Account, AccountType, CardDetails, Lot, LotKey, LotRest, Past
from worker.domain.state.days import begin_of, end_of, lot_of, stored_begin, stored_end, stored_lot
from worker.stored.codes import ACCOUNT_TYPES, STANDINGS
from worker.stored.packing import StoredKey, Versions, account_key, pack, stored_key, unpack
from worker.stored.past import pack_past, past_of

MOST_APART: Final = 16  # lots and days that stand in the row itself; beyond that, they go to `past`


class LotV1(NamedTuple):
    """One lot; `account.lots` is an array of them."""

    available_tick: int
    expires_tick: int
    amount: int
    held: int
    expired: int


class CardV1(NamedTuple):
    """The card in `account.extra`."""

    last4: str
    expires_tick: int
    pin: bytes
    pin_failures: int
    customer_id: str


class ExtraV1(NamedTuple):
    """The whole of `account.extra`."""

    card: Sequence[Any] | None  # of a CardV1
    target: StoredKey | None
    owner_log: Sequence[Any]  # (since_us, standing) of each change
    shortfall: int = 0
    booked_tick: int = 0
    pooled_us: int = 0


K = TypeVar("K")
V = TypeVar("V")
EXTRA = Versions[ExtraV1](ExtraV1)


def pack_lots(account: Account) -> bytes | None:
    """Return None for the plain case: one lot that is available and never expires, whose amount is
    balance + deficit.
    """
    lots = [lot for lot in account.lots if lot.amount or lot.held or lot.expired]
    if not lots:
        return None
    if len(lots) == 1 and lots[0].expires_tick == NEVER and not lots[0].available_tick and not lots[0].expired:
        return None
    return _packed_lots([(lot.key, lot.rest) for lot in lots])


def _packed_lots(lots: Iterable[tuple[LotKey, LotRest]]) -> bytes:
    return pack([LotV1(*stored_lot(*key), *rest) for key, rest in lots])


def pack_earned(account: Account) -> bytes | None:
    """Return days and points in turn."""
    return _packed_earned(account.earned) if account.earned else None


def _packed_earned(earned: Iterable[tuple[int, int]]) -> bytes:
    return pack([value for entry in earned for value in entry])


def pack_days(account: Account) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Return `lots`, `earned` and, where it changes, `past`.

    If the account has few lots and days, the first two have all of them. Otherwise `past` has them as of when it was
    written, and the first two have those that differ since; a lot or day that is gone has zeros.
    """
    past = account.past
    if past is None and len(account.lots) + len(account.earned) <= MOST_APART:
        return pack_lots(account), pack_earned(account), None
    lots = {lot.key: lot.rest for lot in account.lots if lot.amount or lot.held or lot.expired}
    earned = _by_day(account.earned)
    if past is not None:
        if len(lots) + len(earned) <= MOST_APART >> 1:
            return pack_lots(account), pack_earned(account), b""
        new_lots, new_earned = _differing(past.lots, lots, (0, 0, 0)), _differing(past.earned, earned, 0)
        if len(new_lots) + len(new_earned) <= MOST_APART:
            return (
                _packed_lots(new_lots) if new_lots else None,
                _packed_earned(new_earned) if new_earned else None,
                None,
            )
    return None, None, pack_past(Past(lots, earned))


def _differing(before: Mapping[K, V], now: Mapping[K, V], gone: V) -> list[tuple[K, V]]:
    changed = [(key, value) for key, value in now.items() if before.get(key) != value]
    return changed + [(key, gone) for key in before.keys() - now.keys()]


def _by_day(earned: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return one sum for each day: a row may have a day twice."""
    sums: dict[int, int] = {}
    for day, points in earned:
        sums[day] = sums.get(day, 0) + points
    return sums


def _read_days(account: Account, row: Any) -> None:  # noqa: ANN401  as `account_of`
    flat = () if row["earned"] is None else unpack(row["earned"])
    account.earned = list(zip(flat[::2], flat[1::2], strict=True))
    lots = None if row["lots"] is None else [(lot_of(*lot[:2]), tuple(lot[2:])) for lot in unpack(row["lots"])]
    if row["past"]:
        past = account.past = past_of(row["past"])
        account.earned = sorted(entry for entry in (past.earned | dict(account.earned)).items() if entry[1])
        lots = list((past.lots | dict(lots or ())).items())
    if lots is not None:
        account.lots = [Lot(*key, *rest) for key, rest in lots if any(rest)]
    elif amount := row["balance"] + account.deficit:
        account.lots = [Lot(0, NEVER, amount, row["held"])]


def pack_extra(account: Account) -> bytes | None:
    """Return None for the plain customer."""
    more = account.owner_log or account.shortfall or account.booked_tick
    if account.card is None and account.target is None and not more:
        return None
    card = account.card
    details = None
    if card is not None:
        details = CardV1(card.last4, stored_end(card.expires_tick), card.pin, card.pin_failures, card.customer_id)
    booked_tick = stored_begin(account.booked_tick)
    target = stored_key(account.target)
    return EXTRA.dump(ExtraV1(details, target, account.owner_log, account.shortfall, booked_tick, account.pooled_us))


def owner_of(account: Account) -> str | None:
    """Return a card's customer, or where the account leads to: a customer, a pool, the card that replaced this one.

    A pool that led to its last member belongs to nobody.
    """
    if account.target is not None:
        return None if account.type is AccountType.POOL else account.target[1]
    return None if account.card is None else account.card.customer_id or None


def last4_of(extra: bytes | None) -> str | None:
    """Return the last four characters of a card's number, if the account is a card and they are known."""
    card = None if extra is None else EXTRA.load(extra).card
    return None if card is None else CardV1(*card).last4 or None


def account_of(row: Any) -> Account:  # noqa: ANN401  an asyncpg record, or the same columns
    """Return the account in the columns of `rows.ACCOUNT_READ`."""
    account = Account(ACCOUNT_TYPES[row["kind"]], row["key"], row["currency"], STANDINGS[row["standing"]])
    account.new = False
    account.id = row["id"]
    account.version = row["version"]
    account.deficit = row["deficit"]
    account.last_no = row["last_no"]
    _read_days(account, row)
    if row["extra"] is not None:
        extra = EXTRA.load(row["extra"])
        if extra.card is not None:
            card = CardV1(*extra.card)
            account.card = CardDetails(card.last4, end_of(card.expires_tick), card.pin, card.customer_id)
            account.card.pin_failures = card.pin_failures
        account.target = account_key(extra.target)
        account.owner_log = [(since_us, standing) for since_us, standing in extra.owner_log]
        account.shortfall, account.booked_tick = extra.shortfall, begin_of(extra.booked_tick)
        account.pooled_us = extra.pooled_us
    return account
