"""Take loads of gift cards back: for a return, a void or a reversal (contract CARD4–7)."""

from schemas.reasons import Reason
from worker.domain.state.accounts import NEVER, Account, AccountType, Contra, Standing
from worker.domain.state.books import Books


def card_refused(card: Account, tick: int) -> Reason | None:
    """Return why nothing may be taken from a card. A load that money paid for is booked nevertheless (contract
    CARD4–7).
    """
    if card.card is not None and card.card.expires_tick < tick:
        return Reason.CARD_EXPIRED
    return Reason.CARD_FROZEN if card.standing is not Standing.ACTIVE else None


def take_back_load(books: Books, card_id: str, amount_minor: int, contra: Contra, tick: int) -> Account:
    """Take a load back from a card, or from the card that replaced it, and return that card.

    The expired part of the load is undone first, so a card that was never spent ends at zero. If the load was spent,
    the card goes below zero.
    """
    card = books.follow(books.accounts[AccountType.CARD, card_id])
    left = amount_minor - books.cancel_expired(card, amount_minor, contra)
    books.reverse(card, left, contra, (0, NEVER), tick, within_balance=False)
    return card


def put_back_load(books: Books, card_id: str, amount_minor: int, contra: Contra, tick: int) -> Account:
    """Put back a load that was taken back from the card, or from the card that replaced it. Return that card.

    On a card that has expired since, the load expires at once.
    """
    card = books.follow(books.accounts[AccountType.CARD, card_id])
    lapsed = card.card is not None and card.card.expires_tick < tick
    books.recredit(card, amount_minor, contra, (0, NEVER), lapsed=lapsed)
    return card
