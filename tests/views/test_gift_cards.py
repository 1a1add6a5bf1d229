"""A card as it is now, and who may be told (contract §2.2 Safety)."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from structlog.testing import capture_logs

from schemas.reasons import Reason
from schemas.scalars import DAY_US
from tests.ledger.conftest import NOW_US, said
from tests.views.conftest import NOW, Data, Shop, card
from worker.codec.interface import document
from worker.engine.batch import Batch
from worker.views import Refused

GUESSES = 5
LOOK_UPS = ("giftcard.get", "giftcard.history")


async def accepted(shop: Shop, gift_card: Data, *, trusted: bool = False, org: str = "acme") -> bool:
    """Return whether the card is shown, on which both look-ups agree."""
    reasons = {await refusal(shop, name, gift_card=gift_card, trusted=trusted, org=org) for name in LOOK_UPS}
    assert len(reasons) == 1
    assert reasons <= {None, Reason.CARD_NOT_ACCEPTED}
    return None in reasons


async def refusal(shop: Shop, name: str, **body: Any) -> Reason | None:  # noqa: ANN401
    try:
        await shop.ask(name, **body)
    except Refused as refused:
        return refused.reason
    return None


async def test_a_card(shop: Shop) -> None:
    (issued,) = await shop.tell("issue I1 G 5000 expires_on=day+3d")
    await shop.tell("request T1 card G 1200", "customer C", "link K1 G C")
    card_id = issued["gift_cards"][0]["card_id"]
    told = await shop.ask("giftcard.get", gift_card=card("G"))
    assert told == {
        "card_id": card_id,
        "last4": card("G")["number"][-4:],
        "currency": "GBP",
        "status": "active",
        "balance_minor": 5000,
        "held_minor": 1200,
        "available_minor": 3800,
        "expires_on": str(NOW.date() + timedelta(days=3)),
        "customer_id": "C",
        "has_pin": False,
        "version": 2,
    }
    assert await shop.ask("giftcard.get", gift_card={"card_id": card_id}) == told
    assert await shop.ask("giftcard.get", gift_card=card("G", "1234")) == told


async def test_the_status_is_that_of_now(shop: Shop) -> None:
    await shop.tell("issue I1 G 5000 expires_on=day-2d @-9d", "issue I2 H 700", "freeze K1 H")
    expired, frozen = [await shop.ask("giftcard.get", gift_card=card(name)) for name in "GH"]
    assert (expired["status"], expired["balance_minor"], expired["available_minor"]) == ("expired", 5000, 0)
    assert (frozen["status"], frozen["balance_minor"], frozen["available_minor"]) == ("frozen", 700, 0)
    await shop.tell("freeze K2 G")
    assert (await shop.ask("giftcard.get", gift_card=card("G")))["status"] == "expired"
    await shop.tell("unfreeze K3 H")
    assert (await shop.ask("giftcard.get", gift_card=card("H")))["status"] == "active"


async def test_a_deadline_that_was_extended_is_set_anew(shop: Shop, connection: asyncpg.Connection) -> None:
    """The first one finds the later last day; the second one takes what is left."""
    await shop.tell("issue I1 G 5000 expires_on=day-3d @-9d", "extend K1 G expires_on=day-2d @-9d", "issue I2 H 5000")
    due = "SELECT due_us FROM timer WHERE kind = 'card'"
    first = await connection.fetchval(due)
    assert await shop.worker.catch_up(final=True) is not None
    assert await connection.fetchval(due) == first + DAY_US
    assert (await shop.ask("giftcard.get", gift_card=card("G")))["balance_minor"] == 5000
    assert await shop.worker.catch_up(final=True) is not None
    assert await connection.fetchval(due) is None
    assert (await shop.ask("giftcard.get", gift_card=card("G")))["balance_minor"] == 0
    await shop.tell("extend K2 G expires_on=day+1d")
    assert (await shop.ask("giftcard.get", gift_card=card("G")))["available_minor"] == 5000


async def test_a_replaced_card_tells_the_trusted_which_one_took_over(shop: Shop) -> None:
    await shop.tell("customer C", "issue I1 G 5000 customer_id=C expires_on=day+3d", "request T1 card G 1200")
    _, replaced = (await shop.tell("replace K1 G H pin=4711"))[0]["gift_cards"]
    old = await shop.ask("giftcard.get", gift_card=card("G"))
    assert (old["status"], old["balance_minor"], old["held_minor"], old["available_minor"]) == ("replaced", 0, 0, 0)
    assert not old.keys() & {"customer_id", "expires_on", "replaced_by"}
    assert (await shop.ask("giftcard.get", gift_card=card("G"), trusted=True))["replaced_by"] == replaced["card_id"]
    new = await shop.ask("giftcard.get", gift_card=card("H", "4711"))
    assert (new["status"], new["balance_minor"], new["held_minor"], new["available_minor"]) == (
        "active", 5000, 1200, 3800,
    )  # fmt: skip
    assert (new["customer_id"], new["has_pin"]) == ("C", True)
    assert new["expires_on"] == str(NOW.date() + timedelta(days=3))
    assert [one["card_id"] for one in (await shop.ask("customer.get", customer_id="C"))["gift_cards"]] == [
        new["card_id"]
    ]
    assert (await shop.ask("tender.get", tender_id="T1"))["card_id"] == new["card_id"]
    (entry,) = (await shop.ask("giftcard.history", gift_card=card("H", "4711")))["items"]
    assert (entry["document"]["type"], entry["change"], entry["account"]) == (
        "crm.giftcard.replace", 5000, old["card_id"],
    )  # fmt: skip


async def test_the_pin_of_a_card_that_has_one_is_demanded(shop: Shop) -> None:
    issued, plain = await shop.tell("issue I1 G 5000 pin=4711", "issue I2 H 5000")
    card_id, plain_id = (one["gift_cards"][0]["card_id"] for one in (issued, plain))
    for trusted in (False, True):
        assert not await accepted(shop, card("X"), trusted=trusted)
        assert not await accepted(shop, card("X", "4711"), trusted=trusted)
        assert not await accepted(shop, {"card_id": "X"}, trusted=trusted)
        assert not await accepted(shop, card("G"), trusted=trusted)
        assert not await accepted(shop, card("G", "0000"), trusted=trusted)
        assert not await accepted(shop, {"card_id": card_id, "pin": "0000"}, trusted=trusted)
        assert await accepted(shop, card("G", "4711"), trusted=trusted)
        assert await accepted(shop, {"card_id": card_id, "pin": "4711"}, trusted=trusted)
        assert await accepted(shop, {"card_id": plain_id}, trusted=trusted)
        assert await accepted(shop, {"card_id": card_id}, trusted=trusted) is trusted


async def test_another_tenants_card_is_none(shop: Shop) -> None:
    (issued,) = await shop.tell("issue I1 G 5000")
    await shop.tell("issue I1 H 1", org="other")
    for gift_card in (card("G"), {"card_id": issued["gift_cards"][0]["card_id"]}, card("G", "1234")):
        assert not await accepted(shop, gift_card, org="other", trusted=True)
        assert not await accepted(shop, gift_card, org="nobody", trusted=True)
    assert await accepted(shop, card("G"))


async def test_a_customers_account_is_no_card(shop: Shop) -> None:
    await shop.tell("customer C")
    assert not await accepted(shop, {"card_id": "C"}, trusted=True)


async def guess(shop: Shop, times: int, pin: str = "0000") -> None:
    for _ in range(times):
        with pytest.raises(Refused):
            await shop.ask("giftcard.get", gift_card=card("G", pin))


async def test_five_wrong_pins_freeze_the_card(shop: Shop) -> None:
    """Those of look-ups and of payments together; a right one in between begins anew."""
    (issued,) = await shop.tell("issue I1 G 5000 pin=4711")
    await guess(shop, GUESSES - 1)
    assert (await shop.ask("giftcard.get", gift_card=card("G", "4711")))["status"] == "active"
    await guess(shop, 2)
    declined = await shop.tell("request T1 card G 100 pin=1111", "request T2 card G 100 pin=2222")
    assert {one["reason"] for one in declined} == {"card_not_accepted"}
    await guess(shop, 1)
    (frozen,) = await shop.tell("request T3 card G 100 pin=4711")
    assert frozen["reason"] == "card_not_accepted"
    card_id = issued["gift_cards"][0]["card_id"]
    told = await shop.ask("giftcard.get", gift_card={"card_id": card_id}, trusted=True)
    assert (told["status"], told["available_minor"], told["version"]) == ("frozen", 0, 2)


async def test_a_card_that_wrong_pins_froze_tells_nothing_of_its_pin(shop: Shop) -> None:
    (issued,) = await shop.tell("issue I1 G 5000 pin=4711")
    card_id = issued["gift_cards"][0]["card_id"]
    await guess(shop, GUESSES)
    for pin in ({}, {"pin": "0000"}, {"pin": "4711"}):
        for named in (card("G"), {"card_id": card_id}):
            assert not await accepted(shop, named | pin)
            assert await accepted(shop, named | pin, trusted=True) is (named | pin == {"card_id": card_id})


@pytest.mark.parametrize("by", ["look-ups", "payments"])
async def test_a_freeze_by_pins_is_announced(shop: Shop, by: str, connection: asyncpg.Connection) -> None:
    await shop.tell("issue I1 G 5000 pin=4711")
    if by == "look-ups":
        await guess(shop, GUESSES)
    else:
        await shop.tell(*(f"request T{n} card G 1 pin=0000" for n in range(GUESSES)))
    assert [row["kind"] for row in await connection.fetch("SELECT kind FROM timer")] == ["frozen"]
    await shop.worker.apply(Batch([], 0), {("scm.sales", 0): time.time_ns() // 1000})  # the topic is read up to now
    with capture_logs() as logs:
        applied = await shop.worker.catch_up(final=True)
    assert applied is not None
    (notice,) = [orjson.loads(message.value or b"") for message in applied.messages]
    (part,) = notice["data"]["gift_cards"]
    assert (notice["type"], notice["subject"], part["balance_minor"]) == ("crm.giftcard.frozen", part["card_id"], 5000)
    (said,) = [one for one in logs if one["event"] == "card_frozen_by_pins"]
    assert (said["orgcode"], said["card_id"], said["log_level"]) == ("acme", part["card_id"], "warning")


async def test_a_freeze_by_pins_is_lifted_on_a_topic_or_by_the_trusted(shop: Shop) -> None:
    """Contract SAFE3: an interface asks for the scope card:trusted, and nobody gives scopes to a topic."""
    await shop.tell("issue I1 G 5000 pin=4711")
    lifted = []
    for number, trusted in enumerate([False, True]):
        await guess(shop, GUESSES)
        data = {"command_id": f"U{number}", "gift_card": card("G")}
        item = document(
            "crm.giftcard.unfreeze", data, shop.worker.keyring("acme"), NOW_US, trusted=trusted, traceparent=None
        )
        applied = await shop.worker.apply(Batch([item], NOW_US), {})
        lifted += [envelope["data"] for envelope in said(applied.to_callers[item])]  # type: ignore[arg-type]
    await guess(shop, 1)
    lifted += await shop.tell("unfreeze U3 G")
    assert [(one["status"], one.get("reason")) for one in lifted] == [
        ("rejected", "card_frozen"),
        ("applied", None),
        ("applied", None),
    ]


async def test_a_missing_pin_is_no_guess(shop: Shop) -> None:
    await shop.tell("issue I1 G 5000 pin=4711")
    for _ in range(GUESSES):
        assert not await accepted(shop, card("G"))
    assert (await shop.ask("giftcard.get", gift_card=card("G", "4711")))["status"] == "active"


async def test_guesses_made_at_once_all_count(shop: Shop) -> None:
    await shop.tell("issue I1 G 5000 pin=4711")
    await asyncio.gather(*(guess(shop, 1, f"000{number}") for number in range(GUESSES)))
    assert not await accepted(shop, card("G", "4711"))
