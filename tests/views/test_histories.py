"""Every transfer with its document, what it changed, the balance after it, and what caused it."""

import asyncpg
import pytest

from tests.ledger.conftest import BROKEN_CHAINS
from tests.views.conftest import Data, Shop, card
from worker.views import Invalid, cursors


def brief(items: list[Data]) -> list[tuple[object, ...]]:
    return [
        (item["document"]["type"].split(".", 1)[1], item["document"]["id"], item["change"], item["balance"],
         item.get("account", item["booked"]))
        for item in items
    ]  # fmt: skip


async def history(shop: Shop, customer_id: str, **more: object) -> list[Data]:
    return [item for page in await shop.pages("loyalty.history", customer_id=customer_id, **more) for item in page]


async def test_points_from_all_that_moves_them(shop: Shop) -> None:
    await shop.tell(
        "customer C", "sale S1 C 1:9000", "earn K1 C 500", "redeem K2 C 90", "adjust K3 C -10",
        "request T1 points C 100 capture", "return R1 S1 - 1:2000", "sale S2 C 1:5000 T2=points:50",
        "request T2 points C 50", "restore K4 crm.loyalty.redeem:K2 5", "reverse K5 crm.loyalty.earn:K1 3", "void S1",
    )  # fmt: skip
    items = await history(shop, "C")
    assert brief(items) == [
        ("sale.voided", "S1", -70, 151, "earned"),
        ("loyalty.reverse", "K5", -3, 221, "earned"),
        ("loyalty.restore", "K4", 5, 224, "redeemed"),
        ("tender.requested", "T2", -100, 219, "redeemed"),
        ("sale.completed", "S2", 49, 319, "earned"),
        ("return.completed", "R1", -20, 270, "earned"),
        ("tender.requested", "T1", -200, 290, "redeemed"),
        ("loyalty.adjust", "K3", -10, 490, "adjusted"),
        ("loyalty.redeem", "K2", -90, 500, "redeemed"),
        ("loyalty.earn", "K1", 500, 590, "earned"),
        ("sale.completed", "S1", 90, 90, "earned"),
    ]
    causes = {item["document"]["id"]: {name: item[name] for name in item if name.endswith("_id")} for item in items}
    assert causes["S1"] == {"sale_id": "S1"}
    assert causes["R1"] == {"sale_id": "S1", "return_id": "R1"}
    assert causes["T1"] == {"tender_id": "T1"}
    assert causes["K1"] == {}


async def test_a_document_that_moves_an_account_several_times(shop: Shop) -> None:
    """Pages may part it."""
    await shop.tell("customer C", "earn K1 C 1000", "request T1 points C 100", "sale S1 C 1:5000 T1=points:100")
    items = await history(shop, "C", limit=1)
    assert {(item["document"]["id"], item["booked"], item["change"]) for item in items[:2]} == {
        ("S1", "earned", 49), ("S1", "redeemed", -200),
    }  # fmt: skip
    assert items == await history(shop, "C")
    redeemed = next(item for item in items if item["booked"] == "redeemed")
    assert (redeemed["sale_id"], redeemed["tender_id"]) == ("S1", "T1")


async def test_a_card(shop: Shop) -> None:
    issued, *_ = await shop.tell(
        "issue I1 G 5000", "issue I2 H 100", "request T1 card G 1200", "sale S1 - 1:1200 T1=card:1200",
        "reload K1 G 300", "spend K2 G 50", "transfer K3 G H 50", "sale S2 - 1:900>G", "return R1 - - 1:70 card>G:70",
    )  # fmt: skip
    other = (await shop.ask("giftcard.get", gift_card=card("H")))["card_id"]
    (items,) = await shop.pages("giftcard.history", gift_card=card("G"))
    assert brief(items) == [
        ("return.completed", "R1", 70, 4970, "refunded"),
        ("sale.completed", "S2", 900, 4900, "sold"),
        ("giftcard.transfer", "K3", -50, 4000, other),
        ("giftcard.redeem", "K2", -50, 4050, "spent"),
        ("giftcard.reload", "K1", 300, 4100, "issued"),
        ("sale.completed", "S1", -1200, 3800, "spent"),
        ("giftcard.issue", "I1", 5000, 5000, "issued"),
    ]
    assert (items[2]["booked"], items[5]["sale_id"], items[5]["tender_id"]) == ("gift_card", "S1", "T1")
    card_id = issued["gift_cards"][0]["card_id"]
    assert [len(page) for page in await shop.pages("giftcard.history", gift_card={"card_id": card_id}, limit=3)] == [
        3,
        3,
        1,
    ]
    (there,) = await shop.pages("giftcard.history", gift_card=card("H"))
    assert brief(there)[0] == ("giftcard.transfer", "K3", 50, 150, card_id)


async def test_entries_of_deadlines_name_their_notices(shop: Shop) -> None:
    await shop.tell(
        'policy {"earn":{"expire_days":5}}', "customer C", "earn K1 C 10 @-9d", "issue I1 G 5 expires_on=day-2d @-9d"
    )
    applied = await shop.worker.catch_up(final=True)
    assert applied is not None
    (expired, _), (lapsed, _) = (
        brief(await history(shop, "C")), brief((await shop.ask("giftcard.history", gift_card=card("G")))["items"]),
    )  # fmt: skip
    card_id = (await shop.ask("giftcard.get", gift_card=card("G")))["card_id"]
    assert expired == ("points.expired", "C", -10, 0, "expired")
    assert lapsed == ("giftcard.expired", card_id, -5, 0, "expired")


async def test_every_id_of_a_person_has_one_history(shop: Shop) -> None:
    """It has the entries of each id, and of their pool since they joined it (contract CUST1)."""
    await shop.tell(
        "customer C", "customer D", "earn K1 D 7", "earn K2 C 40", "earn K3 D 1", "merge M1 C D", "earn K4 C 5",
        "join K5 D F", "customer E", "join K6 E F", "earn K7 E 100",
    )  # fmt: skip
    assert brief(await history(shop, "C")) == [
        ("loyalty.earn", "K7", 100, 153, "earned"),
        ("pool.join", "K5", -53, 0, "F"),
        ("loyalty.earn", "K4", 5, 53, "earned"),
        ("customer.merge", "M1", 40, 48, "C"),
        ("customer.merge", "M1", -40, 0, "D"),
        ("loyalty.earn", "K3", 1, 8, "earned"),
        ("loyalty.earn", "K2", 40, 40, "earned"),
        ("loyalty.earn", "K1", 7, 7, "earned"),
    ]
    assert await history(shop, "D") == await history(shop, "C")
    one, same = [await shop.ask("customer.get", customer_id=customer_id) for customer_id in "CD"]
    assert one == same
    for customer_id in "CDE":
        for limit in (1, 2, 3):
            assert await history(shop, customer_id, limit=limit) == await history(shop, customer_id)
    page = await shop.ask("loyalty.history", customer_id="E", limit=1)
    await shop.tell("leave K8 E F", "earn K9 E 3")
    assert brief(await history(shop, "E")) == [("loyalty.earn", "K9", 3, 3, "earned")]
    with pytest.raises(Invalid):
        await shop.ask("loyalty.history", customer_id="E", limit=1, cursor=page["next_cursor"])


async def test_a_cursor_of_an_earlier_version_is_good(shop: Shop, connection: asyncpg.Connection) -> None:
    await shop.tell("customer C", "earn K1 C 1", "earn K2 C 2", "earn K3 C 4")
    [account] = await connection.fetch("SELECT id, last_no FROM account WHERE key = 'C'")
    cursor = cursors.write(shop.worker.keyring("acme"), ("loyalty.history", "C"), (*account, 0, 7))
    page = await shop.ask("loyalty.history", customer_id="C", cursor=cursor)
    assert page["items"] == await history(shop, "C")


async def test_a_long_history_is_stable_while_more_is_booked(shop: Shop) -> None:
    """No entry is missed or comes twice, and the balances stay those of their time."""
    await shop.tell("customer C", "customer D")
    for part in range(5):
        await shop.tell_together(*(f"earn K{part * 200 + place} {'CD'[place % 2]} 1" for place in range(200)))
    page = await shop.ask("loyalty.history", customer_id="C", limit=33)
    seen = page["items"]
    number = 0
    while "next_cursor" in page:
        number += 1
        await shop.tell_together(f"redeem L{number} C 2", f"earn N{number} C 1")
        page = await shop.ask("loyalty.history", customer_id="C", limit=33, cursor=page["next_cursor"])
        assert len(page["items"]) == 33 or "next_cursor" not in page
        seen += page["items"]
    assert brief(seen) == [
        ("loyalty.earn", f"K{place}", 1, place // 2 + 1, "earned") for place in range(998, -1, -2)
    ]  # fmt: skip
    newest = await shop.ask("loyalty.history", customer_id="C", limit=2)
    assert brief(newest["items"])[0][:4] == ("loyalty.earn", f"N{number}", 1, 500 - number)


async def test_a_cursor_is_good_for_its_question_only(shop: Shop) -> None:
    for org in ("acme", "other"):
        await shop.tell("issue I1 G 5000", "issue I2 H 100", "reload K1 G 300", "reload K2 H 300", org=org)
        await shop.tell("customer C", "customer D", "earn E1 C 5", "earn E2 D 6", "earn E3 C 7", org=org)
    points = (await shop.ask("loyalty.history", customer_id="C", limit=1))["next_cursor"]
    money = (await shop.ask("giftcard.history", gift_card=card("G"), limit=1))["next_cursor"]
    for cursor in (points, money, points[:-1], points[:-4], "x", "", points + "AAAA"):
        for name, body in (
            ("loyalty.history", {"customer_id": "D"}),
            ("loyalty.history", {"customer_id": "C", "org": "other"}),
            ("giftcard.history", {"gift_card": card("H")}),
            ("giftcard.history", {"gift_card": card("G"), "org": "other"}),
            *([] if cursor == points else [("loyalty.history", {"customer_id": "C"})]),
        ):
            with pytest.raises(Invalid, match=r"^cursor: "):
                await shop.ask(name, cursor=cursor, **body)  # type: ignore[arg-type]


async def test_nothing_moved_nothing_told(shop: Shop) -> None:
    await shop.tell("customer C")
    assert await shop.ask("loyalty.history", customer_id="C") == {"items": []}
    assert (await shop.ask("customer.get", customer_id="C"))["activity"] == []


async def test_every_link_leads_to_the_transfer_before(shop: Shop, connection: asyncpg.Connection) -> None:
    """Several documents of a batch, transfers between accounts, new accounts and old ones, two tenants."""
    for org in ("acme", "other"):
        await shop.tell_together("customer C", "customer D", "earn K1 C 50", "earn K2 D 5", "earn K3 C 1", org=org)
        await shop.tell_together(
            "redeem K4 C 1", "merge M1 C D", "earn K5 D 5", "issue I1 G 10", "issue I2 H 5", org=org
        )
        await shop.tell("transfer K6 G H", "transfer K7 H G", "redeem K8 C 3", org=org)
    assert await connection.fetchval("SELECT count(*) FROM transfer WHERE debit_before IS NOT NULL") > 8
    assert await connection.fetch(BROKEN_CHAINS) == []


async def test_the_last_page_says_what_is_archived(shop: Shop, connection: asyncpg.Connection) -> None:
    """The chain leads into a file then."""
    await shop.tell("customer C", "earn K1 C 10", "earn K2 C 20")
    await connection.execute(
        "INSERT INTO archived_entry (received, given, account_id, last_no, last_at, org, contra)"
        " SELECT 30, 0, id, last_no, '2026-03-01T12:00:00Z', org, -1 FROM account"
    )
    await connection.execute("ALTER TABLE transfer DETACH PARTITION transfer_0")
    assert await shop.ask("loyalty.history", customer_id="C") == {
        "items": [], "archived_until": "2026-03-01T12:00:00Z"
    }  # fmt: skip
    await shop.tell("earn K3 C 1", "earn K4 C 2")
    page = await shop.ask("loyalty.history", customer_id="C", limit=1)
    assert "archived_until" not in page
    page = await shop.ask("loyalty.history", customer_id="C", limit=1, cursor=page["next_cursor"])
    assert page["archived_until"] == "2026-03-01T12:00:00Z"
    assert brief(page["items"]) == [("loyalty.earn", "K3", 1, 31, "earned")]
