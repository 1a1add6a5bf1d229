"""The commands `crm.giftcard.*` (contract §2.3), as in `schemas.commands`."""

from typing import Annotated

from schemas.cards import CardRef, NewCard, NumberedCard
from schemas.commands import Command, Of
from schemas.scalars import Currency, Date, Flag, FromOne, FromZero, Id, NullMeans, Pin, Text


class GiftCardIssue(Command):
    """`crm.giftcard.issue`: issues a card. `expires_on` is the last good day, in the policy's `time_zone`."""

    gift_card: Annotated[NewCard, NullMeans(NewCard())] = NewCard()
    amount_minor: FromZero
    currency: Currency
    customer_id: Id | None = None
    expires_on: Date | None = None
    pin: Pin | None = None


class GiftCardRedeem(Command):
    """`crm.giftcard.redeem`: takes money from a card. If the card has a PIN, the PIN is required."""

    gift_card: CardRef
    amount_minor: FromOne
    currency: Currency
    allow_partial: Flag = False


class GiftCardReload(Command):
    """`crm.giftcard.reload`: loads money on a card, within the limits of the policy."""

    gift_card: CardRef
    amount_minor: FromZero
    currency: Currency
    allow_partial: Flag = False


class GiftCardReverse(Command):
    """`crm.giftcard.reverse`: undoes a redemption, a load or a captured tender. Without `amount_minor`, all that is
    left.
    """

    of: Of
    amount_minor: FromOne | None = None


class _CardCommand(Command):
    gift_card: CardRef
    reason: Text | None = None
    customer_id: Id | None = None


class GiftCardFreeze(_CardCommand):
    """`crm.giftcard.freeze`: the card can't pay from now on."""


class GiftCardUnfreeze(_CardCommand):
    """`crm.giftcard.unfreeze`: the card can pay again. A card below zero stays frozen."""


class GiftCardLink(_CardCommand):
    """`crm.giftcard.link`: links a card to a customer."""


class GiftCardExtend(Command):
    """`crm.giftcard.extend`: gives a card a later last good day. Without `expires_on`, the card never expires."""

    gift_card: CardRef
    expires_on: Date | None = None


class GiftCardReplace(Command):
    """`crm.giftcard.replace`: a new card takes over everything from another. `pin` is the new card's."""

    from_card: CardRef
    to_card: NumberedCard
    pin: Pin | None = None
    reason: Text | None = None


class GiftCardTransfer(Command):
    """`crm.giftcard.transfer`: moves a balance to another card. Without `amount_minor`, the whole balance."""

    from_card: CardRef
    to_card: CardRef
    amount_minor: FromOne | None = None
