"""Loads of gift cards that are taken back: by a return, a void or a reversal (contract §10 Cards)."""

from worker.domain.books import Books
from worker.domain.lots import NEVER, Account, Contra, Kind


def take_back_load(books: Books, card_id: str, amount_minor: int, contra: Contra, day: int) -> Account:
    """Take a load back from a card, or from the one that replaced it, and return that.

    What expired of the load is undone first: a card that was never spent ends at zero. What was spent leaves the card
    below zero.
    """
    card = books.follow(books.accounts[Kind.CARD, card_id])
    left = amount_minor - books.cancel_expired(card, amount_minor, contra)
    books.reverse(card, left, contra, (0, NEVER), day, within_balance=False)
    return card
