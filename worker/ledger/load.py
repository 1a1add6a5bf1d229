"""Load and lock the rows that a batch can touch, with one query for each table and sorted keys: sales, tenders,
accounts.

A missing row can't be locked. A decision that relies on its absence inserts it in the same transaction. If two workers
rely on the same absence, they collide on the unique index, and one of them decides again
(docs/decisions/absence-is-a-row.md).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from schemas.registry import DOCUMENTS
from worker.domain.decisions.needs import Needs
from worker.domain.state.accounts import AccountType
from worker.domain.state.books import Books
from worker.domain.state.sale import Return
from worker.ledger import consents
from worker.ledger.queries import SQL, Connection
from worker.stored.account import account_of
from worker.stored.codes import STATUS_CODE
from worker.stored.entry import entry_of
from worker.stored.event import EventFacts, facts_of
from worker.stored.returned import return_of
from worker.stored.rows import Key, columns
from worker.stored.sale import sale_of
from worker.stored.tender import tender_of

SALE = DOCUMENTS["scm.sale.completed"].code
RETURN = DOCUMENTS["scm.return.completed"].code
STUBBED: Final = (SALE, RETURN)  # types whose rows may be inserted before the document comes
OPEN: Final = (STATUS_CODE["parked"], STATUS_CODE["ignored"])  # a return that is not decided, or a training return
REJECTED: Final = STATUS_CODE["rejected"]


class Overtaken(Exception):
    """While this batch waited for a lock, another worker changed a row that the batch relied on. Either it decided the
    document of a stub, so this batch's document is a duplicate now, or a return came in between.
    """


async def events(connection: Connection, keys: Sequence[Key]) -> dict[int, tuple[bytes | None, EventFacts | None]]:
    """Return (digest, facts) of the known identities, by their place in `keys`."""
    rows = await connection.fetch(SQL["load_event"], *columns(keys, 3))
    return {row["place"] - 1: (row["digest"], facts_of(row["facts"]) if row["facts"] else None) for row in rows}


async def fill(
    connection: Connection, books: dict[str, Books], needs: dict[str, Needs], own: Mapping[Key, bool]
) -> None:
    """Load the rows that the documents need into the books. See `records` and `accounts`. Raises Overtaken."""
    await records(connection, books, needs, own)
    await accounts(connection, books, needs)


async def records(
    connection: Connection, books: dict[str, Books], needs: dict[str, Needs], own: Mapping[Key, bool]
) -> None:
    """Load sales, returns, commands to undo and tenders. Another call, for more documents, loads only what is new.

    `own`: the sales and returns (org, type, id) that the batch decides, and whether they have a stub; those without a
    stub have no row to load. Raises Overtaken.
    """
    by_org = {book.org: book for book in books.values()}
    wanted = {books[orgcode].org: need for orgcode, need in needs.items()}
    await _card_numbers(connection, by_org, wanted)
    sales = await _sales_of_returns(connection, wanted)
    await _locked_events(connection, by_org, wanted, own, sales)
    await _tenders(connection, by_org, wanted)
    for need in needs.values():
        for found in (need.tokens, need.sales, need.returns, need.undone, need.entries, need.tenders):
            found.clear()


def awaited(books: Iterable[Books], needs: Mapping[str, Needs]) -> list[tuple[int, str, str]]:
    """Return the loaded sales, tenders and returns (org, what, id) for which parked documents wait, and which the
    batch's documents may bring about.
    """
    found = []
    for book in books:
        need = needs[book.orgcode]
        changed = need.shares_of.keys() | need.tenders_of.keys()  # sales that come or are voided, not only named
        found += [(book.org, "sale", sale.id) for sale in book.sales.values() if sale.waiting and sale.id in changed]
        found += [(book.org, "tender", tender.id) for tender in book.tenders.values() if tender.waiting]
        found += [(book.org, "return", returned.id) for returned in book.returns.values() if returned.waiting]
    return sorted(found)


async def accounts(connection: Connection, books: dict[str, Books], needs: dict[str, Needs]) -> None:
    """Load the accounts that the documents and the loaded records name, and what depends on them."""
    by_org = {book.org: book for book in books.values()}
    wanted = {books[orgcode].org: need for orgcode, need in needs.items()}
    for org, need in wanted.items():
        _also_accounts(by_org[org], need)
    while any(need.accounts for need in wanted.values()):
        await _accounts(connection, by_org, wanted)
    await _leading(connection, by_org, wanted)
    await _members(connection, by_org, wanted)
    await _consents(connection, by_org, wanted)


async def _card_numbers(connection: Connection, books: dict[int, Books], needs: dict[int, Needs]) -> None:
    keys = sorted((org, token) for org, need in needs.items() for token in need.tokens)
    if not keys:
        return
    for row in await connection.fetch(SQL["load_card_number"], *columns(keys, 2)):
        org, token = keys[row["place"] - 1]
        books[org].cards[token] = row["card_id"]
        needs[org].accounts[AccountType.CARD, row["card_id"]] = None


async def _sales_of_returns(connection: Connection, needs: dict[int, Needs]) -> dict[tuple[int, str], str]:
    """Return the sales of the returns to undo, by (org, return_id). Sales are locked before their returns, as always.

    A return never changes its sale, so this needs no lock.
    """
    keys = [(org, RETURN, id_) for org, need in needs.items() for id_ in need.undone]
    sales: dict[tuple[int, str], str] = {}
    for row in await connection.fetch(SQL["load_event"], *columns(keys, 3)) if keys else ():
        org, _, id_ = keys[row["place"] - 1]
        last = facts_of(row["facts"]).last if row["facts"] else None
        # a training return is no return: it has no sale
        sale_id = None if last is None or last.status == STATUS_CODE["ignored"] else last.sale_id
        sales[org, id_] = id_ if sale_id is True else sale_id or ""
        if sales[org, id_]:
            needs[org].sales[sales[org, id_]] = None
    return sales


def _event_keys(books: dict[int, Books], needs: dict[int, Needs], own: Mapping[Key, bool]) -> list[Key]:
    """Return the rows to lock, sorted, so that all workers lock in one order."""
    keys = [
        (org, code, id_)
        for org, need in needs.items()
        for code, ids, loaded in (
            (SALE, need.sales, books[org].sales.keys()),
            (RETURN, need.returns, books[org].returns.keys()),
        )
        for id_ in ids
        if id_ not in loaded and own.get((org, code, id_), True)
    ]
    keys += [
        (org, DOCUMENTS[type_].code, id_)
        for org, need in needs.items()
        for type_, id_ in need.entries
        if type_ in DOCUMENTS
    ]
    return sorted(keys)


async def _locked_events(
    connection: Connection,
    books: dict[int, Books],
    needs: dict[int, Needs],
    own: Mapping[Key, bool],
    sales: Mapping[tuple[int, str], str],
) -> None:
    keys = _event_keys(books, needs, own)
    if not keys:
        return
    names = {doctype.code: name for name, doctype in DOCUMENTS.items()}
    for row in await connection.fetch(SQL["lock_event"], *columns(keys, 3)):
        org, code, id_ = keys[row["place"] - 1]
        if row["decided"] and (org, code, id_) in own:
            raise Overtaken(id_)
        if code == SALE:
            books[org].sales[id_] = sale_of(id_, row["record"])
        elif code == RETURN:
            if id_ in needs[org].undone and (org, id_) not in sales:
                raise Overtaken(id_)
            final, rejected = row["decided"] and row["status"] not in OPEN, row["status"] == REJECTED
            sale_id = sales.get((org, id_), "")
            books[org].returns[id_] = return_of(id_, row["record"], sale_id, final=final, rejected=rejected)
        elif row["record"] is not None:
            books[org].entries[names[code], id_] = entry_of(names[code], id_, row["record"])


async def _tenders(connection: Connection, books: dict[int, Books], needs: dict[int, Needs]) -> None:
    wanted = {(org, id_) for org, need in needs.items() for id_ in need.tenders}
    for org, book in books.items():
        wanted.update((org, id_) for sale in book.sales.values() for id_ in needs[org].tenders_with(sale))
        wanted.update((org, id_) for returned in book.returns.values() for id_, _ in returned.refunds)
    keys = sorted((org, id_) for org, id_ in wanted if id_ not in books[org].tenders)
    if not keys:
        return
    for row in await connection.fetch(SQL["lock_tender"], *columns(keys, 2)):
        org, id_ = keys[row["place"] - 1]
        books[org].tenders[id_] = tender_of(row)


def _also_accounts(books: Books, needs: Needs) -> None:
    """Return the accounts to which the loaded sales, tenders and commands refer."""
    for sale in books.sales.values():
        if sale.account is not None:
            needs.accounts[sale.account] = None
        needs.customer(sale.customer_id or None)
        for card_id, _ in (*sale.cards.values(), *sale.loads):
            needs.accounts[AccountType.CARD, card_id] = None
    for tender in books.tenders.values():
        if tender.account is not None:
            needs.accounts[tender.account] = None
        if tender.customer_id:
            needs.customer(tender.customer_id)
    for entry in books.entries.values():
        needs.accounts[entry.account] = None
        needs.customer(entry.customer_id or None)
    for returned in books.returns.values():
        needs.accounts |= dict.fromkeys(accounts_of(returned))


def accounts_of(returned: Return) -> list[tuple[AccountType, str]]:
    """Return the accounts that a return names and its sale does not."""
    keys = [(AccountType.CARD, card_id) for card_id, _ in returned.loads]
    keys += [] if returned.account is None else [returned.account]
    return keys + ([(AccountType.POINTS, returned.customer_id)] if returned.customer_id else [])


async def _accounts(connection: Connection, books: dict[int, Books], needs: dict[int, Needs]) -> None:
    """Lock the wanted accounts. Then lock the accounts to which they lead (merged, pooled)."""
    keys = sorted((org, type_, key) for org, need in needs.items() for type_, key in need.accounts)
    for need in needs.values():
        need.accounts.clear()
    for row in await connection.fetch(SQL["lock_account"], *columns(keys, 3)):
        org = keys[row["place"] - 1][0]
        account = account_of(row)
        books[org].accounts[account.type, account.key] = account
        if account.target is not None and account.target not in books[org].accounts:
            needs[org].accounts[account.target] = None


async def _leading(connection: Connection, books: dict[int, Books], needs: dict[int, Needs]) -> None:
    """Lock the ids that were merged into customers, and the cards that were replaced, where all of them are wanted."""
    keys = sorted({(org, *end) for org, need in needs.items() for end in _ends(books[org], need)})
    if not keys:
        return
    for row in await connection.fetch(SQL["lock_leading"], *columns(keys, 3)):
        org, *end = keys[row["place"] - 1]
        account = account_of(row)
        if account.target == tuple(end):  # not a member of a pool of that name, nor a customer's card
            books[org].accounts.setdefault((account.type, account.key), account)
            books[org].leading.setdefault(account.target, {})[account.type, account.key] = None


def _ends(books: Books, needs: Needs) -> Iterator[tuple[AccountType, str]]:
    """Return the accounts for which the batch needs all accounts that lead to them."""
    for customer_id in needs.ids_of:
        holder = books.holder(customer_id)
        if holder is not None:
            yield AccountType.POINTS, books.person(holder).key
    for ref in needs.replaced_by:
        card = books.card(ref)
        if card is not None:
            yield AccountType.CARD, card.key


async def _members(connection: Connection, books: dict[int, Books], needs: dict[int, Needs]) -> None:
    """Return the members of the wanted pools. Joining and leaving lock the pool's account, as this batch does, so the
    members need no lock.
    """
    keys = sorted((org, AccountType.POINTS, pool) for org, need in needs.items() for pool in need.members_of)
    if not keys:
        return
    for row in await connection.fetch(SQL["read_members"], *columns(keys, 3)):
        org, _, pool = keys[row["place"] - 1]
        account = account_of(row)
        if account.target == (AccountType.POOL, pool):  # not merged into a customer of that name
            books[org].members.setdefault(pool, {})[account.key] = account.standing


async def _consents(connection: Connection, books: dict[int, Books], needs: dict[int, Needs]) -> None:
    """Load the consents that campaigns need, of policies in force and of policies that the batch puts."""
    keys = []
    for org, book in books.items():
        need = needs[org]
        for sale in book.sales.values():
            if sale.at_us is not None:  # a customer may claim it; then it is rated as of its own time
                need.rated(sale.at_us)
        purposes = need.consents.union(*(version.consents for version in book.policies.versions))
        if purposes and need.rated_us is not None:
            customers = [key for type_, key in book.accounts if type_ is AccountType.POINTS]
            keys += [(org, key, purpose, need.rated_us) for key in customers for purpose in purposes]
    for org, consent in await consents.read(connection, sorted(keys)):
        books[org].consents.setdefault(consent.customer_id, []).append(consent)


async def orgs(connection: Connection, codes: Iterable[str]) -> dict[str, int]:
    """Return the tenants' numbers. A new tenant gets one."""
    rows = await connection.fetch(
        "INSERT INTO org (code) SELECT unnest($1::text[]) ON CONFLICT (code) DO NOTHING RETURNING code, id",
        sorted(codes),
    )
    found = {row["code"]: row["id"] for row in rows}
    missing = [code for code in codes if code not in found]
    if missing:
        rows = await connection.fetch("SELECT code, id FROM org WHERE code = ANY ($1::text[])", missing)
        found |= {row["code"]: row["id"] for row in rows}
    return found
