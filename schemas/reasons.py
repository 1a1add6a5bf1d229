"""Why a document was not plainly applied or approved, and why a record is a dead letter (contract §3)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """In order of precedence: where several hold, the first is told."""

    TRAINING = "training"
    ALREADY_VOIDED = "already_voided"
    TOO_LATE = "too_late"
    CARD_NOT_ACCEPTED = "card_not_accepted"
    CUSTOMER_NOT_FOUND = "customer_not_found"
    CUSTOMER_ERASED = "customer_erased"
    CUSTOMER_BLOCKED = "customer_blocked"
    SALE_NOT_FOUND = "sale_not_found"
    SALE_LINE_NOT_FOUND = "sale_line_not_found"
    TENDER_NOT_FOUND = "tender_not_found"
    COMMAND_NOT_FOUND = "command_not_found"
    CURRENCY_MISMATCH = "currency_mismatch"
    CURRENCY_NOT_IN_POLICY = "currency_not_in_policy"
    KIND_MISMATCH = "kind_mismatch"
    INVALID_STATE = "invalid_state"
    NOT_IN_SALE = "not_in_sale"
    CUSTOMER_EXISTS = "customer_exists"
    CARD_EXISTS = "card_exists"
    POLICY_NOT_LATER = "policy_not_later"
    CARD_EXPIRED = "card_expired"
    CARD_FROZEN = "card_frozen"
    HOLD_EXPIRED = "hold_expired"
    PARKED_TOO_LONG = "parked_too_long"
    BELOW_MINIMUM = "below_minimum"
    OVER_MAXIMUM = "over_maximum"
    GIFT_CARD_BUYS_GIFT_CARD = "gift_card_buys_gift_card"
    OVER_RETURNED = "over_returned"
    AMOUNT_OVER_CAPTURED = "amount_over_captured"
    AMOUNT_OVER_AUTHORIZED = "amount_over_authorized"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    TENDERS_MISMATCH = "tenders_mismatch"
    REFUNDS_MISMATCH = "refunds_mismatch"


class Category(StrEnum):
    """The kind of a reason: the `code` of the HTTP API's problem details."""

    INVALID_REQUEST = "invalid-request"
    NOT_FOUND = "not-found"
    INVALID_STATE = "invalid-state"
    INSUFFICIENT_BALANCE = "insufficient-balance"


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


_MEMBERS: Final[Mapping[Category, frozenset[Reason]]] = {
    Category.INVALID_REQUEST: frozenset(
        {
            Reason.TRAINING,
            Reason.CURRENCY_MISMATCH,
            Reason.CURRENCY_NOT_IN_POLICY,
            Reason.KIND_MISMATCH,
            Reason.BELOW_MINIMUM,
            Reason.OVER_MAXIMUM,
            Reason.GIFT_CARD_BUYS_GIFT_CARD,
            Reason.TENDERS_MISMATCH,
            Reason.REFUNDS_MISMATCH,
        }
    ),
    Category.NOT_FOUND: frozenset(
        {
            Reason.CARD_NOT_ACCEPTED,
            Reason.CUSTOMER_NOT_FOUND,
            Reason.SALE_NOT_FOUND,
            Reason.SALE_LINE_NOT_FOUND,
            Reason.TENDER_NOT_FOUND,
            Reason.COMMAND_NOT_FOUND,
        }
    ),
    Category.INVALID_STATE: frozenset(
        {
            Reason.ALREADY_VOIDED,
            Reason.TOO_LATE,
            Reason.CUSTOMER_ERASED,
            Reason.CUSTOMER_BLOCKED,
            Reason.INVALID_STATE,
            Reason.NOT_IN_SALE,
            Reason.CUSTOMER_EXISTS,
            Reason.CARD_EXISTS,
            Reason.POLICY_NOT_LATER,
            Reason.CARD_EXPIRED,
            Reason.CARD_FROZEN,
            Reason.HOLD_EXPIRED,
            Reason.PARKED_TOO_LONG,
            Reason.OVER_RETURNED,
            Reason.AMOUNT_OVER_CAPTURED,
            Reason.AMOUNT_OVER_AUTHORIZED,
        }
    ),
    Category.INSUFFICIENT_BALANCE: frozenset({Reason.INSUFFICIENT_BALANCE}),
}

CATEGORY: Final[Mapping[Reason, Category]] = MappingProxyType(
    {reason: category for reason in Reason for category, members in _MEMBERS.items() if reason in members},
)
_PRECEDENCE: Final = {reason: place for place, reason in enumerate(Reason)}


def first(reasons: Iterable[Reason | None]) -> Reason | None:
    """The reason that is told where several hold (contract §3); None stands for one that does not hold."""
    told = None
    for reason in reasons:
        if reason is not None and (told is None or _PRECEDENCE[reason] < _PRECEDENCE[told]):
            told = reason
    return told
