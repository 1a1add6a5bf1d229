"""The list of gift cards, and the cards of a customer."""

from typing import Final

import asyncpg
import pytest

from schemas.operations import OPERATIONS
from schemas.reasons import Reason
from schemas.scopes import Scope
from tests.views.conftest import Data, Shop, card
from worker.views import Invalid, Refused

GUESSES: Final = 5


async def look(shop: Shop, card_id: str, org: str = "acme") -> Data:
    return await shop.ask("giftcard.get", gift_card={"card_id": card_id}, trusted=True, org=org)


async def listed(shop: Shop, org: str = "acme", **body: object) -> list[Data]:
    """Every card, two a page."""
    pages = await shop.pages("giftcard.list", org=org, trusted=True, limit=2, **body)
    assert all(len(page) == 2 for page in pages[:-1])
    return [item for page in pages for item in page]


async def ids_of(shop: Shop, *names: str) -> list[str]:
    cards = [await shop.ask("giftcard.get", gift_card=card(name)) for name in names]
    return sorted(one["card_id"] for one in cards)


async def test_each_item_is_what_a_look_up_shows(shop: Shop) -> None:
    """Frozen, expired, replaced, linked to a customer who was merged twice: whatever a card is, both say the same."""
    await shop.tell(
        "customer C", "customer D", "customer E", "issue I1 G 5000 customer_id=C expires_on=day+3d", "issue I2 H 700",
        "freeze K1 H", "issue I3 I 900 expires_on=day-2d @-9d", "issue I4 J 300 pin=4711", "issue I5 K 100",
        "replace K2 K L pin=4711", "request T1 card G 1200", "merge M1 C D", "merge M2 D E",
    )  # fmt: skip
    items = await listed(shop)
    assert len(items) == 6
    assert [item["card_id"] for item in items] == sorted({item["card_id"] for item in items})
    assert items == [await look(shop, item["card_id"]) for item in items]
    assert {item["status"] for item in items} == {"active", "frozen", "expired", "replaced"}
    assert [item["customer_id"] for item in items if "customer_id" in item] == ["E"]


async def test_the_cards_of_a_customer_and_of_those_merged_into_them(shop: Shop) -> None:
    await shop.tell(
        "customer C", "customer D", "customer E", "customer F", "issue I1 G 500 customer_id=C", "issue I2 H 300",
        "link K1 H E", "issue I3 I 100 customer_id=F", "issue I4 J 900", "issue I5 K 40 customer_id=D",
        "merge M1 C D", "merge M2 D E", "join K2 E P",
    )  # fmt: skip
    for asked in "CDE":
        items = await listed(shop, customer_id=asked)
        assert [item["card_id"] for item in items] == await ids_of(shop, "G", "H", "K")
        assert {item["customer_id"] for item in items} == {"E"}
    assert [item["card_id"] for item in await listed(shop, customer_id="F")] == await ids_of(shop, "I")


async def test_merges_of_an_old_version_lead_on_step_by_step(shop: Shop, connection: asyncpg.Connection) -> None:
    """C led to D when D went over to E, and version 0.1.0 left it so."""
    await shop.tell("customer C", "customer D", "customer E", "issue I1 G 500 customer_id=C", "merge M1 C D")
    (before,) = await connection.fetch("SELECT extra, owner FROM account WHERE kind = 0 AND key = 'C'")
    await shop.tell("merge M2 D E")
    await connection.execute("UPDATE account SET extra = $1, owner = $2 WHERE kind = 0 AND key = 'C'", *before)
    for body in ({}, {"customer_id": "C"}, {"customer_id": "E"}):
        (item,) = await listed(shop, **body)
        assert item == await look(shop, item["card_id"])
        assert item["customer_id"] == "E"


async def test_a_customer_without_cards_and_one_who_is_not_there(shop: Shop) -> None:
    await shop.tell("customer C", "issue I1 G 500", "sale S1 W 1:1000")
    await shop.tell("customer O", org="other")
    assert await listed(shop, customer_id="C") == []
    for unknown in ("O", "X", "W"):
        with pytest.raises(Refused) as refused:
            await listed(shop, customer_id=unknown)
        assert refused.value.reason is Reason.CUSTOMER_NOT_FOUND


async def test_a_tenant_sees_its_own_cards(shop: Shop) -> None:
    await shop.tell("customer C", "issue I1 G 500 customer_id=C")
    await shop.tell("customer C", "issue I1 G 70 customer_id=C", org="other")
    for org, balance in (("acme", 500), ("other", 70)):
        for body in ({}, {"customer_id": "C"}):
            assert [item["balance_minor"] for item in await listed(shop, org, **body)] == [balance]
    assert await listed(shop, "nobody") == []


async def test_a_cursor_of_another_question_is_invalid(shop: Shop) -> None:
    await shop.tell("customer C", *(f"issue I{name} {name} 500 customer_id=C" for name in "GHI"))
    cursor = (await shop.ask("giftcard.list", limit=1))["next_cursor"]
    of_customer = (await shop.ask("giftcard.list", limit=1, customer_id="C"))["next_cursor"]
    for body in ({"cursor": cursor, "customer_id": "C"}, {"cursor": of_customer}, {"cursor": cursor, "org": "other"}):
        with pytest.raises(Invalid, match="cursor"):
            await shop.ask("giftcard.list", **body)


async def test_a_list_is_no_guess_and_tells_no_number(shop: Shop) -> None:
    await shop.tell("issue I1 G 500 pin=4711")
    for _ in range(GUESSES):
        (item,) = await listed(shop)
        assert card("G")["number"] not in str(item)
    assert (await shop.ask("giftcard.get", gift_card=card("G", "4711")))["version"] == 1


def test_a_key_that_may_read_a_card_may_not_list_cards() -> None:
    """The card_id of a card without a PIN is as good as its number."""
    assert OPERATIONS["giftcard.list"].scope is Scope.CARD_TRUSTED
