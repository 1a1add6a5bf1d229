"""The rows that a ledger would have written after each document: only those that the decision marked as changed."""

from collections.abc import Iterator
from typing import Any

from worker.domain.state.accounts import Account, AccountType
from worker.domain.state.books import Books
from worker.domain.state.sale import Entry, Return, Sale
from worker.domain.state.tender import Tender
from worker.stored.account import pack_earned, pack_extra, pack_lots
from worker.stored.entry import pack_entry
from worker.stored.returned import pack_return
from worker.stored.sale import pack_sale
from worker.stored.tender import pack_tender

Row = tuple[tuple[Any, ...], Any, bool, bool]
"""(key, what is stored, whether it has no row yet, whether it is marked)"""


class Written:
    """The rows so far, by key. `keep` fails where a decision changed what it did not mark: that would be lost."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], Any] = {}
        self.versions: dict[tuple[AccountType, str], int] = {}
        self.booked = 0

    def keep(self, books: Books) -> None:
        for account in books.changed:
            key = (account.type, account.key)
            more = account.version - self.versions.get(key, 0)
            assert more == (account.touched_by == books.place), "one version for each document that touches it"
            self.versions[key] = account.version
        for key, stored, new, marked in _rows(books):
            assert new is (key not in self.rows), f"{key} has a row, or it has none"
            if marked:
                self.rows[key] = stored
            assert self.rows[key] == stored, f"{key} changed, and was not marked"
        changeable: list[Sale | Tender | Return | Entry] = [
            *books.sales.values(), *books.tenders.values(), *books.returns.values(), *books.entries.values(),
        ]  # fmt: skip
        for one in changeable:
            one.new = one.dirty = False
        for account in books.changed:
            account.new = False
        books.changed.clear()
        assert {token: card_id for token, card_id, _ in books.new_cards} == books.cards
        given = [one for told in books.consents.values() for one in told]
        assert set(books.new_consents) <= set(given)
        assert {one[1:] for one in books.new_consents} == {one[1:] for one in given}, (
            "a merge carries, and adds nothing"
        )
        assert books.new_policies == books.policies.versions[1:]
        assert all(transfer.place == books.place for transfer in books.transfers[self.booked :])
        assert set(books.woken.values()) <= {books.place}
        self.booked = len(books.transfers)


def _rows(books: Books) -> Iterator[Row]:
    for account in books.accounts.values():
        yield ("account", account.type, account.key), _account(account), account.new, account in books.changed
    for sale in books.sales.values():
        yield ("sale", sale.id), pack_sale(sale), sale.new, sale.dirty
    for returned in books.returns.values():
        yield ("return", returned.id), pack_return(returned), returned.new, returned.dirty
    for entry in books.entries.values():
        yield ("entry", entry.type, entry.id), pack_entry(entry), entry.new, entry.new or entry.dirty
    for tender in books.tenders.values():
        numbers = (tender.requested_minor, tender.approved_minor, tender.captured_minor, tender.refunded_minor)
        stored = (*numbers, tender.state, tender.kind, tender.sale_id, pack_tender(tender))
        yield ("tender", tender.id), stored, tender.new, tender.dirty


def _account(account: Account) -> tuple[Any, ...]:
    return (
        account.balance, account.held, account.deficit, account.version, account.standing, account.currency,
        pack_lots(account), pack_earned(account), pack_extra(account),
    )  # fmt: skip
