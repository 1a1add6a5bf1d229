"""Access to a gift card: if it has a PIN, the caller must show it (contract §2.2 Safety)."""

from typing import Final

from schemas.cards import CardRef
from worker.domain.state.accounts import Account, Standing
from worker.domain.state.books import Books, Pins
from worker.domain.state.identity import pin_digest
from worker.domain.state.movements import Timer

PIN_ATTEMPTS: Final = 5


def accepted_card(ref: CardRef, books: Books, *, trusted: bool) -> Account | None:
    """Return the card if it is known and its PIN is right. Five wrong PINs in a row freeze it. From then on no PIN is
    checked, so a frozen card doesn't tell which PIN is right (contract SAFE2).

    `trusted`: a card_id replaces an absent PIN (contract SAFE5). A PIN that is given must be right.
    """
    if books.pins is Pins.REFUSED:
        return None
    card = books.card(ref)
    if card is None or card.card is None:
        return None
    details = card.card
    if not details.pin or books.pins is Pins.WAIVED:
        return card
    if ref.pin is None:
        return card if trusted and ref.card_id is not None else None
    if frozen_by_pins(card):
        return None
    if any(pin_digest(token, card.key) == details.pin for token in ref.pin.tokens):
        if details.pin_failures:
            details.pin_failures = 0
            books.changed[card] = None
        return card
    details.pin_failures += 1
    books.changed[card] = None
    if details.pin_failures >= PIN_ATTEMPTS and card.standing is Standing.ACTIVE:
        books.touch(card)
        card.standing = Standing.FROZEN
        books.timers.append(Timer("frozen", f"{card.key}\n{card.version}", books.now_us))
    return None


def frozen_by_pins(card: Account) -> bool:
    """Return whether wrong PINs froze the card. Lifting that freeze keeps their count: the next wrong PIN freezes the
    card again.
    """
    return card.standing is not Standing.ACTIVE and card.card is not None and card.card.pin_failures >= PIN_ATTEMPTS
