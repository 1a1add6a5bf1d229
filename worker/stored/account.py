"""The packed columns of `account`: lots, points earned by day, and members that only cards and merged ids have."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from worker.domain.state.accounts import NEVER, Account, CardFacts, Kind, Lot
from worker.domain.state.days import begin_of, end_of, lot_of, stored_begin, stored_end, stored_lot
from worker.stored.codes import KINDS, STANDINGS
from worker.stored.packing import StoredKey, Versions, account_key, pack, stored_key, unpack


class LotV1(NamedTuple):
    """One lot; `account.lots` is an array of them."""

    available_day: int
    expires_day: int
    amount: int
    held: int
    expired: int


class CardV1(NamedTuple):
    """The card in `account.extra`."""

    last4: str
    expires_day: int
    pin: bytes
    pin_failures: int
    customer_id: str


class ExtraV1(NamedTuple):
    """The whole of `account.extra`."""

    card: Sequence[Any] | None  # of a CardV1
    target: StoredKey | None
    owner_log: Sequence[Any]  # (since_us, standing) of each change
    shortfall: int = 0
    due_day: int = 0


EXTRA = Versions[ExtraV1](ExtraV1)


def pack_lots(account: Account) -> bytes | None:
    """Return None for the plain case: one lot that is available and never expires, whose amount is
    balance + deficit.
    """
    lots = [lot for lot in account.lots if lot.amount or lot.held or lot.expired]
    if not lots:
        return None
    if len(lots) == 1 and lots[0].expires_day == NEVER and not lots[0].available_day and not lots[0].expired:
        return None
    return pack(
        [LotV1(*stored_lot(lot.available_day, lot.expires_day), lot.amount, lot.held, lot.expired) for lot in lots]
    )


def pack_earned(account: Account) -> bytes | None:
    """Return days and points in turn."""
    return pack([value for entry in account.earned for value in entry]) if account.earned else None


def pack_extra(account: Account) -> bytes | None:
    """Return None for the plain customer."""
    more = account.owner_log or account.shortfall or account.due_day
    if account.card is None and account.target is None and not more:
        return None
    card = account.card
    facts = None
    if card is not None:
        facts = CardV1(card.last4, stored_end(card.expires_day), card.pin, card.pin_failures, card.customer_id)
    due_day = stored_begin(account.due_day)
    return EXTRA.dump(ExtraV1(facts, stored_key(account.target), account.owner_log, account.shortfall, due_day))


def owner_of(account: Account) -> str | None:
    """Return a card's customer, or where the account leads to: a customer, a pool, the card that replaced this one.

    A pool that led to its last member belongs to nobody.
    """
    if account.target is not None:
        return None if account.kind is Kind.POOL else account.target[1]
    return None if account.card is None else account.card.customer_id or None


def last4_of(extra: bytes | None) -> str | None:
    """Return the last four characters of a card's number, if the account is a card and they are known."""
    card = None if extra is None else EXTRA.load(extra).card
    return None if card is None else CardV1(*card).last4 or None


def account_of(row: Any) -> Account:  # noqa: ANN401  an asyncpg record, or the same columns
    """Return the account in the columns of `rows.ACCOUNT_READ`."""
    account = Account(KINDS[row["kind"]], row["key"], row["currency"], STANDINGS[row["standing"]])
    account.new = False
    account.id = row["id"]
    account.version = row["version"]
    account.deficit = row["deficit"]
    account.last_no = row["last_no"]
    if row["lots"] is not None:
        account.lots = [Lot(*lot_of(*lot[:2]), *lot[2:]) for lot in unpack(row["lots"])]
    else:
        amount = row["balance"] + account.deficit
        if amount:
            account.lots = [Lot(0, NEVER, amount, row["held"])]
    if row["earned"] is not None:
        flat = unpack(row["earned"])
        account.earned = list(zip(flat[::2], flat[1::2], strict=True))
    if row["extra"] is not None:
        extra = EXTRA.load(row["extra"])
        if extra.card is not None:
            card = CardV1(*extra.card)
            account.card = CardFacts(card.last4, end_of(card.expires_day), card.pin, card.customer_id)
            account.card.pin_failures = card.pin_failures
        account.target = account_key(extra.target)
        account.owner_log = [(since_us, standing) for since_us, standing in extra.owner_log]
        account.shortfall, account.due_day = extra.shortfall, begin_of(extra.due_day)
    return account
