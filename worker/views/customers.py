"""Customers: one customer in full, and the list."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from schemas.reasons import Reason
from schemas.requests import CustomerGet, CustomerList
from schemas.scalars import format_instant
from schemas.views import (
    Balance,
    Consent,
    CustomerPage,
    CustomerSummary,
    CustomerTier,
    CustomerView,
    GiftCardView,
    PointsLot,
    Profile,
)
from worker.domain.rules import consents
from worker.domain.rules.earning import earned_12m, tier_of
from worker.domain.state.accounts import Account, AccountType, Standing
from worker.domain.state.books import Consent as ConsentSaid
from worker.domain.state.days import Calendar, utc_date
from worker.domain.state.identity import account_id
from worker.domain.state.movements import tick_of
from worker.domain.state.policy import PolicyVersion
from worker.ledger import consents as stored_consents
from worker.ops.earning import exact_text
from worker.views import cards, cursors, search, transfers
from worker.views.context import Context, Refused
from worker.views.tenant import Tenant, reading

LATEST: Final = 10  # transfers shown with a customer
STATUS: Final[Mapping[Standing, Literal["active", "blocked", "erased"]]] = {
    Standing.ACTIVE: "active",
    Standing.FROZEN: "blocked",
    Standing.CLOSED: "erased",
}


async def get(context: Context, orgcode: str, request: CustomerGet) -> CustomerView:
    """Return the customer, under their present id if the requested id was merged into another."""
    now_us = time.time_ns() // 1000
    tick = tick_of(now_us)
    async with reading(context, orgcode) as tenant:
        path = await tenant.path(request.customer_id)
        if not path:
            raise Refused(Reason.CUSTOMER_NOT_FOUND)
        person = next(account for account in reversed(path) if account.type is AccountType.POINTS)
        points = path[-1]
        version = (await tenant.policies()).at(now_us)
        erased = person.standing is Standing.CLOSED
        return CustomerView(
            customer_id=person.key,
            status=STATUS[person.standing],
            profile=(await tenant.profiles([person])).get(person.id, Profile()),
            consents=() if erased else await _consents(tenant, person.key),
            points=balance(points, orgcode, tick),
            tier=_tier(version, person, utc_date(tick)),
            lots=tuple(lots(points, version.calendar)),
            pool_id=points.key if points.type is AccountType.POOL else None,
            gift_cards=await _cards(tenant, person, tick, version.calendar),
            activity=await transfers.latest(tenant, await transfers.of_person(tenant, path), LATEST),
        )


async def _consents(tenant: Tenant, customer_id: str) -> tuple[Consent, ...]:
    """Return the consent in force for each purpose and channel, as a campaign would see it now."""
    by_purpose: dict[Any, list[ConsentSaid]] = {}
    keys = [(tenant.org, customer_id, purpose, stored_consents.LATEST_US) for purpose in stored_consents.PURPOSES]
    for _, entry in await stored_consents.read(tenant.connection, keys):
        by_purpose.setdefault(entry.purpose, []).append(entry)
    return tuple(
        Consent(
            purpose=purpose, channel=channel or None, granted=counts.granted, since=format_instant(counts.at_us)
        )
        for purpose, entries in sorted(by_purpose.items())
        for channel, counts in sorted(consents.in_force(entries).items())
    )  # fmt: skip


def balance(points: Account, orgcode: str, tick: int) -> Balance:
    """Return the balance of a points account, as of a day."""
    return Balance(
        balance=points.balance,
        available=points.available(tick),
        held=points.held,
        pending=points.pending(tick),
        version=points.version,
        account=account_id(orgcode, points.type, points.key),
        deficit=points.deficit,
        shortfall=points.shortfall,
    )


def _tier(version: PolicyVersion, person: Account, date: int) -> CustomerTier:
    """Return the tier that a sale of today would get."""
    earned = earned_12m(person, date)
    tiers = version.policy.earn.tiers
    place = tier_of(tiers, earned)
    if place is None:
        return CustomerTier(name=None, factor="1", earned_12m=earned)
    return CustomerTier(name=tiers[place].name, factor=exact_text(tiers[place].factor), earned_12m=earned)


def lots(points: Account, calendar: Calendar) -> Iterable[PointsLot]:
    """Return the lots, soonest to expire first. Their sum less the deficit is the balance."""
    for lot in points.soonest():
        if lot.amount:
            yield PointsLot(
                points=lot.amount,
                held=lot.held,
                available_on=calendar.iso(lot.available_tick) if lot.available_tick else None,
                expires_on=calendar.last_date(lot.expires_tick),
            )


async def _cards(tenant: Tenant, person: Account, tick: int, calendar: Calendar) -> tuple[GiftCardView, ...]:
    found = await cards.linked(tenant, person)
    return tuple(cards.view(card, card.card, person.key, tick, calendar) for card in found if card.card is not None)


# --- the list --------------------------------------------------------------------------------------------------------


async def page(context: Context, orgcode: str, request: CustomerList) -> CustomerPage:
    """Return a page of customers, without merged ids. A pool's member shows the pool's balance."""
    wanted = search.Wanted.of(request)
    external_ids = sorted((request.external_ids or {}).items())
    question = ["customer.find" if wanted.has_filters else "customer.list", request.email, request.phone, external_ids]
    if request.name is not None:
        question.append(request.name)
    async with reading(context, orgcode) as tenant:
        after = None if request.cursor is None else cursors.read(tenant.keyring, question, request.cursor)
        shown, last = await search.customers(tenant, wanted, after, request.limit)
        profiles = await tenant.profiles(shown)
        pools = await tenant.accounts([account.target for account in shown if account.target is not None])
        return CustomerPage(
            items=tuple(
                CustomerSummary(
                    customer_id=account.key,
                    status=STATUS[account.standing],
                    profile=profiles.get(account.id, Profile()),
                    balance=(account if account.target is None else pools[account.target]).balance,
                )
                for account in shown
            ),
            next_cursor=None if last is None else cursors.write(tenant.keyring, question, last),
        )
