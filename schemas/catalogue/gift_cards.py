"""Gift cards (contract §2.3, §5)."""

from typing import Final

from schemas import commands, requests, views
from schemas.catalogue.entry import CARD, NO_CARD, NO_CUSTOMER, Entry, command, document, reading
from schemas.operation import Access
from schemas.reasons import Reason
from schemas.scopes import Scope

ENTRIES: Final[tuple[Entry, ...]] = (
    document(
        "crm.giftcard.issue",
        21,
        commands.GiftCardIssue,
        scope=Scope.GIFTCARD_WRITE,
        summary="Issue a gift card. Without a number, one is generated and shown once.",
        refusals=(*NO_CUSTOMER, Reason.CARD_EXISTS, Reason.CARD_EXPIRED, Reason.BELOW_MINIMUM, Reason.OVER_MAXIMUM),
        answer=views.GiftCardIssued,
        content={1: ("command_id", "gift_card", "amount_minor", "currency", "customer_id", "expires_on")},
        example=command(
            "issue-1", gift_card={"number": CARD["number"]}, amount_minor=2500, currency="GBP", pin=CARD["pin"]
        ),
    ),
    document(
        "crm.giftcard.redeem",
        22,
        commands.GiftCardRedeem,
        scope=Scope.GIFTCARD_WRITE,
        summary="Take money off a gift card, or a part of it if that is allowed.",
        refusals=(*NO_CARD, Reason.INSUFFICIENT_BALANCE),
        content={1: ("command_id", "gift_card", "amount_minor", "currency", "allow_partial")},
        example=command("spend-1", gift_card=CARD, amount_minor=500, currency="GBP", allow_partial=True),
    ),
    document(
        "crm.giftcard.reload",
        23,
        commands.GiftCardReload,
        scope=Scope.GIFTCARD_WRITE,
        summary="Put money on a gift card, within the limits of the policy.",
        refusals=(*NO_CARD, Reason.INVALID_STATE, Reason.BELOW_MINIMUM, Reason.OVER_MAXIMUM),
        content={1: ("command_id", "gift_card", "amount_minor", "currency", "allow_partial")},
        example=command("load-1", gift_card={"card_id": "gc-1"}, amount_minor=1000, currency="GBP"),
    ),
    document(
        "crm.giftcard.reverse",
        24,
        commands.GiftCardReverse,
        scope=Scope.GIFTCARD_WRITE,
        summary="Undo a redeem, reload or issue of a gift card, or a part of it.",
        refusals=(Reason.COMMAND_NOT_FOUND, Reason.INVALID_STATE, Reason.AMOUNT_OVER_CAPTURED),
        content={1: ("command_id", "of", "amount_minor")},
        example=command("unspend-1", of={"type": "crm.giftcard.redeem", "id": "spend-1"}),
    ),
    document(
        "crm.giftcard.freeze",
        25,
        commands.GiftCardFreeze,
        scope=Scope.GIFTCARD_WRITE,
        summary="Freeze a gift card: it can't pay any more.",
        refusals=(Reason.CARD_NOT_ACCEPTED,),
        content={1: ("command_id", "gift_card", "customer_id")},
        example=command("freeze-1", gift_card={"card_id": "gc-1"}, reason="lost"),
    ),
    document(
        "crm.giftcard.unfreeze",
        26,
        commands.GiftCardUnfreeze,
        scope=Scope.GIFTCARD_WRITE,
        summary=(
            "Unfreeze a gift card that is not below zero. After five wrong PINs it takes the scope card:trusted, and "
            "resets nothing: the next wrong PIN freezes the card again."
        ),
        refusals=(Reason.CARD_NOT_ACCEPTED, Reason.INVALID_STATE, Reason.CARD_FROZEN),
        content={1: ("command_id", "gift_card", "customer_id")},
        example=command("unfreeze-1", gift_card={"card_id": "gc-1"}, reason="found"),
    ),
    document(
        "crm.giftcard.link",
        27,
        commands.GiftCardLink,
        scope=Scope.GIFTCARD_WRITE,
        summary="Link a gift card to a customer.",
        refusals=(Reason.CARD_NOT_ACCEPTED, *NO_CUSTOMER),
        content={1: ("command_id", "gift_card", "customer_id")},
        example=command("link-1", gift_card={"card_id": "gc-1"}, customer_id="C-1001"),
    ),
    document(
        "crm.giftcard.transfer",
        28,
        commands.GiftCardTransfer,
        scope=Scope.GIFTCARD_WRITE,
        summary="Move a balance to another gift card. To undo it, transfer back.",
        refusals=(*NO_CARD, Reason.INVALID_STATE, Reason.OVER_MAXIMUM, Reason.INSUFFICIENT_BALANCE),
        content={1: ("command_id", "from_card", "to_card", "amount_minor")},
        example=command("transfer-1", from_card=CARD, to_card={"card_id": "gc-2"}, amount_minor=700),
    ),
    document(
        "crm.giftcard.extend",
        32,
        commands.GiftCardExtend,
        scope=Scope.GIFTCARD_WRITE,
        summary="Give a gift card a later last day, or none. A balance that expired comes back.",
        refusals=(Reason.CARD_NOT_ACCEPTED, Reason.INVALID_STATE),
        content={2: ("command_id", "gift_card", "expires_on")},
        example=command("extend-1", gift_card={"card_id": "gc-1"}, expires_on="2029-02-28"),
    ),
    document(
        "crm.giftcard.replace",
        33,
        commands.GiftCardReplace,
        scope=Scope.CARD_TRUSTED,
        summary="Replace a gift card by a new one, which takes over its balance, holds, last day and customer.",
        refusals=(Reason.CARD_NOT_ACCEPTED, Reason.INVALID_STATE, Reason.CARD_EXISTS),
        access=Access.DANGEROUS,
        content={2: ("command_id", "from_card", "to_card")},
        example=command(
            "replace-1",
            from_card={"card_id": "gc-1"},
            to_card={"number": "6006-4900-0000-0033"},
            pin=CARD["pin"],
            reason="lost",
        ),
    ),
    reading(
        "giftcard.get",
        requests.GiftCardGet,
        views.GiftCardView,
        scope=Scope.GIFTCARD_READ,
        summary="Return a gift card's balance, holds, expiry and owner.",
        refusals=(Reason.CARD_NOT_ACCEPTED,),
        access=Access.PROBE,
    ),
    reading(
        "giftcard.list",
        requests.GiftCardList,
        views.GiftCardPage,
        scope=Scope.CARD_TRUSTED,
        summary="List gift cards, or find them by customer or last four.",
        refusals=(Reason.CUSTOMER_NOT_FOUND,),
    ),
    reading(
        "giftcard.history",
        requests.GiftCardHistory,
        views.HistoryPage,
        scope=Scope.GIFTCARD_READ,
        summary="List the changes of a gift card, with document and balance.",
        refusals=(Reason.CARD_NOT_ACCEPTED,),
        access=Access.PROBE,
    ),
)
