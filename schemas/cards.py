"""How a document names a gift card."""

from typing import Any, Final, Self

from pydantic import ConfigDict, model_validator

from schemas.scalars import CardNumber, FromZero, Id, Pin, Wire
from schemas.validators import fault, present

ONE_CARD: Final[dict[str, Any]] = {"oneOf": [present("number"), present("card_id")]}


class _Card(Wire):
    model_config = ConfigDict(json_schema_extra=ONE_CARD)

    number: CardNumber | None = None
    card_id: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.number is None) is (self.card_id is None):
            raise fault("either number or card_id")
        return self


class CardRef(_Card):
    """An existing card, by number or by id, with its PIN if a rule asks for it."""

    pin: Pin | None = None


class SoldCard(_Card):
    """The card that a sale line sells. Without `load_minor`, its load is the line's `net_minor`."""

    load_minor: FromZero | None = None


class NewCard(Wire):
    """The card to issue. If it has no number, the API generates one; a topic does not."""

    number: CardNumber | None = None


class NumberedCard(NewCard):
    """A new card whose number is known."""

    number: CardNumber
