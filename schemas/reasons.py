"""Why a document was not plainly applied or approved, and why a record is a dead letter (contract §3.3 and §3.4).

Each reason has one entry. A test compares the table of contract §3.3 with the entries. The advice of the command line
and of MCP, the page `g3n://reasons` and the `code` of problems are made from them.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final, Self


class Category(StrEnum):
    """The group of a reason: the `code` of the HTTP API's problem details."""

    INVALID_REQUEST = "invalid-request"
    NOT_FOUND = "not-found"
    INVALID_STATE = "invalid-state"
    INSUFFICIENT_BALANCE = "insufficient-balance"


class Place(StrEnum):
    """Where an outcome can have a reason: at the top of the outcome of a kind of document, or in one of its parts."""

    REQUEST = "tender request"
    CAPTURE = "capture"
    SALE = "sale"
    RETURN = "return"
    COMMAND = "command"
    POINTS = "`points`"
    GIFT_CARD = "`gift_cards[]`"
    TENDER = "`tender`, `tenders[]`"


_INVALID: Final = Category.INVALID_REQUEST
_UNKNOWN: Final = Category.NOT_FOUND
_STATE: Final = Category.INVALID_STATE
_P: Final = Place
_SCM: Final = (Place.REQUEST, Place.CAPTURE, Place.SALE, Place.RETURN)
_OPERATION: Final = re.compile(r"\{([a-z.]+)\}")


class Reason(StrEnum):
    """In order of precedence: if several hold, the outcome has the first.

    An entry has its value, its category, its meaning (it completes "the document was not plainly applied because"), the
    advice with `{operation}` for an operation of schemas/operations.py, and the places where it can occur.
    """

    category: Category
    meaning: str
    places: frozenset[Place]
    advice_template: str

    # The defaults are for type checkers, which see a call of this in a look-up by value.
    def __new__(
        cls, value: str, category: Category = _INVALID, meaning: str = "", advice: str = "", *places: Place
    ) -> Self:
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.category = category
        reason.meaning = meaning
        reason.places = frozenset(places)
        reason.advice_template = advice
        return reason

    def advice(self, operation_name: Callable[[str], str]) -> str:
        """Return what the caller can do, with operations named as the caller's interface names them."""
        return _OPERATION.sub(lambda found: operation_name(found[1]), self.advice_template)

    # fmt: off
    TRAINING = (
        "training", _INVALID, "it is a training document",
        "If the document was meant to count, send it without `training`.", *_SCM,
    )
    ALREADY_VOIDED = (
        "already_voided", _STATE, "it, its sale or its tender was voided",
        "A void is final. To request the money again, use a new id.",
        _P.REQUEST, _P.CAPTURE, _P.SALE, _P.RETURN, _P.COMMAND, _P.TENDER,
    )
    TOO_LATE = (
        "too_late", _STATE, "it was read after `decide_by`, or is too old",
        "If it is still wanted, send it again with a new id and a later `decide_by`.", _P.REQUEST,
    )
    CARD_NOT_ACCEPTED = (
        "card_not_accepted", _UNKNOWN, "the card is unknown, or the PIN is missing or wrong",
        "Ask the holder for the number and the PIN again. Don't guess: five wrong PINs in a row freeze the card.",
        _P.REQUEST, _P.RETURN, _P.COMMAND, _P.GIFT_CARD,
    )
    CUSTOMER_NOT_FOUND = (
        "customer_not_found", _UNKNOWN, "the customer has no record",
        "Find the id with {customer.list}, or create the customer with {customer.create}.",
        _P.REQUEST, _P.COMMAND, _P.POINTS,
    )
    CUSTOMER_ERASED = (
        "customer_erased", _STATE, "the customer was erased", "This id can't be used any more.",
        _P.REQUEST, _P.COMMAND, _P.POINTS,
    )
    CUSTOMER_BLOCKED = (
        "customer_blocked", _STATE, "the customer is blocked",
        "Ask the operator. {customer.update} with the status `active` unblocks the customer.",
        _P.REQUEST, _P.COMMAND, _P.POINTS,
    )
    SALE_NOT_FOUND = (
        "sale_not_found", _UNKNOWN, "there is no such sale", "Check the sale's id.", _P.RETURN, _P.COMMAND,
    )
    SALE_LINE_NOT_FOUND = (
        "sale_line_not_found", _UNKNOWN, "the sale has no such line", "Check the line's id with {event.explain}.",
        _P.RETURN,
    )
    TENDER_NOT_FOUND = (
        "tender_not_found", _UNKNOWN, "there is no such tender", "Check the id: its request has it as `tender_id`.",
        _P.CAPTURE, _P.RETURN, _P.COMMAND, _P.TENDER,
    )
    COMMAND_NOT_FOUND = (
        "command_not_found", _UNKNOWN, "there is no such command",
        "Find the command's type and id in {loyalty.history} or {giftcard.history}.", _P.COMMAND,
    )
    CURRENCY_MISMATCH = (
        "currency_mismatch", _INVALID, "the card or the sale has another currency",
        "Use the currency of the card or the sale; {giftcard.get} shows a card's. Amounts are never converted.",
        _P.REQUEST, _P.RETURN, _P.COMMAND, _P.GIFT_CARD, _P.TENDER,
    )
    CURRENCY_NOT_IN_POLICY = (
        "currency_not_in_policy", _INVALID, "the policy lacks the currency",
        "Use a currency of the policy; {loyalty.policy.get} shows them.", _P.REQUEST, _P.RETURN, _P.COMMAND, _P.POINTS,
    )
    KIND_MISMATCH = (
        "kind_mismatch", _INVALID, "the sale names the tender with another kind than its request",
        "The tender was captured all the same. Correct the kind where the sale comes from.", _P.TENDER,
    )
    INVALID_STATE = (
        "invalid_state", _STATE, "the object it refers to is in a state that does not allow it",
        "Look at its state with {customer.get}, {giftcard.get} or {tender.get}. Repeating the request changes nothing.",
        _P.CAPTURE, _P.RETURN, _P.COMMAND, _P.TENDER,
    )
    NOT_IN_SALE = (
        "not_in_sale", _STATE, "the tender's request names the sale, but the sale does not name it",
        "The tender stays captured. Void it, or correct the sale.", _P.TENDER,
    )
    CUSTOMER_EXISTS = (
        "customer_exists", _STATE, "the customer was created before",
        "See the customer with {customer.get}. To change the profile, use {customer.update}.", _P.COMMAND,
    )
    CARD_EXISTS = (
        "card_exists", _STATE, "the card was issued before",
        "Use another number, or none: the API then generates one.", _P.COMMAND, _P.GIFT_CARD,
    )
    POLICY_NOT_LATER = (
        "policy_not_later", _STATE, "it does not begin after the version in force (POL6)",
        "See the versions with {loyalty.policy.get}, and choose a later `effective_from`.", _P.COMMAND,
    )
    CARD_EXPIRED = (
        "card_expired", _STATE, "the card's last day is over",
        "The card can't pay. Give it a later last day with {giftcard.extend}, or issue a new card.",
        _P.REQUEST, _P.RETURN, _P.COMMAND, _P.GIFT_CARD,
    )
    CARD_FROZEN = (
        "card_frozen", _STATE, "the card is frozen",
        "Ask the operator. {giftcard.unfreeze} lets it pay again, unless it is below zero.",
        _P.REQUEST, _P.RETURN, _P.COMMAND, _P.GIFT_CARD,
    )
    HOLD_EXPIRED = (
        "hold_expired", _STATE, "the hold had expired",
        "Take the missing amount by another means, or authorize again with a new id: {tender.authorize}.",
        _P.REQUEST, _P.CAPTURE, _P.RETURN, _P.TENDER,
    )
    PARKED_TOO_LONG = (
        "parked_too_long", _STATE, "the document it waited for did not come in time",
        "Find the missing document with {event.explain}, and send it again.", _P.CAPTURE, _P.RETURN, _P.TENDER,
    )
    BELOW_MINIMUM = (
        "below_minimum", _INVALID, "it is less than the policy allows",
        "See the minimum with {loyalty.policy.get}.", _P.REQUEST, _P.COMMAND,
    )
    OVER_MAXIMUM = (
        "over_maximum", _INVALID, "it is more than the policy allows",
        "See the limits with {loyalty.policy.get}, and use less.", _P.REQUEST, _P.COMMAND,
    )
    GIFT_CARD_BUYS_GIFT_CARD = (
        "gift_card_buys_gift_card", _INVALID, "a gift card would pay for a gift card",
        "Pay that part of the sale by another means.", _P.REQUEST, _P.GIFT_CARD,
    )
    OVER_RETURNED = (
        "over_returned", _STATE, "it returns more than was left",
        "Return at most what is left; {event.explain} shows it.", _P.RETURN, _P.COMMAND,
    )
    AMOUNT_OVER_CAPTURED = (
        "amount_over_captured", _STATE, "it asks for more back than was taken",
        "Ask for at most what is left. Without an amount, a command gives back all that is left.",
        _P.RETURN, _P.COMMAND, _P.TENDER,
    )
    AMOUNT_OVER_AUTHORIZED = (
        "amount_over_authorized", _STATE, "it asks for more than was approved",
        "Only the approved amount was taken. Take the rest by another means.", _P.CAPTURE, _P.TENDER,
    )
    INSUFFICIENT_BALANCE = (
        "insufficient_balance", Category.INSUFFICIENT_BALANCE, "the balance is too small",
        "Take less, or allow a partial amount where that is possible.", _P.REQUEST, _P.COMMAND,
    )
    TENDERS_MISMATCH = (
        "tenders_mismatch", _INVALID, "the tenders do not add up to the lines",
        "The sale was booked all the same. Check it where it comes from.", _P.SALE,
    )
    REFUNDS_MISMATCH = (
        "refunds_mismatch", _INVALID, "the refunds are more than the lines that counted",
        "The return was booked all the same. Check it where it comes from.", _P.RETURN,
    )
    # fmt: on


class DeadLetterReason(StrEnum):
    """The header `crm-reason` of a dead letter."""

    NOT_JSON = "not_json"
    NOT_CLOUDEVENT = "not_cloudevent"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    UNSUPPORTED_TYPE = "unsupported_type"
    UNKNOWN_ORG = "unknown_org"
    CLOCK_AHEAD = "clock_ahead"
    CONFLICT = "conflict"
    REFUSED_BY_DATABASE = "refused_by_database"
    FAILED = "failed"
    NOT_ALLOWED_HERE = "not_allowed_here"


_PRECEDENCE: Final = {reason: place for place, reason in enumerate(Reason)}


def first(reasons: Iterable[Reason | None]) -> Reason | None:
    """Return the reason of the highest precedence (contract REASON1), or None; a None among them does not count."""
    found = None
    for reason in reasons:
        if reason is not None and (found is None or _PRECEDENCE[reason] < _PRECEDENCE[found]):
            found = reason
    return found
