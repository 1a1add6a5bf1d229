"""The policy, why a document was decided so, and what one would get."""

import asyncio
from datetime import timedelta

import pytest

from schemas.policy import DEFAULT_POLICY, Policy
from tests.views.conftest import NOW, Shop
from worker.engine.rehearsal import Conflict
from worker.views import Invalid, Refused, Unknown

SALE = {
    "store_id": "s", "currency": "GBP", "customer_id": "C",
    "lines": [{"line_id": 1, "sku": "x", "net_minor": 1200}], "tenders": [],
}  # fmt: skip


async def test_the_policy_by_version_and_by_time(shop: Shop) -> None:
    assert await shop.ask("loyalty.policy.get") == {
        "version": 0, "policy": DEFAULT_POLICY.wire_form(), "versions": [{"version": 0}],
    }  # fmt: skip
    await shop.tell(
        'policy {"earn":{"pending_days":1}} from=-9d id=P1', 'policy {"earn":{"pending_days":2}} from=-1d id=P2',
        'policy {"earn":{"pending_days":3}} from=+9d id=P3',
    )  # fmt: skip
    now = await shop.ask("loyalty.policy.get")
    assert (now["version"], now["policy"]["earn"]["pending_days"]) == (2, 2)
    since = [(NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z") for days in (-9, -1, 9)]
    assert now["effective_from"] == since[1]
    assert now["versions"] == [
        {"version": 0}, *({"version": number, "effective_from": at} for number, at in enumerate(since, 1)),
    ]  # fmt: skip
    for body, version in (({"version": 0}, 0), ({"version": 3}, 3), ({"at": since[0]}, 1), ({"at": since[2]}, 3),
                          ({"at": "1999-01-01T00:00:00Z"}, 0), ({"version": 1, "at": since[2]}, 1)):  # fmt: skip
        assert (await shop.ask("loyalty.policy.get", **body))["version"] == version
    with pytest.raises(Invalid, match=r"^version: "):
        await shop.ask("loyalty.policy.get", version=4)
    assert (await shop.ask("loyalty.policy.get", org="other"))["versions"] == [{"version": 0}]


async def test_a_policy_is_parsed_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """For any number of readings, several at a time."""
    parsed: list[bytes] = []
    real = Policy.from_json

    def from_json(text: bytes) -> Policy:
        parsed.append(text)
        return real(text)

    monkeypatch.setattr(Policy, "from_json", from_json)
    await shop.tell("customer C", *(f"policy {{}} from=-{9 - n}d id=P{n}" for n in range(3)))
    parsed.clear()
    for _ in range(3):
        await asyncio.gather(*(shop.ask("customer.get", customer_id="C") for _ in range(2)))
    assert len(parsed) <= 3 * 2, "two that begin together may both parse"
    parsed.clear()
    view = await shop.ask("loyalty.policy.get")
    assert (view["version"], parsed) == (3, [])


async def test_a_version_that_a_later_one_replaced_says_so(shop: Shop) -> None:
    await shop.tell(
        'policy {"earn":{"pending_days":1}} from=-9d id=P1', 'policy {"earn":{"pending_days":2}} from=+900d id=P2',
        'policy {"earn":{"pending_days":3}} from=+9d id=P3',
    )  # fmt: skip
    view = await shop.ask("loyalty.policy.get", at=(NOW + timedelta(days=999)).isoformat())
    assert view["version"] == 3
    assert [one.get("superseded", False) for one in view["versions"]] == [False, False, True, False]


async def test_why(shop: Shop) -> None:
    await shop.tell("customer C", "sale S1 C 1:1000")
    told = await shop.ask("event.explain", type="scm.sale.completed", id="S1")
    assert "+10" in told["text"]
    assert (told["state"], told["transfers"][0]["amount"]) == ("decided", 10)
    for type_ in "scm.sale.voided", "scm.tender.captured", "crm.hold.expired", "crm.loyalty.earn":
        with pytest.raises(Unknown):
            await shop.ask("event.explain", type=type_, id="S1")
    with pytest.raises(Unknown):
        await shop.ask("event.explain", type="scm.sale.completed", id="S1", org="other")
    with pytest.raises(Invalid, match=r"^type: "):
        await shop.ask("event.explain", type="scm.sale", id="S1")


async def test_a_simulation_returns_the_outcome(shop: Shop) -> None:
    await shop.tell("customer C", "sale S1 C 1:1000")
    told = await shop.ask("event.simulate", type="scm.sale.completed", data=SALE)
    assert (told["stored"], told["outcome"]["points"]["change"], told["outcome"]["points"]["balance"]) == (
        False,
        12,
        22,
    )
    assert (await shop.ask("customer.get", customer_id="C"))["points"]["balance"] == 10
    with pytest.raises(Conflict):
        await shop.ask("event.simulate", type="scm.sale.completed", data=SALE | {"sale_id": "S1"})
    with pytest.raises(Invalid, match="lines"):
        await shop.ask("event.simulate", type="scm.sale.completed", data=SALE | {"lines": []})
    with pytest.raises(Invalid, match=r"^type: "):
        await shop.ask("event.simulate", type="scm.sale", data={})
    with pytest.raises(Invalid):
        await shop.ask("event.simulate", type="scm.sale.completed", data=SALE | {"sale_id": 17})


async def test_a_stored_outcome_and_a_trusted_key(shop: Shop) -> None:
    (issued,) = await shop.tell("issue I1 G 5000 pin=4711")
    card_id = issued["gift_cards"][0]["card_id"]
    data = {"gift_card": {"card_id": card_id}, "amount_minor": 100, "currency": "GBP"}
    hidden = await shop.ask("event.simulate", type="crm.giftcard.redeem", data=data)
    shown = await shop.ask("event.simulate", type="crm.giftcard.redeem", data=data, trusted=True)
    assert (hidden["outcome"]["status"], "gift_cards" in hidden["outcome"]) == ("applied", False)
    assert (shown["outcome"]["status"], shown["outcome"]["gift_cards"][0]["card_id"]) == ("applied", card_id)
    await shop.tell("customer C")
    data = {"command_id": "new-C", "customer_id": "C"}
    again = await shop.ask("event.simulate", type="crm.customer.create", data=data)
    assert (again["stored"], again["outcome"]["customer_id"]) == (True, "C")


async def test_a_draft_policy_decides_and_leaves_no_trace(shop: Shop) -> None:
    await shop.tell("customer C", 'policy {"earn":{"points_per_unit":"2"}} from=-9d id=P1')
    for draft, points, version in ((None, 24, 1), ({"earn": {"points_per_unit": "3"}}, 36, 2), ({}, 12, 2)):
        said = await shop.ask("event.simulate", type="scm.sale.completed", data=SALE, policy=draft)
        assert (said["outcome"]["points"]["change"], said["outcome"]["policy_version"]) == (points, version)
    assert len((await shop.ask("loyalty.policy.get"))["versions"]) == 2


@pytest.mark.parametrize("strange", [10**30, -(10**30), 1.5e300, "\ud800"])
async def test_json_that_the_parser_of_events_refuses(shop: Shop, strange: object) -> None:
    """It is the decoder's to say what is wrong with it, as it would of a record."""
    for data in (SALE | {"sale_id": "S-strange", "x": strange}, SALE | {"sale_id": "S-strange", "store_id": strange}):
        try:
            told = await shop.ask("event.simulate", type="scm.sale.completed", data=data)
        except Invalid:
            continue
        assert told["outcome"]["status"] == "applied"


async def test_a_tender_as_it_is_now(shop: Shop) -> None:
    await shop.tell("issue I1 G 5000", "customer C", "earn E1 C 100", "request T1 card G 3000 sale_id=S1")
    held = await shop.ask("tender.get", tender_id="T1")
    assert held.pop("expires_at").endswith("Z")
    assert held.pop("card_id")
    amounts = {"requested_minor": 3000, "approved_minor": 3000, "captured_minor": 0, "refunded_minor": 0}
    assert held == {
        "tender_id": "T1", "state": "authorized", "kind": "gift_card", "currency": "GBP", "sale_id": "S1", **amounts,
    }  # fmt: skip
    await shop.tell("capture T1 2000", "request T2 points C 40 capture", "capture T3", "cancel T4")
    taken = await shop.ask("tender.get", tender_id="T1")
    assert (taken["state"], taken["captured_minor"], "expires_at" in taken) == ("captured", 2000, False)
    points = await shop.ask("tender.get", tender_id="T2")
    assert (points["kind"], points["points"], points["customer_id"]) == ("points", 80, "C")
    states = [(await shop.ask("tender.get", tender_id=id_))["state"] for id_ in ("T3", "T4")]
    assert states == ["awaiting", "voided"]
    with pytest.raises(Refused, match="tender_not_found"):
        await shop.ask("tender.get", tender_id="T9")
