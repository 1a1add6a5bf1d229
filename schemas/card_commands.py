"""The commands `crm.giftcard.*` (contract §2.3), as in `schemas.commands`."""

from typing import Annotated

from schemas.cards import CardRef, NewCard, NumberedCard
from schemas.commands import Command, Of
from schemas.scalars import Currency, Date, Flag, FromOne, FromZero, Id, NullMeans, Pin, Text


class GiftCardIssue(Command):
    """`crm.giftcard.issue`; `expires_on` is the last good day, in the policy's `time_zone`."""

    gift_card: Annotated[NewCard, NullMeans(NewCard())] = NewCard()
    amount_minor: FromZero
    currency: Currency
    customer_id: Id | None = None
    expires_on: Date | None = None
    pin: Pin | None = None


class GiftCardRedeem(Command):
    """`crm.giftcard.redeem`: demands the PIN of a card that has one."""

    gift_card: CardRef
    amount_minor: FromOne
    currency: Currency
    allow_partial: Flag = False


class GiftCardReload(Command):
    """`crm.giftcard.reload`: within the limits of the policy."""

    gift_card: CardRef
    amount_minor: FromZero
    currency: Currency
    allow_partial: Flag = False


class GiftCardReverse(Command):
    """`crm.giftcard.reverse`; `amount_minor` absent: the rest."""

    of: Of
    amount_minor: FromOne | None = None


class _CardCommand(Command):
    gift_card: CardRef
    reason: Text | None = None
    customer_id: Id | None = None


class GiftCardFreeze(_CardCommand):
    """`crm.giftcard.freeze`: debits are refused from now on."""


class GiftCardUnfreeze(_CardCommand):
    """`crm.giftcard.unfreeze`: not below zero."""


class GiftCardLink(_CardCommand):
    """`crm.giftcard.link`: the card belongs to a customer."""


class GiftCardExtend(Command):
    """`crm.giftcard.extend`: a later last good day; without `expires_on` the card never expires."""

    gift_card: CardRef
    expires_on: Date | None = None


class GiftCardReplace(Command):
    """`crm.giftcard.replace`: a new card takes over all of another; `pin` is the new card's."""

    from_card: CardRef
    to_card: NumberedCard
    pin: Pin | None = None
    reason: Text | None = None


class GiftCardTransfer(Command):
    """`crm.giftcard.transfer`; `amount_minor` absent: all."""

    from_card: CardRef
    to_card: CardRef
    amount_minor: FromOne | None = None
