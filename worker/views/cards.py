"""Find the card of a request, check that the caller may see it, and return its present state (contract §2.2 Safety)."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from schemas.cards import CardRef
from schemas.reasons import Reason
from schemas.views import GiftCardView
from worker.domain.decisions.needs import Needs
from worker.domain.rules.card_access import accepted_card
from worker.domain.rules.card_loads import card_refused
from worker.domain.state.accounts import Account, AccountType, CardDetails, Standing
from worker.domain.state.books import Books
from worker.domain.state.days import Calendar
from worker.domain.state.policy import PolicyBook
from worker.ledger import load, write
from worker.ledger.queries import SQL
from worker.views.context import Context, Refused
from worker.views.tenant import Tenant

STATUS: Final[Mapping[Reason | None, Literal["active", "frozen", "expired"]]] = MappingProxyType(
    {None: "active", Reason.CARD_FROZEN: "frozen", Reason.CARD_EXPIRED: "expired"}
)


async def try_pin(context: Context, orgcode: str, ref: CardRef) -> None:
    """Count a given PIN as a payment does: five wrong PINs in a row freeze the card, and a right PIN resets the count.
    The PIN is counted before the answer, so a lookup reveals no more about the PIN than a payment does.

    A lookup of an unknown card runs the same statements and waits for no commit, so its time reveals little, too.
    """
    if ref.pin is None:
        return
    async with context.pool.transaction() as connection:
        await connection.execute("SET LOCAL synchronous_commit = off")
        org = await connection.fetchval("SELECT id FROM org WHERE code = $1", orgcode)
        if org is None:
            return
        books = Books(org, orgcode, PolicyBook([]))
        needs = Needs()
        needs.card(ref)
        await load.fill(connection, {orgcode: books}, {orgcode: needs}, {})
        now_us = time.time_ns() // 1000
        books.begin(0, now_us)
        accepted_card(ref, books, trusted=context.trusted)
        await write.accounts(connection, [books])
        await write.timers(connection, [books], now_us)


async def accepted(tenant: Tenant, ref: CardRef, *, trusted: bool) -> tuple[Account, CardDetails]:
    """Return the card. Raises Refused, in the same way for an unknown card and for a missing or wrong PIN."""
    books = Books(tenant.org, tenant.orgcode, PolicyBook([]))
    ids = [] if ref.card_id is None else [ref.card_id]
    if ref.number is not None:
        tokens = sorted(ref.number.known_as)
        rows = await tenant.connection.fetch(SQL["load_card_number"], [tenant.org] * len(tokens), tokens)
        books.cards = {tokens[row["place"] - 1]: row["card_id"] for row in rows}
        ids += books.cards.values()
    books.accounts |= await tenant.accounts((AccountType.CARD, card_id) for card_id in ids)
    card = accepted_card(ref, books, trusted=trusted)
    if card is None or card.card is None:
        raise Refused(Reason.CARD_NOT_ACCEPTED)
    return card, card.card


def view(
    card: Account,
    details: CardDetails,
    customer_id: str | None,
    tick: int,
    calendar: Calendar,
    *,
    trusted: bool = False,
) -> GiftCardView:
    """Return the card as of a day. A card that may not pay shows nothing available. `trusted`: the caller may see which
    card replaced it, because the id of a card without a PIN is as good as its number.
    """
    replaced = card.standing is Standing.REPLACED
    status = "replaced" if replaced else STATUS[card_refused(card, tick)]
    return GiftCardView(
        card_id=card.key,
        last4=details.last4 or None,
        currency=card.currency,
        status=status,
        balance_minor=card.balance,
        held_minor=card.held,
        available_minor=card.available(tick) if status == "active" else 0,
        expires_on=calendar.last_date(details.expires_tick),
        customer_id=customer_id,
        has_pin=bool(details.pin),
        version=card.version,
        replaced_by=card.target[1] if trusted and card.target is not None else None,
    )


async def linked(tenant: Tenant, person: Account) -> list[Account]:
    """Return the cards of a customer and of customers merged into them, without replaced cards."""
    found = []
    owners = [person]
    for one in owners:
        for account in await tenant.owned(one.key):
            if account.card is not None and account.target is None:
                found.append(account)
            elif account.target == (one.type, one.key):
                owners.append(account)
    return found


def owner(path: Sequence[Account]) -> str | None:
    """Return the present id of the customer at the beginning of the path."""
    return next((account.key for account in reversed(path) if account.type is AccountType.POINTS), None)
