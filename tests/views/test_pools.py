"""A pool: who is in it, what they share, and that each batch finds its members in the ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.views.conftest import Data, Shop
from worker.domain.state.accounts import AccountType
from worker.domain.state.identity import account_id
from worker.ledger.queries import SQL
from worker.views import Refused

POOL = account_id("acme", AccountType.POOL, "P")


def told(data: list[Data]) -> list[tuple[str, int, bool]]:
    """Return the customer of each outcome or notice, the balance in it, and whether it is the pool's."""
    return [(one["customer_id"], one["points"]["balance"], one["points"]["account"] == POOL) for one in data]


async def test_members_and_points(shop: Shop) -> None:
    await shop.tell(
        "customer C", "customer D", "customer P", "customer E", "earn E1 C 100", "merge M1 E P", "join J1 C P"
    )
    assert told(await shop.tell("join J2 D P")) == [("D", 100, True), ("C", 100, True)]
    pool = await shop.ask("pool.get", pool_id="P")
    assert (pool["members"], pool["points"]["balance"], pool["points"]["account"]) == (["C", "D"], 100, POOL)
    assert pool["lots"] == [{"points": 100, "held": 0}]
    customer = await shop.ask("customer.get", customer_id="C")
    assert (customer["pool_id"], customer["points"]) == ("P", pool["points"])
    assert told(await shop.tell("leave J3 D P 40")) == [("D", 40, False), ("C", 60, True)]
    assert told(await shop.tell("leave J4 C P")) == [("C", 60, False)]
    pool = await shop.ask("pool.get", pool_id="P")
    assert (pool["members"], pool["points"]["balance"]) == ([], 0)
    assert (await shop.ask("customer.get", customer_id="C"))["points"]["balance"] == 60
    assert (await shop.ask("customer.get", customer_id="P"))["points"]["balance"] == 0


@pytest.mark.parametrize("points", [0, 20])
async def test_a_member_sees_the_history_since_they_joined(shop: Shop, points: int) -> None:
    await shop.tell("customer C", "earn E1 C 100", "join J1 C P", "earn E2 C 5", "customer D")
    own = []
    if points:
        await shop.tell(f"earn E3 D {points}")
        own = [("J2", -points), ("E3", points)]
    shop.now_us += 1
    await shop.tell("join J2 D P")
    assert await history(shop, "D") == own
    shop.now_us += 1
    await shop.tell("earn E4 C 7", "redeem K1 D 3")
    assert await history(shop, "D") == [("K1", -3), ("E4", 7), *own]
    assert (await history(shop, "C"))[:2] == [("K1", -3), ("E4", 7)]
    await shop.tell("leave J3 D P 9")
    assert await history(shop, "D") == [("J3", 9), *own]


async def test_the_documents_of_a_page_are_read_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.tell("customer C", "earn E1 C 100", "join J1 C P", "customer D")
    shop.now_us += 1
    await shop.tell("join J2 D P", "earn E2 C 7", "redeem K1 D 3")
    read: list[int] = []
    fetch = asyncpg.Connection.fetch

    async def noted(self: asyncpg.Connection, query: str, *args: Any, **more: Any) -> list[Any]:  # noqa: ANN401
        if query == SQL["read_causes"]:
            read.extend(args[1])
        return await fetch(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "fetch", noted)
    assert len((await shop.ask("loyalty.history", customer_id="D"))["items"]) == 2
    assert len(read) == len(set(read)) > 0


async def history(shop: Shop, customer_id: str) -> list[tuple[str, int]]:
    """Return the documents and changes of a customer's history, which is read in pages of one entry."""
    pages = await shop.pages("loyalty.history", customer_id=customer_id, limit=1)
    return [(one["document"]["id"], one["change"]) for page in pages for one in page]


async def test_a_document_that_names_an_empty_pool_leads_to_its_last_member(shop: Shop) -> None:
    await shop.tell("customer C", "earn E1 C 100", "join J1 C P", "redeem K1 C 30", "leave J2 C P")
    assert told(await shop.tell("restore K2 crm.loyalty.redeem:K1")) == [("C", 100, False)]
    await shop.tell("customer D", "join J3 D P")
    assert told(await shop.tell("earn E2 D 5")) == [("D", 5, True)]


async def test_an_erased_customer_is_no_member_any_more(shop: Shop) -> None:
    """Within one batch, too."""
    await shop.tell(
        "customer C", "customer D", "customer E", "earn E1 C 100", *(f"join J-{id_} {id_} P" for id_ in "CDE")
    )
    await shop.tell("forget K0 E asked")
    assert (await shop.ask("pool.get", pool_id="P"))["members"] == ["C", "D"]
    _, left = await shop.tell_together("forget K1 D asked", "leave J3 C P")
    assert told([left]) == [("C", 100, False)]


async def test_a_pool_that_nobody_joined(shop: Shop) -> None:
    await shop.tell("customer C")
    with pytest.raises(Refused):
        await shop.ask("pool.get", pool_id="P")


async def test_last_days_are_told_in_the_time_zone(shop: Shop) -> None:
    await shop.tell('policy {"time_zone":"Pacific/Kiritimati","earn":{"expire_days":3}}', "customer C")
    await shop.tell("issue I1 G 500 customer_id=C expires_on=day+9d", "earn E1 C 10 @-1d")
    customer = await shop.ask("customer.get", customer_id="C")
    (card,) = customer["gift_cards"]
    assert card["expires_on"] == str(shop.clock.at("+9d").date())
    earned_on = datetime.fromtimestamp(shop.clock.at("-1d").timestamp() + 14 * 3600, UTC).date()  # on Kiritimati
    assert customer["lots"][0]["expires_on"] == str(earned_on + timedelta(days=3))
