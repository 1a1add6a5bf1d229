"""Every operation of the doors (contract §5), said once: HTTP routes, `g3n crm`, MCP tools and OpenAPI are made of it.

An operation that decides something becomes a document and goes through the same pipeline as the topics; its body is
the document's `data` without `command_id` and `occurred_at`. The others read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from schemas import views
from schemas.outcomes import OutcomeData
from schemas.reasons import Reason
from schemas.registry import DOCUMENTS
from schemas.scopes import Scope


class Access(StrEnum):
    """What an operation may do to the ledger: for those who hand operations to machines."""

    READ = "read"
    PROBE = "probe"  # reads, but a wrong PIN counts and may freeze a card
    WRITE = "write"
    DANGEROUS = "dangerous"  # can't be taken back, or makes points of nothing, or changes the rules for all


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is words and dots: `loyalty.earn` is `/loyalty/earn`, `g3n crm loyalty earn` and `loyalty_earn`."""

    name: str
    summary: str
    scope: Scope | None  # None: every key
    access: Access
    request: type[BaseModel]  # with `document`: the document's model
    answer: type[BaseModel]
    document: str | None = None
    refusals: tuple[Reason, ...] = ()

    @property
    def route(self) -> str:
        return "/" + self.name.replace(".", "/")

    @property
    def tool(self) -> str:
        return self.name.replace(".", "_")

    @property
    def id_field(self) -> str | None:
        """The member of `data` that is the document's id; `Idempotency-Key` stands in for it where it is absent."""
        return None if self.document is None else DOCUMENTS[self.document].id_field

    @property
    def makes_id(self) -> bool:
        """Whether `Idempotency-Key`, or one that is made, is the document's id where the body has none."""
        return self.id_field == "command_id" or self.name == "tender.authorize"

    @property
    def given(self) -> tuple[str, ...]:
        """Members of the document that the door fills in, and that no body has."""
        if self.document is None or self.scope is Scope.SALE_WRITE:  # a sale says itself when it was
            return ()
        return ("occurred_at", "command_id") if self.id_field == "command_id" else ("occurred_at",)


def _command(
    name: str,
    scope: Scope,
    summary: str,
    *refusals: Reason,
    document: str | None = None,
    access: Access = Access.WRITE,
    answer: type[BaseModel] = OutcomeData,
) -> Operation:
    document = document or f"crm.{name}"
    return Operation(name, summary, scope, access, DOCUMENTS[document].model, answer, document, refusals)


def _reading(
    name: str,
    scope: Scope | None,
    summary: str,
    request: type[BaseModel],
    answer: type[BaseModel],
    *refusals: Reason,
    access: Access = Access.READ,
) -> Operation:
    return Operation(name, summary, scope, access, request, answer, refusals=refusals)


R: Final = Reason
_CUSTOMER: Final = (R.CUSTOMER_NOT_FOUND, R.CUSTOMER_ERASED, R.CUSTOMER_BLOCKED)
_CARD: Final = (R.CARD_NOT_ACCEPTED, R.CURRENCY_MISMATCH, R.CARD_EXPIRED, R.CARD_FROZEN)
_OF_POINTS: Final = (R.CUSTOMER_ERASED, R.COMMAND_NOT_FOUND, R.INVALID_STATE)

_OPERATIONS: Final = (
    _command(
        "customer.create", Scope.CUSTOMER_WRITE,
        "Create a customer. Points that were waiting for this customer are credited.",
        R.CUSTOMER_ERASED, R.CUSTOMER_BLOCKED, R.CUSTOMER_EXISTS,
    ),
    _command(
        "customer.update", Scope.CUSTOMER_WRITE,
        "Change a customer's profile, block or unblock. Absent members stay as they are.",
        R.CUSTOMER_NOT_FOUND, R.CUSTOMER_ERASED,
    ),
    _reading(
        "customer.get", Scope.CUSTOMER_READ,
        "Return a customer's profile, consents, points, tier, gift cards and latest activity.",
        views.CustomerGet, views.CustomerView, R.CUSTOMER_NOT_FOUND,
    ),
    _reading(
        "customer.list", Scope.CUSTOMER_READ, "List customers, or find them by name, e-mail, phone or an external id.",
        views.CustomerList, views.CustomerPage,
    ),
    _command(
        "customer.erase", Scope.CUSTOMER_WRITE,
        "Erase a customer's personal data for good. The ledger keeps a pseudonym.",
        R.CUSTOMER_NOT_FOUND, R.CUSTOMER_ERASED, access=Access.DANGEROUS,
    ),
    _command(
        "customer.merge", Scope.CUSTOMER_WRITE,
        "Merge a customer into another one. The old id leads to the other from then on.",
        *_CUSTOMER, R.INVALID_STATE, access=Access.DANGEROUS,
    ),
    _command(
        "customer.consent.set", Scope.CUSTOMER_WRITE, "Record that a customer gave or withdrew a consent.", *_CUSTOMER,
        document="crm.consent.set",
    ),
    _command(
        "loyalty.earn", Scope.LOYALTY_WRITE, "Credit points, or the points that the policy gives for an amount.",
        *_CUSTOMER, R.CURRENCY_NOT_IN_POLICY,
    ),
    _command(
        "loyalty.redeem", Scope.LOYALTY_WRITE, "Spend points outside a sale.",
        *_CUSTOMER, R.BELOW_MINIMUM, R.INSUFFICIENT_BALANCE,
    ),
    _command(
        "loyalty.adjust", Scope.LOYALTY_ADJUST, "Correct a points balance by hand, with a person and a reason.",
        R.CUSTOMER_NOT_FOUND, R.CUSTOMER_ERASED, R.INSUFFICIENT_BALANCE, access=Access.DANGEROUS,
    ),
    _command(
        "loyalty.transfer", Scope.LOYALTY_WRITE, "Move points to another customer. To undo it, transfer back.",
        *_CUSTOMER, R.INVALID_STATE, R.INSUFFICIENT_BALANCE,
    ),
    _command(
        "loyalty.claim", Scope.LOYALTY_WRITE,
        "Give a sale that has no customer to this one: its points, less what was returned since.",
        R.ALREADY_VOIDED, *_CUSTOMER, R.SALE_NOT_FOUND, R.INVALID_STATE,
    ),
    _command(
        "loyalty.restore", Scope.LOYALTY_WRITE, "Give back redeemed points, into the lots that they came from.",
        *_OF_POINTS, R.TENDER_NOT_FOUND, R.BELOW_MINIMUM, R.AMOUNT_OVER_CAPTURED,
    ),
    _command(
        "loyalty.reverse", Scope.LOYALTY_WRITE, "Take back earned points, from the earning's own lot first.",
        *_OF_POINTS, R.SALE_NOT_FOUND, R.OVER_RETURNED,
    ),
    _command(
        "pool.join", Scope.LOYALTY_WRITE, "Let a customer share the points of a pool. All of their points go in.",
        *_CUSTOMER, R.INVALID_STATE,
    ),
    _command(
        "pool.leave", Scope.LOYALTY_WRITE,
        "Let a customer leave a pool, with `points` of it. The last member takes everything.",
        *_CUSTOMER, R.INVALID_STATE, R.INSUFFICIENT_BALANCE,
    ),
    _reading(
        "pool.get", Scope.LOYALTY_READ, "Return a pool's members and points.",
        views.PoolGet, views.PoolView, R.CUSTOMER_NOT_FOUND,
    ),
    _reading(
        "loyalty.history", Scope.LOYALTY_READ, "List the changes of a points account, with document and balance.",
        views.LoyaltyHistory, views.HistoryPage, R.CUSTOMER_NOT_FOUND,
    ),
    _reading(
        "loyalty.policy.get", Scope.LOYALTY_READ, "Return the policy in force, or another version of it.",
        views.PolicyGet, views.PolicyView,
    ),
    _command(
        "loyalty.policy.put", Scope.POLICY_WRITE, "Put a new version of the policy into force, from a given time on.",
        R.POLICY_NOT_LATER, R.OVER_MAXIMUM, document="crm.policy.put", access=Access.DANGEROUS,
    ),
    _command(
        "giftcard.issue", Scope.GIFTCARD_WRITE, "Issue a gift card. Without a number, one is generated and shown once.",
        *_CUSTOMER, R.CARD_EXISTS, R.CARD_EXPIRED, R.BELOW_MINIMUM, R.OVER_MAXIMUM, answer=views.GiftCardIssued,
    ),
    _command(
        "giftcard.redeem", Scope.GIFTCARD_WRITE, "Take money off a gift card, or a part of it if that is allowed.",
        *_CARD, R.INSUFFICIENT_BALANCE,
    ),
    _command(
        "giftcard.reload", Scope.GIFTCARD_WRITE, "Put money on a gift card, within the limits of the policy.",
        *_CARD, R.INVALID_STATE, R.BELOW_MINIMUM, R.OVER_MAXIMUM,
    ),
    _command(
        "giftcard.reverse", Scope.GIFTCARD_WRITE, "Undo a redeem, reload or issue of a gift card, or a part of it.",
        R.COMMAND_NOT_FOUND, R.INVALID_STATE, R.AMOUNT_OVER_CAPTURED,
    ),
    _command(
        "giftcard.freeze", Scope.GIFTCARD_WRITE, "Freeze a gift card: it can't pay any more.",
        R.CARD_NOT_ACCEPTED,
    ),
    _command(
        "giftcard.unfreeze", Scope.GIFTCARD_WRITE,
        "Unfreeze a gift card that is not below zero. After five wrong PINs it takes the scope card:trusted, and "
        "resets nothing: the next wrong PIN freezes the card again.",
        R.CARD_NOT_ACCEPTED, R.INVALID_STATE, R.CARD_FROZEN,
    ),
    _command(
        "giftcard.link", Scope.GIFTCARD_WRITE, "Link a gift card to a customer.", R.CARD_NOT_ACCEPTED, *_CUSTOMER,
    ),
    _command(
        "giftcard.transfer", Scope.GIFTCARD_WRITE, "Move a balance to another gift card. To undo it, transfer back.",
        *_CARD, R.INVALID_STATE, R.OVER_MAXIMUM, R.INSUFFICIENT_BALANCE,
    ),
    _command(
        "giftcard.extend", Scope.GIFTCARD_WRITE,
        "Give a gift card a later last day, or none. A balance that expired comes back.",
        R.CARD_NOT_ACCEPTED, R.INVALID_STATE,
    ),
    _command(
        "giftcard.replace", Scope.CARD_TRUSTED,
        "Replace a gift card by a new one, which takes over its balance, holds, last day and customer.",
        R.CARD_NOT_ACCEPTED, R.INVALID_STATE, R.CARD_EXISTS, access=Access.DANGEROUS,
    ),
    _reading(
        "giftcard.get", Scope.GIFTCARD_READ, "Return a gift card's balance, holds, expiry and owner.",
        views.GiftCardGet, views.GiftCardView, R.CARD_NOT_ACCEPTED, access=Access.PROBE,
    ),
    _reading(
        "giftcard.list", Scope.CARD_TRUSTED, "List gift cards, or find them by customer or last four.",
        views.GiftCardList, views.GiftCardPage, R.CUSTOMER_NOT_FOUND,
    ),
    _reading(
        "giftcard.history", Scope.GIFTCARD_READ, "List the changes of a gift card, with document and balance.",
        views.GiftCardHistory, views.HistoryPage, R.CARD_NOT_ACCEPTED, access=Access.PROBE,
    ),
    _command(
        "sale.complete", Scope.SALE_WRITE, "Complete a sale: earn, take what its tenders pay, load the cards it sells.",
        R.ALREADY_VOIDED, document="scm.sale.completed",
    ),
    _command(
        "sale.void", Scope.SALE_WRITE, "Undo all of a sale, its returns included.", document="scm.sale.voided",
    ),
    _command(
        "return.complete", Scope.SALE_WRITE, "Take goods back. A return that comes before its sale waits: `parked`.",
        R.ALREADY_VOIDED, R.SALE_LINE_NOT_FOUND, R.CURRENCY_MISMATCH, R.OVER_RETURNED, R.AMOUNT_OVER_CAPTURED,
        document="scm.return.completed",
    ),
    _command(
        "return.void", Scope.SALE_WRITE, "Undo a return that was keyed by mistake: its lines, refunds and loads.",
        R.INVALID_STATE, document="scm.return.voided",
    ),
    _command(
        "tender.authorize", Scope.TENDER, "Hold money on a gift card, or points. With `capture`, take it at once.",
        R.ALREADY_VOIDED, R.TOO_LATE, R.CARD_NOT_ACCEPTED, *_CUSTOMER, R.CURRENCY_MISMATCH, R.CARD_EXPIRED,
        R.CARD_FROZEN, R.HOLD_EXPIRED, R.BELOW_MINIMUM, R.OVER_MAXIMUM, R.GIFT_CARD_BUYS_GIFT_CARD,
        R.INSUFFICIENT_BALANCE, document="scm.tender.requested",
    ),
    _command(
        "tender.capture", Scope.TENDER,
        "Take what was held, or less. If its request has not come yet, it waits (`parked`).",
        R.ALREADY_VOIDED, R.INVALID_STATE, R.HOLD_EXPIRED, document="scm.tender.captured",
    ),
    _command(
        "tender.void", Scope.TENDER, "Release a hold, or give back what was taken.", document="scm.tender.voided",
    ),
    _reading(
        "tender.get", Scope.TENDER, "A tender as it is now: its state, what it took and gave back.",
        views.TenderGet, views.TenderView, R.TENDER_NOT_FOUND,
    ),
    _reading(
        "event.explain", Scope.OPS, "Explain why a document was decided as it was: policy, lines, lots, transfers.",
        views.EventExplain, views.Explained,
    ),
    _reading(
        "event.simulate", Scope.OPS, "Return the outcome that a document would get now. Nothing is changed.",
        views.EventSimulate, views.Simulated,
    ),
    _reading(
        "session.create", None, "A short-lived token with the scopes of the key, or fewer.",
        views.SessionCreate, views.SessionView, access=Access.WRITE,
    ),
    _reading(
        "session.list", None, "The sessions of the key, or those that a session opened.",
        views.SessionList, views.SessionPage,
    ),
    _reading(
        "session.revoke", None, "End a session, and those that it opened, before its time.",
        views.SessionRevoke, views.Revoked, access=Access.WRITE,
    ),
)  # fmt: skip

OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType({one.name: one for one in _OPERATIONS})


def body_schema(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a body, of that of the model: without what the door fills in; a tender's id may be absent
    where the door can make one.
    """
    absent = {*operation.given, *((operation.id_field,) if operation.makes_id else ())}
    properties = {name: member for name, member in schema["properties"].items() if name not in operation.given}
    required = [name for name in schema.get("required", ()) if name not in absent]
    return {**schema, "properties": properties, "required": required}
