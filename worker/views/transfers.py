"""Histories: the transfers of one or more accounts, latest first, each with the document that caused it.

The transfers of an account are a chain (worker/ledger/chain.py) whose links never change. A page begins at a link of
each chain, so no reader misses a row or sees one twice, however much is booked meanwhile.
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


Causes = dict[int, Any]
"""The document of each transfer, by `transfer.no`."""


class Chain(NamedTuple):
    """The transfers of an account after the document `since` that were decided at `since_us` or later."""

    account: Account
    since: int = 0
    since_us: int = 0


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


async def of_person(tenant: Tenant, path: Sequence[Account]) -> list[Chain]:
    """Return a customer's chains: each of their ids has one, and their pool since they joined it (contract CUST1)."""
    person = next(account for account in reversed(path) if account.type is AccountType.POINTS)
    merged = [account for account in await tenant.owned(person.key) if account.type is AccountType.POINTS]
    chains = [Chain(account) for account in (person, *merged)]
    return chains if path[-1] is person else [Chain(path[-1], person.last_no or 0, person.pooled_us), *chains]


async def page(
    tenant: Tenant, chains: Sequence[Chain], question: object, cursor: str | None, limit: int
) -> HistoryPage:
    """Return a page of the history that these chains make together. Raises Invalid for a bad cursor."""
    begin = None if cursor is None else cursors.read(tenant.keyring, question, cursor)
    causes: Causes = {}
    found = await _booked(tenant, chains, begin, limit + 1, causes)
    # of each chain the first transfer that the page lacks
    rest = {booked.account_id: booked.position for booked in reversed(found[limit:])}
    return HistoryPage(
        items=await _entries(tenant, found[:limit], causes),
        next_cursor=cursors.write(tenant.keyring, question, list(rest.values())) if rest else None,
        archived_until=None if rest else await _archived_until(tenant, chains),
    )


async def _archived_until(tenant: Tenant, chains: Sequence[Chain]) -> str | None:
    """Return when the latest archived entry of these accounts was decided."""
    ids = [chain.account.id for chain in chains]
    until = await tenant.connection.fetchval(SQL["read_archived_until"], ids)
    return None if until is None else format_instant(round(until.timestamp() * 1_000_000))


async def latest(tenant: Tenant, chains: Sequence[Chain], limit: int) -> tuple[HistoryEntry, ...]:
    """Return the latest entries of the history."""
    causes: Causes = {}
    return await _entries(tenant, (await _booked(tenant, chains, None, limit, causes))[:limit], causes)


async def _booked(
    tenant: Tenant, chains: Sequence[Chain], begin: list[Any] | None, limit: int, causes: Causes
) -> list[Booked]:
    """Return transfers of all chains, latest first: of each chain at least `limit`, if it has as many. Add to `causes`
    those that had to be read.
    """
    if begin is None:
        places = {one.account.id: (one.account.last_no, 0, one.account.balance) for one in chains}
    else:
        positions = begin if isinstance(begin[0], list) else [begin]  # earlier versions wrote the position of one chain
        places = {account_id: (no, skipped, balance) for account_id, no, skipped, balance in positions}
    if not places.keys() <= {chain.account.id for chain in chains}:
        raise Invalid("cursor: the account is not the customer's any more")
    found: list[Booked] = []
    for account, since, since_us in chains:
        if account.id in places:
            no, skipped, balance = places[account.id]
            rows = await tenant.connection.fetch(SQL["read_chain"], tenant.org, account.id, no, since, limit)
            if since_us:
                rows = await _decided_since(tenant, rows, since_us, causes)
            found += _seen_by(account.id, rows, skipped, balance)
    return sorted(found, key=lambda booked: -booked.no)  # stable: those of one document keep their order


async def _decided_since(tenant: Tenant, rows: Sequence[Any], since_us: int, causes: Causes) -> list[Any]:
    """Leave out the transfers of earlier documents. A customer who brings no points to a pool has no transfer there, so
    only the time says where their part of its history begins.
    """
    await _read_causes(tenant, {row["no"] for row in rows}, causes)
    return [row for row in rows if facts_of(causes[row["no"]]["facts"]).last.time_us >= since_us]


async def _read_causes(tenant: Tenant, numbers: set[int], causes: Causes) -> None:
    """Read the causes that are not known yet."""
    if missing := sorted(numbers - causes.keys()):
        rows = await tenant.connection.fetch(SQL["read_causes"], tenant.org, missing)
        causes |= {row["no"]: row for row in rows}


def _seen_by(account_id: int, rows: Sequence[Any], skipped: int, balance: int) -> Iterator[Booked]:
    for row in rows:
        transfers = list(zip(row["debits"], row["credits"], row["amounts"], strict=True))[::-1]
        for place, (debit, credit, amount) in enumerate(transfers[skipped:], skipped):
            change, other = (-amount, credit) if debit == account_id else (amount, debit)
            yield Booked(account_id, row["no"], place, change, balance, other)
            balance -= change
        skipped = 0


async def _entries(tenant: Tenant, found: Sequence[Booked], causes: Causes) -> tuple[HistoryEntry, ...]:
    if not found:
        return ()
    await _read_causes(tenant, {booked.no for booked in found}, causes)
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
