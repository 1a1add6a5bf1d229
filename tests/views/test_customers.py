"""One customer with all that is known, and the list of them."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.reasons import Reason
from schemas.scalars import format_instant
from tests.ledger.conftest import NOW_US
from tests.views.conftest import NOW, Shop, card
from worker.domain.state.accounts import AccountType
from worker.domain.state.identity import account_id
from worker.views import Invalid, Refused

OWN = account_id("acme", AccountType.POINTS, "C")
SINCE = format_instant(NOW_US // 10**6 * 10**6)
PERSON = "create K-{0} {0} email={0}@example.com phone=+441632-{0} name={0}"


async def ids(shop: Shop, **body: object) -> list[str]:
    return [item["customer_id"] for page in await shop.pages("customer.list", **body) for item in page]


async def refusal(shop: Shop, name: str, **body: Any) -> Reason:  # noqa: ANN401
    with pytest.raises(Refused) as refused:
        await shop.ask(name, **body)
    return refused.value.reason


async def test_all_that_is_known(shop: Shop) -> None:
    await shop.tell(
        'policy {"earn":{"expire_days":30,"tiers":[{"name":"silver","from_points_12m":10,"factor":"1.25"},'
        '{"name":"gold","from_points_12m":100,"factor":"1.5"}]}}',
        PERSON.format("C"),
        "consent K1 C marketing yes channel=email",
        "consent K2 C marketing no channel=email",
        "consent K3 C service yes",
        "consent K4 C service no @-1d",
        "earn K5 C 70 @-2d",
        "sale S1 C 1:3000",
        "request T1 points C 10",
        "issue I1 G 500 customer_id=C",
        "issue I2 H 500",
    )
    day = NOW.date()
    told = await shop.ask("customer.get", customer_id="C")
    (linked,) = told.pop("gift_cards")
    activity = told.pop("activity")
    assert told == {
        "customer_id": "C",
        "status": "active",
        "profile": {"name": "C", "email": "C@example.com", "phone": "+441632-C"},
        "consents": [
            {"purpose": "marketing", "channel": "email", "granted": False, "since": SINCE},
            {"purpose": "service", "granted": True, "since": SINCE},
        ],
        "points": {"balance": 107, "available": 87, "held": 20, "pending": 0, "version": 4, "deficit": 0,
                   "shortfall": 0, "account": OWN},
        "tier": {"name": "gold", "factor": "1.5", "earned_12m": 107},
        "lots": [
            {"points": 70, "held": 20, "expires_on": str(day + timedelta(days=28))},
            {"points": 37, "held": 0, "expires_on": str(day + timedelta(days=30))},
        ],
    }  # fmt: skip
    assert (linked["balance_minor"], linked["customer_id"], linked["status"]) == (500, "C", "active")
    assert [(entry["change"], entry["balance"]) for entry in activity] == [(37, 107), (70, 70)]


async def test_points_that_wait_and_points_that_expired(shop: Shop) -> None:
    """Expired points count until their expiry is booked, but nobody can spend them."""
    await shop.tell(
        'policy {"earn":{"expire_days":5}}',
        'policy {"earn":{"pending_days":3}} id=P2 from=-1d',
        "customer C",
        "earn K1 C 10 @-9d",
        "earn K2 C 20",
    )
    told = await shop.ask("customer.get", customer_id="C")
    assert told["points"] == {
        "balance": 30, "available": 0, "held": 0, "pending": 20, "version": 3, "deficit": 0, "shortfall": 0,
        "account": OWN,
    }  # fmt: skip
    day = NOW.date()
    assert told["lots"] == [
        {"points": 10, "held": 0, "expires_on": str(day - timedelta(days=4))},
        {"points": 20, "held": 0, "available_on": str(day + timedelta(days=3))},
    ]


async def test_a_deficit_is_shown(shop: Shop) -> None:
    await shop.tell("customer C", "sale S1 C 1:5000", "redeem K1 C 40", "void S1")
    told = await shop.ask("customer.get", customer_id="C")
    assert (told["points"]["balance"], told["points"]["available"], told["points"]["deficit"]) == (-40, 0, 40)
    assert told["lots"] == []
    assert told["tier"] == {"factor": "1", "earned_12m": 0}


@pytest.mark.parametrize(
    ("gold_factor", "points"), [("1.5", 15), ("1.1", 11), ("1", 10)], ids=["higher", "lower", "none"]
)
async def test_the_tier_shown_is_the_tier_that_a_sale_counts(shop: Shop, gold_factor: str, points: int) -> None:
    """The one with the highest threshold, whatever its factor."""
    silver = '{"name":"silver","from_points_12m":10,"factor":"1.25"}'
    gold = f'{{"name":"gold","from_points_12m":100,"factor":"{gold_factor}"}}'
    await shop.tell(f'policy {{"earn":{{"tiers":[{silver},{gold}]}}}}', PERSON.format("C"), "earn K1 C 100 @-1d")
    tier = (await shop.ask("customer.get", customer_id="C"))["tier"]
    assert (tier["name"], tier["factor"]) == ("gold", gold_factor)
    sale = {
        "store_id": "s", "currency": "GBP", "customer_id": "C",
        "lines": [{"line_id": 1, "sku": "x", "net_minor": 1000}], "tenders": [],
    }  # fmt: skip
    told = await shop.ask("event.simulate", type="scm.sale.completed", data=sale)
    assert told["outcome"]["points"]["change"] == points


async def test_a_consent_for_every_channel_ends_those_for_one(shop: Shop) -> None:
    """As a campaign counts them: what names no channel is said of all."""
    await shop.tell(
        PERSON.format("C"),
        "consent K1 C marketing yes channel=email @-3d",
        "consent K2 C marketing no @-2d",
        "consent K3 C marketing yes channel=sms @-1d",
        "consent K4 C marketing yes channel=post @-4d",
    )
    told = (await shop.ask("customer.get", customer_id="C"))["consents"]
    assert [(one.get("channel"), one["granted"]) for one in told] == [(None, False), ("sms", True)]


async def test_a_birth_date_is_told_and_goes_with_the_person(shop: Shop) -> None:
    await shop.tell(PERSON.format("C") + " birth_date=--02-29", PERSON.format("D"), "update U1 D birth_date=1815-12-10")
    for customer_id, birth_date in (("C", "--02-29"), ("D", "1815-12-10")):
        told = await shop.ask("customer.get", customer_id=customer_id)
        assert told["profile"]["birth_date"] == birth_date
    await shop.tell("forget F1 C asked")
    assert (await shop.ask("customer.get", customer_id="C"))["profile"] == {}


async def test_points_earned_more_than_a_year_ago_reach_no_tier(shop: Shop) -> None:
    await shop.tell(
        'policy {"earn":{"tiers":[{"name":"gold","from_points_12m":100,"factor":"1.5"}]}}',
        "customer C", "earn K1 C 99 @-300d", "earn K2 C 500 @-367d",
    )  # fmt: skip
    told = await shop.ask("customer.get", customer_id="C")
    assert (told["tier"], told["points"]["balance"]) == ({"factor": "1", "earned_12m": 99}, 599)


async def test_an_id_that_was_merged_is_answered_as_the_present_one(shop: Shop) -> None:
    await shop.tell(
        PERSON.format("C"), PERSON.format("D"), PERSON.format("E"), "earn K1 C 40", "earn K2 D 7", "issue I1 G 500",
        "link K3 G C", "issue I2 H 300 customer_id=E", "merge M1 C D", "merge M2 D E",
    )  # fmt: skip
    told = await shop.ask("customer.get", customer_id="E")
    assert (told["customer_id"], told["profile"]["name"], told["points"]["balance"]) == ("E", "E", 47)
    assert {one["customer_id"] for one in told["gift_cards"]} == {"E"}
    assert sorted(one["balance_minor"] for one in told["gift_cards"]) == [300, 500]
    for old in "CD":
        again = await shop.ask("customer.get", customer_id=old)
        assert again | {"activity": told["activity"]} == told
    assert (await shop.ask("giftcard.get", gift_card=card("G")))["customer_id"] == "E"
    assert await ids(shop) == ["E"]


async def test_members_of_a_pool_have_its_points(shop: Shop) -> None:
    await shop.tell(
        "customer C", "customer D", "earn K1 C 40", "earn K2 D 2", "join K3 C F", "join K4 D F", "earn K5 D 8",
    )  # fmt: skip
    for member in "CD":
        told = await shop.ask("customer.get", customer_id=member)
        assert (told["customer_id"], told["pool_id"], told["points"]["balance"]) == (member, "F", 50)
    page = await shop.ask("customer.list")
    assert [(item["customer_id"], item["balance"]) for item in page["items"]] == [("C", 50), ("D", 50)]
    await shop.tell("leave K6 D F")
    told = await shop.ask("customer.get", customer_id="D")
    assert (told.get("pool_id"), told["points"]["balance"]) == (None, 0)
    assert await refusal(shop, "customer.get", customer_id="F") is Reason.CUSTOMER_NOT_FOUND


async def test_of_an_erased_customer_nothing_personal_is_left(shop: Shop) -> None:
    await shop.tell(PERSON.format("C"), "consent K1 C marketing yes", "earn K2 C 40", "erase C")
    told = await shop.ask("customer.get", customer_id="C")
    assert (told["status"], told["profile"], told["consents"], told["points"]["balance"]) == ("erased", {}, [], 40)
    assert len((await shop.ask("loyalty.history", customer_id="C"))["items"]) == 1
    page = await shop.ask("customer.list")
    assert [(item["status"], item["profile"]) for item in page["items"]] == [("erased", {})]
    assert await ids(shop, email="C@example.com") == []


async def test_a_blocked_customer(shop: Shop) -> None:
    await shop.tell("customer C", "block C")
    assert (await shop.ask("customer.get", customer_id="C"))["status"] == "blocked"
    await shop.tell("unblock C @+1s")
    assert (await shop.ask("customer.get", customer_id="C"))["status"] == "active"


async def test_a_customer_without_a_record_is_not_found(shop: Shop) -> None:
    """Not even where points wait; nor does one tenant see another's."""
    await shop.tell("sale S1 W 1:1000", "customer C")
    for org, customer_id in (("acme", "W"), ("acme", "X"), ("other", "C"), ("nobody", "C")):
        await shop.tell("customer O", org="other")
        for name in ("customer.get", "loyalty.history"):
            assert await refusal(shop, name, org=org, customer_id=customer_id) is Reason.CUSTOMER_NOT_FOUND
    assert await ids(shop) == ["C"]
    assert await ids(shop, org="other") == ["O"]
    assert await ids(shop, org="nobody") == []


async def test_two_tenants_with_the_same_ids_see_their_own(shop: Shop) -> None:
    for org, points in (("acme", 1), ("other", 2)):
        await shop.tell(
            PERSON.format("C"), PERSON.format("D"), f"consent K1 C marketing {'yes' if points == 1 else 'no'}",
            f"earn K2 C {points}", f"earn K3 D {points}", f"issue I1 G {points} customer_id=D", "merge M1 D C", org=org,
        )  # fmt: skip
    for org, points in (("acme", 1), ("other", 2)):
        told = await shop.ask("customer.get", customer_id="C", org=org)
        assert [one["balance_minor"] for one in told["gift_cards"]] == [points]
        assert [one["granted"] for one in told["consents"]] == [points == 1]
        assert [one["change"] for one in told["activity"]] == [points, -points, points, points]
        (item,) = (await shop.ask("customer.list", org=org, email="C@example.com"))["items"]
        assert item["balance"] == 2 * points


async def test_the_list_is_stable_while_customers_come(shop: Shop) -> None:
    """Every customer of the beginning comes once, in order; merged customers take no place."""
    names = [f"C{number:03}" for number in range(60)]
    await shop.tell_together(*(f"customer {name}" for name in names))
    await shop.tell(*(f"merge M{number} C{number:03} C059" for number in range(5, 30)))
    there = [*names[:5], *names[30:]]
    page = await shop.ask("customer.list", limit=7)
    seen = [item["customer_id"] for item in page["items"]]
    number = 0
    while "next_cursor" in page:
        number += 1
        await shop.tell(f"customer A{number}", f"customer {seen[-1]}-{number}")
        page = await shop.ask("customer.list", limit=7, cursor=page["next_cursor"])
        assert len(page["items"]) == 7 or "next_cursor" not in page
        seen += [item["customer_id"] for item in page["items"]]
    assert seen == sorted(set(seen))
    assert [name for name in seen if "-" not in name] == there


async def test_a_cursor_of_another_question_is_invalid(shop: Shop) -> None:
    await shop.tell_together("customer A", "customer B", "customer C")
    await shop.tell_together("customer A", "customer B", org="other")
    cursor = (await shop.ask("customer.list", limit=1))["next_cursor"]
    for bad in (cursor[:-2], cursor[::-1], "", "ä", "QQ", "!" * 8, cursor + "AAAA", cursor.swapcase()):
        with pytest.raises(Invalid, match="cursor"):
            await shop.ask("customer.list", limit=1, cursor=bad)
    with pytest.raises(Invalid, match="cursor"):
        await shop.ask("customer.list", limit=1, cursor=cursor, email="a@example.com")
    with pytest.raises(Invalid, match="cursor"):
        await shop.ask("customer.list", limit=1, cursor=cursor, org="other")


async def test_a_birth_date_carries_over_in_a_merge(shop: Shop) -> None:
    await shop.tell(PERSON.format("C") + " birth_date=--02-29", PERSON.format("D"), "merge M1 C D")
    assert (await shop.ask("customer.get", customer_id="C"))["profile"]["birth_date"] == "--02-29"
