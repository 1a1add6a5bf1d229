"""The rows that the ledger writes. Their members are the columns, in the order of its statements."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

from schemas.tuples import made
from worker.domain.state.accounts import Account, Standing
from worker.domain.state.tender import Tender
from worker.stored.account import owner_of, pack_days, pack_extra
from worker.stored.codes import STATE_CODE
from worker.stored.tender import pack_tender

Key = tuple[int, int, str]
"""The key of an event: tenant, number of the type, subject."""
TimerKey = tuple[int, str, str]
"""The key of a deadline: tenant, kind, key."""


class AccountRow(NamedTuple):
    """A row of `account`: the key, the columns of update_account.sql, then those that never change."""

    org: int
    kind: int
    key: str
    balance: int
    held: int
    deficit: int
    version: int
    standing: int
    lots: bytes | None
    earned: bytes | None
    extra: bytes | None
    last_no: int | None
    owner: str | None
    past: bytes | None  # None leaves it as it is
    id: int
    currency: str

    @classmethod
    def of(cls, org: int, account: Account) -> Self:
        lots, earned, past = pack_days(account)
        row = (
            org,
            account.type,
            account.key,
            account.balance,
            account.held,
            account.deficit,
            account.version,
            account.standing,
            lots,
            earned,
            pack_extra(account),
            account.last_no,
            owner_of(account),
            past,
            account.id,
            account.currency,
        )
        return made(cls, row)


ACCOUNT_CHANGES: Final = AccountRow._fields.index("id")  # columns of update_account.sql
ACCOUNT_USUAL: Final[dict[str, int | None]] = {
    "held": 0, "deficit": 0, "standing": Standing.ACTIVE, "extra": None, "owner": None, "past": None,
}  # fmt: skip
"""The values that most accounts have in these columns. update_account.sql takes an empty array for them."""
ACCOUNT_READ: Final = ", ".join(name for name in AccountRow._fields if name not in ("org", "owner"))
"""The columns that `account_of` reads: `{account}` in a statement."""


class TenderRow(NamedTuple):
    """A row of `tender`, in the column order of update_tender.sql."""

    org: int
    id: str
    state: int
    kind: str
    sale_id: str
    requested_minor: int
    approved_minor: int
    captured_minor: int
    refunded_minor: int
    extra: bytes

    @classmethod
    def of(cls, org: int, tender: Tender) -> Self:
        return cls(
            org,
            tender.id,
            STATE_CODE[tender.state],
            tender.kind,
            tender.sale_id,
            tender.requested_minor,
            tender.approved_minor,
            tender.captured_minor,
            tender.refunded_minor,
            pack_tender(tender),
        )


TENDER_READ: Final = ", ".join(name for name in TenderRow._fields if name != "org")
"""The columns that `tender_of` reads: `{tender}` in a statement."""


class EventRow(NamedTuple):
    """A row of `event`, in the column order of update_event.sql. None leaves a column as it is."""

    org: int
    type: int
    subject: str
    no: int | None
    status: int | None
    digest: bytes | None
    facts: bytes | None
    record: bytes | None


class ParkedRow(NamedTuple):
    """A row of `parked`, in the column order of upsert_parked.sql."""

    org: int
    type: int
    subject: str
    waits_for: str
    waits_key: str
    sale_id: str  # empty if the document names none
    due_us: int  # when it has waited too long
    received_us: int
    record_us: int
    document: bytes
    no: int


class TransferRow(NamedTuple):
    """`…_before`: `no` of the document that moved the account before; a contra account has none."""

    no: int
    debit: int
    credit: int
    amount: int
    org: int
    debit_before: int | None
    credit_before: int | None


class Decided(NamedTuple):
    """The decisions of a batch, besides the changes in its books."""

    first: list[EventRow]  # of documents that have no outcome yet, and of notices
    further: list[EventRow]  # of documents that were parked
    parked: list[ParkedRow]
    resumed: list[Key]  # parked documents that got their final outcome
    fired: list[TimerKey]


def account_changes(rows: Sequence[AccountRow]) -> list[tuple[Any, ...]]:
    """Return the columns of update_account.sql, without those that have their usual value in every row."""
    changes = zip(AccountRow._fields, columns(rows, ACCOUNT_CHANGES)[:ACCOUNT_CHANGES], strict=False)
    return [
        () if name in ACCOUNT_USUAL and column.count(ACCOUNT_USUAL[name]) == len(column) else column
        for name, column in changes
    ]


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[tuple[Any, ...]]:
    """Return the rows as `width` columns, for `unnest`; empty columns if there are no rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
