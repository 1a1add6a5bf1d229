"""Finding customers by name, e-mail, phone and external id, and gift cards by their last four (contract HTTP11–15)."""

from typing import Any

import asyncpg
import pytest

from schemas.reasons import Reason
from schemas.scalars import format_instant
from tests.ledger.conftest import NOW_US, record
from tests.views.conftest import Data, Shop, card
from worker.views import Invalid, Refused, search

PEOPLE: dict[str, Data] = {
    "A": {"name": "Ada Lovelace", "email": "Ada@example.com", "phone": "+44 20 7946 0018"},
    "B": {"name": "José María O'Brien-Łoś", "email": "ΌΣΟΣ@παράδειγμα.gr", "phone": "+442079460018"},
    "C": {"name": "Лев Толстой", "email": "STRASSE@example.com", "phone": "(020) 7946-0018"},
    "G": {"name": "李明", "email": "ADA@EXAMPLE.COM", "phone": "+٤٤ ٢٠ ٧٩٤٦ ٠٠١٨", "external_ids": {"shop": "17"}},
    "E": {"name": "ADAM  ADAMS", "external_ids": {"shop": "17", "web": "3"}},
    "F": {"name": "—", "email": "f@example.com", "phone": "none"},
}
# The search, and the customers that it finds, in this order.
FOUND: list[tuple[Data, str]] = [
    ({"name": "lovelace"}, "A"),
    ({"name": "LOVE ad"}, "A"),
    ({"name": "ad"}, "AE"),
    ({"name": "ada"}, "AE"),
    ({"name": "adams adam"}, "E"),
    ({"name": "ada love lace"}, ""),
    ({"name": "lace"}, ""),
    ({"name": "jose maria"}, "B"),
    ({"name": "MARÍA"}, "B"),
    ({"name": "obrien"}, "B"),
    ({"name": "o’brien"}, "B"),
    ({"name": "o brien"}, ""),
    ({"name": "łoś"}, "B"),
    ({"name": "толст ЛЕВ"}, "C"),
    ({"name": "李明"}, "G"),
    ({"name": "ad%"}, "AE"),
    ({"email": "aDA@example.COM"}, "AG"),
    ({"email": "όσος@ΠΑΡΆΔΕΙΓΜΑ.GR"}, "B"),
    ({"email": "straße@example.com"}, "C"),
    ({"email": "ada@example"}, ""),
    ({"phone": "+442079460018"}, "ABG"),
    ({"phone": "44-20-7946.0018"}, "ABG"),
    ({"phone": "020 7946 0018"}, "C"),
    ({"phone": "7946 0018"}, ""),
    ({"external_ids": {"shop": "17"}}, "GE"),
    ({"external_ids": {"shop": "17", "web": "3"}}, "E"),
    ({"email": "ada@example.com", "phone": "+442079460018", "name": "l"}, "A"),
    ({"phone": "+442079460018", "name": "ada lov"}, "A"),
    ({"phone": "+442079460018", "name": "ada jose"}, ""),
    ({"external_ids": {"shop": "17"}, "email": "ada@example.com"}, "G"),
    ({"external_ids": {"shop": "17"}, "phone": "+442079460018"}, "G"),
    ({"external_ids": {"shop": "17"}, "name": "a"}, "E"),
    ({"email": "f@example.com", "name": "a"}, ""),
]
REFUSED = [
    ({"name": "a"}, "name: "),
    ({"name": "a b"}, "name: "),
    ({"name": "-"}, "name: "),
    ({"name": "-", "email": "ada@example.com"}, "name: "),
    ({"phone": "none"}, "phone: at least one digit"),
]


async def create(shop: Shop, customer_id: str, profile: Data, org: str = "acme") -> None:
    await command(shop, "create", customer_id, profile, org)


async def command(shop: Shop, what: str, customer_id: str, profile: Data, org: str = "acme") -> None:
    data = {"command_id": f"{what}-{customer_id}", "occurred_at": format_instant(NOW_US), "customer_id": customer_id}
    await shop.worker.read([record(f"crm.customer.{what}", data | profile, org)])


async def ids(shop: Shop, **body: Any) -> str:  # noqa: ANN401
    """The customers found, one a page."""
    pages = await shop.pages("customer.list", limit=1, **body)
    return "".join(item["customer_id"] for page in pages for item in page)


async def test_the_customers_that_a_search_finds(shop: Shop) -> None:
    for customer_id, profile in PEOPLE.items():
        await create(shop, customer_id, profile)
        await create(shop, customer_id, profile, "other")
    assert [(body, await ids(shop, **body)) for body, _ in FOUND] == FOUND
    assert await ids(shop, org="nobody", name="ada") == ""
    for body, detail in REFUSED:
        with pytest.raises(Invalid, match=detail):
            await ids(shop, **body)


async def test_a_changed_customer_is_found_by_the_new_profile_only(shop: Shop) -> None:
    for customer_id in "AE":
        await create(shop, customer_id, PEOPLE[customer_id])
    await command(shop, "update", "A", {"name": "Ada Byron"})
    assert [await ids(shop, name=name) for name in ("lovelace", "byron", "ada")] == ["", "A", "AE"]
    await command(shop, "update", "E", {"name": "—", "phone": "1"})
    assert [await ids(shop, name="adam"), await ids(shop, phone="1")] == ["", "E"]
    await shop.tell("erase A")
    assert [await ids(shop, **body) for body in ({"name": "ada"}, {"email": "ada@example.com"})] == ["", ""]


async def test_a_merged_id_is_not_found_and_the_person_is(shop: Shop) -> None:
    """Members that the person's record lacks come from the merged id, and are found; its own members stay."""
    await create(shop, "A", PEOPLE["A"])
    await create(shop, "B", {"name": "Grace Hopper"})
    await shop.tell("merge M1 A B")
    assert [await ids(shop, name=name) for name in ("ada", "hopper")] == ["", "B"]
    assert await ids(shop, phone="+442079460018") == await ids(shop, email="ada@example.com") == "B"
    await create(shop, "C", {"email": "c@example.com"})
    await shop.tell("merge M2 B C")
    assert await ids(shop, name="hopper") == "C"


async def test_a_page_ends_when_it_has_cost_enough(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many are named Ann, and one Ann Zoe: the pages before hers are empty, and lead on."""
    monkeypatch.setattr(search, "EXAMINED", 4)
    monkeypatch.setattr(search, "_AT_ONCE", 2)
    for name in ("Ann Abel", "Ann Bell", "Ann Cole", "Ann Dell", "Ann Eden", "Ann Zoe", "Ann Zorn"):
        await create(shop, name.replace(" ", ""), {"name": name})
    pages = await shop.pages("customer.list", name="ann zo", limit=1)
    assert [[item["customer_id"] for item in page] for page in pages] == [[], ["AnnZoe"], ["AnnZorn"]]


async def test_a_page_of_those_who_share_a_number_ends_when_it_has_cost_enough(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clerk types "0" where a phone number is asked for. They come in the order in which they became customers."""
    monkeypatch.setattr(search, "EXAMINED", 4)
    monkeypatch.setattr(search, "_AT_ONCE", 2)
    for customer_id in "GFEDCBA":
        await create(shop, customer_id, {"phone": "0", "name": "Zoe" if customer_id in "BA" else "Ann"})
    pages = await shop.pages("customer.list", phone="0", name="zoe", limit=1)
    assert [[item["customer_id"] for item in page] for page in pages] == [[], ["B"], ["A"]]
    assert await ids(shop, phone="0") == "GFEDCBA"


async def test_a_cursor_is_bound_to_the_name(shop: Shop) -> None:
    for customer_id in "AE":
        await create(shop, customer_id, PEOPLE[customer_id])
    cursor = (await shop.ask("customer.list", limit=1, name="ada"))["next_cursor"]
    bodies: list[Data] = [{"name": "adam"}, {}, {"email": "ada"}]
    for body in bodies:
        with pytest.raises(Invalid, match="cursor"):
            await shop.ask("customer.list", cursor=cursor, **body)


async def test_the_longest_name_is_found_and_leads_to_the_next_page(shop: Shop) -> None:
    """A cursor has at most 512 characters, and an entry of an index at most 2.7 kB."""
    email = "\N{MUSICAL SYMBOL EIGHTH NOTE}" * 256  # three characters each, once normalized
    for customer_id, name in (("A", "\N{DESERET CAPITAL LETTER LONG I}" * 256), ("B", "\ufdfa" * 256)):
        await create(shop, customer_id, {"name": name, "email": email, "phone": "1" * 256})
        await create(shop, customer_id.lower(), {"name": name})
        page = await shop.ask("customer.list", name=name, limit=1)
        assert len(page["next_cursor"]) <= 512
        assert await ids(shop, name=name) == customer_id + customer_id.lower()
    assert await ids(shop, email=email) == await ids(shop, phone="1" * 256) == "AB"


# --- gift cards ------------------------------------------------------------------------------------------------------


async def cards(shop: Shop, **body: Any) -> list[str]:  # noqa: ANN401
    pages = await shop.pages("giftcard.list", trusted=True, limit=1, **body)
    return [item["card_id"] for page in pages for item in page]


def issue(id_: str, number: str, **more: str) -> Data:
    at = {"command_id": id_, "occurred_at": format_instant(NOW_US), "gift_card": {"number": number}}
    return {**at, "amount_minor": 100, "currency": "GBP", **more}


async def test_cards_by_their_last_four(shop: Shop, connection: asyncpg.Connection) -> None:
    """Issued or sold; a card that is known by two numbers is listed once."""
    await shop.tell("customer C", "customer D")
    numbers = {"C1": "6006-4900 00AB cd25", "D2": "7007490000ABCD25", "C3": "6006490000000025"}
    for id_, number in numbers.items():
        await shop.worker.read([record("crm.giftcard.issue", issue(id_, number, customer_id=id_[0]))])
        await shop.worker.read([record("crm.giftcard.issue", issue(id_, number), "other")])
    await shop.tell("sale S1 C 1:500>G")
    await connection.execute(
        "INSERT INTO card_number (org, token, card_id, last4) SELECT org, token || 'x', card_id, last4 FROM card_number"
    )
    found = await cards(shop, last4="CD25")
    assert len(found) == 2
    assert found == sorted(found) == await cards(shop, last4="cd25")
    of_c = await cards(shop, last4="CD25", customer_id="C")
    assert len(of_c) == 1
    assert set(of_c) < set(found)
    assert len(await cards(shop, last4="0025", customer_id="C")) == 1
    assert await cards(shop, last4="0025", customer_id="D") == []
    assert len(await cards(shop, last4=card("G")["number"][-4:])) == 1
    assert await cards(shop, last4="9999") == []
    assert not set(await cards(shop, org="other", last4="CD25")) & set(found)
    with pytest.raises(Refused) as refused:
        await cards(shop, last4="0025", customer_id="X")
    assert refused.value.reason is Reason.CUSTOMER_NOT_FOUND
    cursor = (await shop.ask("giftcard.list", trusted=True, limit=1, last4="CD25"))["next_cursor"]
    with pytest.raises(Invalid, match="cursor"):
        await shop.ask("giftcard.list", trusted=True, cursor=cursor)
