"""Histories: the transfers of an account, latest first, each with the document that caused it.

The transfers of an account are a chain (worker/ledger/chain.py) whose links never change. A page begins at a link, so
no reader misses a row or sees one twice, however much is booked meanwhile.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from schemas.registry import BY_CODE
from schemas.scalars import format_instant
from schemas.views import DocumentRef, HistoryEntry, HistoryPage
from worker.domain.state.accounts import SHOWN_TYPES, Account, AccountType, Contra
from worker.domain.state.outcome import TenderPart
from worker.ledger.queries import SQL
from worker.stored.codes import NOTICE_TYPES
from worker.stored.event import facts_of
from worker.views import cursors
from worker.views.context import Invalid
from worker.views.tenant import Tenant

PAID = (Contra.REDEEMED, Contra.SPENT)


class Booked(NamedTuple):
    """One transfer from its account's point of view. `skipped`: how many of the same document's were booked after
    it.
    """

    account_id: int
    no: int
    skipped: int
    change: int
    balance: int  # after it
    other: int  # account, or contra account

    @property
    def position(self) -> tuple[int, int, int, int]:
        """The position of a page that begins with this transfer."""
        return self.account_id, self.no, self.skipped, self.balance


async def page(
    tenant: Tenant, path: Sequence[Account], question: object, cursor: str | None, limit: int
) -> HistoryPage:
    """Return a page of an account's history, or of the history of points that went from one account to the next. Raises
    Invalid for a bad cursor.
    """
    begin = None if cursor is None else cursors.read(tenant.keyring, question, cursor)
    found = await _booked(tenant, path, begin, limit + 1)
    rest = found[limit:]
    return HistoryPage(
        items=await _entries(tenant, found[:limit]),
        next_cursor=cursors.write(tenant.keyring, question, rest[0].position) if rest else None,
        archived_until=None if rest else await _archived_until(tenant, path),
    )


async def _archived_until(tenant: Tenant, path: Sequence[Account]) -> str | None:
    """Return when the latest archived entry of these accounts was decided."""
    ids = [account.id for account in path]
    until = await tenant.connection.fetchval(SQL["read_archived_until"], ids)
    return None if until is None else format_instant(round(until.timestamp() * 1_000_000))


async def latest(tenant: Tenant, path: Sequence[Account], limit: int) -> tuple[HistoryEntry, ...]:
    """Return the latest entries of the history."""
    return await _entries(tenant, await _booked(tenant, path, None, limit))


async def _booked(tenant: Tenant, path: Sequence[Account], begin: list[int] | None, limit: int) -> list[Booked]:
    """Return the transfers from the account that has the points now back to the first account of the path. Of each
    account, only transfers after the points came to it.
    """
    found: list[Booked] = []
    places = [place for place, account in enumerate(path) if begin is None or account.id == begin[0]]
    if not places:
        raise Invalid("cursor: the account is not the customer's any more")
    for place in range(places[-1], -1, -1):
        account = path[place]
        since = max((before.last_no or 0 for before in path[:place]), default=0)
        _, no, skipped, balance = begin or (account.id, account.last_no, 0, account.balance)
        begin = None
        rows = await tenant.connection.fetch(SQL["read_chain"], tenant.org, account.id, no, since, limit - len(found))
        found += _seen_by(account.id, rows, skipped, balance)
        if len(found) >= limit:
            break
    return found[:limit]


def _seen_by(account_id: int, rows: Sequence[Any], skipped: int, balance: int) -> Iterator[Booked]:
    for row in rows:
        transfers = list(zip(row["debits"], row["credits"], row["amounts"], strict=True))[::-1]
        for place, (debit, credit, amount) in enumerate(transfers[skipped:], skipped):
            change, other = (-amount, credit) if debit == account_id else (amount, debit)
            yield Booked(account_id, row["no"], place, change, balance, other)
            balance -= change
        skipped = 0


async def _entries(tenant: Tenant, found: Sequence[Booked]) -> tuple[HistoryEntry, ...]:
    if not found:
        return ()
    numbers = sorted({booked.no for booked in found})
    causes = {row["no"]: row for row in await tenant.connection.fetch(SQL["read_causes"], tenant.org, numbers)}
    ids = sorted({booked.other for booked in found if booked.other > 0})
    accounts = {row["id"]: row for row in await tenant.connection.fetch(SQL["read_accounts"], tenant.org, ids)}
    return tuple(_entry(booked, causes[booked.no], accounts.get(booked.other)) for booked in found)


def _entry(booked: Booked, cause: Any, other: Any) -> HistoryEntry:  # noqa: ANN401  asyncpg records
    outcome = facts_of(cause["facts"]).last
    subject = cause["subject"]
    named = {"sale_id": outcome.sale_id, "return_id": outcome.return_id, "tender_id": outcome.tender_id}
    ids = {name: subject if id_ is True else id_ for name, id_ in named.items()}
    if ids["tender_id"] is None and booked.other in PAID:
        ids["tender_id"] = _moved(outcome.tenders)
    return HistoryEntry(
        at=format_instant(outcome.time_us),
        document=_document(cause["type"], subject),
        change=booked.change,
        balance=booked.balance,
        booked=Contra(booked.other).name.lower() if other is None else SHOWN_TYPES[AccountType(other["kind"])],
        account=None if other is None else other["key"],
        **ids,
    )


def _moved(tenders: Sequence[TenderPart]) -> str | None:
    """Return the tender of a sale or return that moved only one tender. Transfers don't name a tender."""
    ids = [part.tender_id for part in tenders if part.moved and part.listed]
    return ids[0] if len(ids) == 1 else None


def _document(code: int, subject: str) -> DocumentRef:
    """Return the document with its public subject. A notice's subject is the tender, sale, customer or card (contract
    §3).
    """
    notice = NOTICE_TYPES.get(code)
    if notice is None:
        return DocumentRef(type=BY_CODE[code].name, id=subject)
    *about, _ = subject.split("\n") if "\n" in subject else (subject, "")
    return DocumentRef(type=notice, id=about[1] if len(about) > 1 else about[0])
