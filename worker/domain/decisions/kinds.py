"""The kinds of tender that the engine decides: which account pays, what it is worth, and how much of it may pay.

A kind is one object. To add a kind, write a class here and put an object of it into `KINDS`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from schemas.documents import TenderRequested
from schemas.reasons import Reason, first
from schemas.scalars import DAY_US
from worker.domain.decisions.customers import customer_refused
from worker.domain.rules.card_access import accepted_card
from worker.domain.rules.card_loads import card_refused
from worker.domain.state.accounts import Account
from worker.domain.state.books import Books
from worker.domain.state.movements import tick_of
from worker.domain.state.policy import PolicyVersion
from worker.domain.state.sale import Sale
from worker.domain.state.tender import GIFT_CARD, POINTS, State, Tender

Limit = tuple[int, Reason]
"""The most that may be paid, in minor units, and the reason that an answer gives for this limit."""


class TenderKind(Protocol):
    """The differences between kinds when a request is decided. Amounts are in minor units."""

    def account(
        self, document: TenderRequested, books: Books, *, trusted: bool
    ) -> tuple[Account | None, Reason | None]:
        """Return the account that pays, and why it can't."""

    def is_late(self, document: TenderRequested, record_us: int, max_age_days: int) -> bool:
        """Return whether the request is too old to be decided."""

    def refused(self, tender: Tender, version: PolicyVersion) -> Reason | None:
        """Set the value of the tender's units. Return why the policy refuses the tender, or None."""

    def limits(
        self, document: TenderRequested, books: Books, tender: Tender, sale: Sale | None, version: PolicyVersion
    ) -> list[Limit]:
        """Return the limits of the amount besides the balance."""

    def least(self, version: PolicyVersion) -> int:
        """Return the fewest units that may pay, if any do."""


class _GiftCard:
    def account(
        self, document: TenderRequested, books: Books, *, trusted: bool
    ) -> tuple[Account | None, Reason | None]:
        """Return no card if it is not accepted, because the outcome must not show it (contract SAFE1)."""
        ref = document.gift_card
        assert ref is not None  # noqa: S101  the schema's rule: a gift card request names a card
        card = accepted_card(ref, books, trusted=trusted)
        if card is None:
            return None, Reason.CARD_NOT_ACCEPTED
        refused = []
        if document.customer_id is not None:
            refused.append(customer_refused(books, document.customer_id, document.occurred_at))
        if card.currency != document.currency:
            refused.append(Reason.CURRENCY_MISMATCH)
        refused.append(card_refused(card, tick_of(document.occurred_at)))
        return card, first(refused)

    def is_late(self, document: TenderRequested, record_us: int, max_age_days: int) -> bool:
        return document.occurred_at < record_us - max_age_days * DAY_US

    def refused(self, _tender: Tender, _version: PolicyVersion) -> Reason | None:
        return None

    def limits(
        self, document: TenderRequested, _books: Books, _tender: Tender, _sale: Sale | None, version: PolicyVersion
    ) -> list[Limit]:
        if document.eligible_minor is None or version.policy.gift_card.bought_with_gift_card:
            return []
        return [(document.eligible_minor, Reason.GIFT_CARD_BUYS_GIFT_CARD)]

    def least(self, _version: PolicyVersion) -> int:
        return 0


class _Points:
    def account(
        self,
        document: TenderRequested,
        books: Books,
        *,
        trusted: bool,  # noqa: ARG002  points have no PIN
    ) -> tuple[Account | None, Reason | None]:
        customer_id = document.customer_id or ""
        refused = customer_refused(books, customer_id, document.occurred_at)
        if refused is Reason.CUSTOMER_NOT_FOUND:
            return None, refused
        holder = books.holder(customer_id)
        return (None if holder is None else books.follow(holder)), refused

    def is_late(self, _document: TenderRequested, _record_us: int, _max_age_days: int) -> bool:
        return False

    def refused(self, tender: Tender, version: PolicyVersion) -> Reason | None:
        tender.value = version.point_value(tender.currency)
        if tender.value is None:
            return Reason.CURRENCY_NOT_IN_POLICY
        return Reason.BELOW_MINIMUM if tender.value.points(tender.requested_minor) < self.least(version) else None

    def limits(
        self, document: TenderRequested, books: Books, tender: Tender, sale: Sale | None, version: PolicyVersion
    ) -> list[Limit]:
        limits = [] if document.eligible_minor is None else [(document.eligible_minor, Reason.OVER_MAXIMUM)]
        if version.policy.redeem.max_share_of_sale < 1:
            limits.append((_share_left(document, books, tender, sale, version), Reason.OVER_MAXIMUM))
        return limits

    def least(self, version: PolicyVersion) -> int:
        return version.policy.redeem.min_points


def _share_left(
    document: TenderRequested, books: Books, tender: Tender, sale: Sale | None, version: PolicyVersion
) -> int:
    """Return how much of the sale points may still pay; nothing if the request does not name its sale (contract §2.1).

    The id of a crowded sale names none.
    """
    if sale is None or document.sale_total_minor is None or document.tender_id not in sale.requests:
        return 0
    share = version.policy.redeem.max_share_of_sale
    cap = document.sale_total_minor * share.numerator // share.denominator
    for other_id in sale.requests:
        other = books.tenders.get(other_id)
        if other is None or other is tender or other.kind != POINTS:
            continue
        if other.state is State.AUTHORIZED:
            cap -= other.approved_minor
        elif other.state is State.CAPTURED:
            cap -= other.captured_minor - other.refunded_minor
    return max(cap, 0)


KINDS: Final[Mapping[str, TenderKind]] = MappingProxyType({GIFT_CARD: _GiftCard(), POINTS: _Points()})
