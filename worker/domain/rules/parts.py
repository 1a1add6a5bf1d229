"""The parts of an outcome that show accounts, points and gift cards, as the document leaves them (contract §3.2)."""

from collections.abc import Mapping

from schemas.reasons import Reason
from schemas.tuples import made
from worker.domain.state.accounts import UNCLAIMED, Account, AccountType
from worker.domain.state.books import Books
from worker.domain.state.outcome import CardPart, PointsPart


def points_part(books: Books, account: Account, tick: int, reason: Reason | None = None) -> PointsPart:
    """Show the account as this document leaves it: as of its own day, but never as of before a booked deadline."""
    tick = max(tick, account.booked_tick)
    if account.standing is UNCLAIMED:
        change = books.change(account)
        return PointsPart(change, 0, 0, 0, 0, account.version, Reason.CUSTOMER_NOT_FOUND, claimed=False)
    balance, available, held, pending = account.figures(tick)
    change = balance - books.opening.get(account, balance)
    whose = (account.type, account.key)
    return made(PointsPart, (change, balance, available, held, pending, account.version, reason, True, whose))


def points_shown(books: Books, account: Account | None, tick: int, reason: Reason | None = None) -> PointsPart | None:
    """Show the account of a sale or return, or else the account that its tenders moved, as the document leaves it.

    No account but a reason: nothing was credited, for this reason.
    """
    if account is None and reason is not None:
        return PointsPart(0, 0, 0, 0, 0, 0, reason, claimed=False)
    if account is None:
        account = next((moved for moved in books.opening if moved.type is not AccountType.CARD), None)
    return None if account is None else points_part(books, account, tick, reason)


def card_parts(books: Books, named: Mapping[str, Reason | None]) -> list[CardPart]:
    """Return the cards that a document names, by id ("" if not accepted), and those that its tenders moved, as they are
    now.
    """
    ids = dict.fromkeys([*named, *(account.key for account in books.opening if account.type is AccountType.CARD)])
    return [
        card_part(books, books.accounts[AccountType.CARD, id_], named.get(id_))
        if id_
        else CardPart("", "", "", 0, 0, 0, 0, named[id_])
        for id_ in ids
    ]


def card_part(books: Books, account: Account, reason: Reason | None = None) -> CardPart:
    """Return the card as this document leaves it."""
    details = account.card
    return CardPart(
        account.key,
        details.last4 if details else "",
        account.currency,
        books.change(account),
        account.balance,
        account.held,
        account.version,
        reason,
    )
