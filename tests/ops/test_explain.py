"""The explanation of a document agrees with its decision, and adds up."""

from fractions import Fraction
from pathlib import Path

import asyncpg
import ormsgpack
import pytest

from tests.domain.stage import BASE, microseconds
from tests.kafka_io import ORGCODE
from tests.ops.conftest import Desk
from worker.ops.explain import explain
from worker.ops.explanation import Earning, Explanation, Lot, Wait
from worker.ops.text import text

TOLD = Path(__file__).parent / "told"
RULES = (
    '{"earn":{"points_per_unit":"1.5","multipliers":[{"category":"toys","factor":"2"}],'
    '"exclude_categories":["tobacco"],"expire_days":365,"pending_days":3,'
    '"campaigns":[{"id":"spring","from":"2026-02-01T00:00:00Z","to":"2026-04-01T00:00:00Z","factor":"1.2",'
    '"needs_consent":"marketing"}],"tiers":[{"name":"gold","from_points_12m":5000,"factor":"1.25"}]}}'
)
MEMBER = ("policy " + RULES, "customer C", "earn E1 C 5200 @-30d", "request T1 points C 401")
SALE = "sale S1 C 1:1540 2:499:toys 3:700:tobacco 4:250! 5:5000>G T1=points:401"
SALES, RETURNS = "scm.sale.completed", "scm.return.completed"


async def play(desk: Desk, *texts: str) -> None:
    for one in texts:
        await desk.apply(one)


def rated(explanation: Explanation) -> Earning:
    assert explanation.earning is not None
    assert explanation.earning.adds_up
    return explanation.earning


async def test_a_sale_is_told_line_by_line(desk: Desk) -> None:
    await play(desk, *MEMBER, "consent K1 C marketing yes", SALE)
    explanation = await desk.explain(SALES, "S1")
    assert text(explanation) + "\n" == (TOLD / "sale.txt").read_text()
    earning = rated(explanation)
    assert sum(line.tender_share_minor for line in earning.lines) == 401
    for line in earning.lines:
        exact = line.eligible_minor * Fraction("1.5") / 100 * Fraction("1.2") * Fraction("1.25")
        assert Fraction(line.exact) == exact * Fraction(line.category_factor)
        assert line.points == line.floor + line.left_over
        assert line.excluded or line.eligible_minor == line.net_minor - line.tender_share_minor
    assert Fraction(earning.exact) == sum(Fraction(line.exact) for line in earning.lines)
    assert earning.points == Fraction(earning.exact) // 1 == sum(line.points for line in earning.lines)
    assert {line.line_id: line.points for line in earning.lines if line.points} == {1: 30, 2: 19}
    assert {line["line_id"]: line["points"] for line in explanation.published[0].data["lines"]} == {1: 30, 2: 19}


async def test_the_void_of_a_return_tells_what_came_back(desk: Desk) -> None:
    await play(desk, "customer C", "sale S1 C 1:1000", "return R1 S1 C 1:400", "unreturn R1")
    explanation = await desk.explain("scm.return.voided", "R1")
    assert [(lot.account.id, lot.change, lot.amount) for lot in explanation.lots] == [("C", "credited", 4)]
    assert [(one.type, one.status) for one in explanation.related] == [(RETURNS, "applied")]
    assert "scm.return.voided R1" in text(explanation)
    related = (await desk.explain(RETURNS, "R1")).related
    assert [(one.type, one.status) for one in related] == [("scm.return.voided", "applied")]


async def test_json_says_the_same(desk: Desk) -> None:
    await play(desk, *MEMBER, SALE)
    explanation = await desk.explain(SALES, "S1")
    assert Explanation.model_validate_json(explanation.json_text()) == explanation


async def test_a_campaign_without_consent_is_named(desk: Desk) -> None:
    await play(desk, *MEMBER, SALE)
    earning = rated(await desk.explain(SALES, "S1"))
    assert earning.campaign is None
    assert earning.missed_campaign is not None
    assert (earning.missed_campaign.id, earning.missed_campaign.needs_consent) == ("spring", "marketing")


async def test_returns_leave_the_reasons_of_the_sale(desk: Desk) -> None:
    await play(desk, *MEMBER, SALE)
    before = rated(await desk.explain(SALES, "S1"))
    await play(desk, "return R1 S1 C 1:400", "void S1")
    explanation = await desk.explain(SALES, "S1")
    after = rated(explanation)
    assert [(line.exact, line.points) for line in after.lines] == [(line.exact, line.points) for line in before.lines]
    assert [(line.returned_minor, line.kept_points) for line in after.lines[:2]] == [(400, 18), (0, 16)]
    assert explanation.sale is not None
    assert explanation.sale.voided
    assert [one.type for one in explanation.related] == ["scm.sale.voided"]


async def test_a_return_is_told_line_by_line(desk: Desk) -> None:
    await play(desk, *MEMBER, "consent K1 C marketing yes", SALE)
    await play(desk, "return R0 S1 C 1:300", "return R1 S1 C 1:1500 2:499 9:1 5:1000 points:T1:100")
    explanation = await desk.explain(RETURNS, "R1")
    assert text(explanation) + "\n" == (TOLD / "return.txt").read_text()
    taken = sum((line.kept_before or 0) - (line.kept_after or 0) for line in explanation.returned)
    assert taken == sum(one.amount for one in explanation.transfers if one.target.id == "earned") == 30 + 19 - 6


async def test_a_return_that_becomes_a_debt(desk: Desk) -> None:
    await play(desk, "customer C", "sale S1 C 1:1000", "redeem K1 C 8", "return R1 S1 C 1:1000")
    owes = await desk.explain(RETURNS, "R1")
    assert [(lot.change, lot.amount) for lot in owes.lots] == [("taken", 2), ("owed", 8)]
    await play(desk, "sale S2 C 1:1100")
    repays = await desk.explain(SALES, "S2")
    assert [(lot.change, lot.amount) for lot in repays.lots] == [("repaid", 8), ("credited", 3)]
    assert rated(repays).points == 11


async def test_points_taken_by_hand_are_set_off(desk: Desk) -> None:
    await play(desk, "customer C", "sale S1 C 1:1000", "reverse K1 scm.sale.completed:S1 4", "void S1")
    explanation = await desk.explain("scm.sale.voided", "S1")
    assert explanation.set_off == 4
    assert [one.amount for one in explanation.transfers] == [6]
    assert "4 of it had been taken back by hand before: set off" in text(explanation)


async def test_a_return_without_a_receipt_is_rated_without_campaign_and_tier(desk: Desk) -> None:
    await play(desk, *MEMBER, "return R1 - C 1:999 1:500")
    earning = rated(await desk.explain(RETURNS, "R1"))
    assert (earning.exact, earning.points) == ("22.485", 22)
    assert [line.points for line in earning.lines] == [15, 7]
    assert earning.tier is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("sale S1 - 1:1000",), "no_customer"),
        (("customer C", "block C @-1d", "sale S1 C 1:1000"), "customer_blocked"),
        (("customer C", "sale S1 C 1:1000 currency=JPY"), "currency_not_in_policy"),
    ],
)
async def test_why_a_sale_earned_nothing(desk: Desk, given: tuple[str, ...], why: str) -> None:
    await play(desk, *given)
    explanation = await desk.explain(SALES, "S1")
    assert (explanation.no_points, explanation.earning) == (why, None)
    assert f"no points: {why}" in text(explanation)


async def test_a_claim_is_told_like_the_sale(desk: Desk) -> None:
    await play(
        desk, "policy " + RULES, "customer C", "sale S1 - 1:1540 2:500:toys 3:700:tobacco", "return R1 S1 - 1:540"
    )
    await play(desk, "claim K1 S1 C", "claim K2 S1 C")
    claim = await desk.explain("crm.loyalty.claim", "K1")
    assert {line.line_id: (line.points, line.kept_points) for line in rated(claim).lines} == {
        1: (23, 14), 2: (15, 15), 3: (0, 0),
    }  # fmt: skip
    assert [transfer.amount for transfer in claim.transfers] == [29]
    assert "how the lines were rated" in text(claim)
    assert (await desk.explain("crm.loyalty.claim", "K2")).earning is None
    sale = await desk.explain(SALES, "S1")
    assert (rated(sale), sale.no_points) == (rated(claim), None)


async def test_points_of_an_unknown_customer_are_told(desk: Desk) -> None:
    await play(desk, "sale S1 C 1:1000")
    explanation = await desk.explain(SALES, "S1")
    assert rated(explanation).points == 10
    assert explanation.published[0].data["points"] == {"change": 10, "reason": "customer_not_found"}


async def test_the_wait_of_a_return(desk: Desk) -> None:
    waiting = "return R1 S1 C 1:400 points:T1:300"
    await play(desk, "customer C", "earn E1 C 2000", waiting)
    assert (await desk.explain(SALES, "S1")).state == "expected"
    parked = await desk.explain(RETURNS, "R1")
    assert (parked.state, parked.transfers) == ("parked", [])
    assert parked.waits == [Wait(waits_for="sale", id="S1", until="2026-03-31T12:00:00Z")]
    await play(desk, "sale S1 C 1:1099 T1=points:300")
    waits = (await desk.explain(RETURNS, "R1")).waits
    assert [(wait.waits_for, wait.id, wait.until is None) for wait in waits] == [("tender", "T1", False)]
    finals = await desk.apply("request T1 points C 300")
    explanation = await desk.explain(RETURNS, "R1")
    assert [one.data["status"] for one in explanation.published] == ["parked", "applied", "applied"]
    assert [one.data for one in explanation.published[1:]] == [one["data"] for one in finals[-2:]]
    assert [(wait.waits_for, wait.id) for wait in explanation.waits] == [("sale", "S1"), ("tender", "T1")]
    assert [wait.ended_by.type for wait in explanation.waits if wait.ended_by] == [SALES, "scm.tender.requested"]
    assert (explanation.state, explanation.published[0].data["reason"]) == ("decided", "sale_not_found")
    assert [(line.kept_before, line.kept_after) for line in explanation.returned] == [(7, 4)]
    assert [(one.source.id, one.target.id, one.amount) for one in explanation.transfers] == [
        ("C", "earned", 3),
        ("redeemed", "C", 600),
    ]


async def test_a_wait_that_the_deadline_ended(desk: Desk) -> None:
    await play(desk, 'policy {"park_deadline_days":0}', "customer C", "return R1 S1 C 1:400")
    await desk.work()
    explanation = await desk.explain(RETURNS, "R1")
    assert explanation.waits == [Wait(waits_for="sale", id="S1")]
    assert explanation.published[-1].data["reason"] == "parked_too_long"
    assert "waited for sale S1, which did not come in time" in text(explanation)


async def test_a_document_that_has_not_come_yet(desk: Desk) -> None:
    await play(desk, "customer C", "return R1 S1 C 1:400", "void S2")
    expected = await desk.explain(SALES, "S1")
    assert (expected.state, [one.subject for one in expected.waiters]) == ("expected", ["R1"])
    tombstone = await desk.explain(SALES, "S2")
    assert (tombstone.state, [one.type for one in tombstone.related]) == ("voided_before", ["scm.sale.voided"])
    assert await explain(desk.pool, desk.outlet, ORGCODE, SALES, "S3") is None
    assert await explain(desk.pool, desk.outlet, "other", SALES, "S1") is None


async def test_tenders_commands_and_notices(desk: Desk) -> None:
    await play(desk, "issue I1 G 5000", "request T1 card G 3000 hold_s=1")
    await play(desk, "customer C", "earn E1 C 50", "redeem K1 C 20")
    held = (await desk.explain("scm.tender.requested", "T1")).tenders[0]
    assert (held.state_now, held.account and held.account.kind) == ("authorized", "gift_card")
    assert [(lot.change, lot.amount) for lot in held.lots_now] == [("held", 3000)]
    card = held.account
    entry = (await desk.explain("crm.loyalty.redeem", "K1")).entry
    assert entry is not None
    assert [lot.amount for lot in entry.lots_now] == [20]
    await desk.work(read_all=True)
    expired = await desk.explain("crm.hold.expired", "T1")
    assert [one.type for one in expired.published] == ["crm.hold.expired"]
    request = await desk.explain("scm.tender.requested", "T1")
    assert (request.tenders[0].state, request.tenders[0].state_now) == ("authorized", "expired")
    assert [one.type for one in request.related] == ["crm.hold.expired"]
    issued = await desk.explain("crm.giftcard.issue", "I1")
    assert [(one.source.id, one.target.id, one.target.last4) for one in issued.transfers] == [
        ("issued", card and card.id, "3518"),
    ]


async def test_where_it_was_read(desk: Desk) -> None:
    await play(desk, "customer C", "sale S1 C 1:1000 stamped@-3s")
    source = (await desk.explain(SALES, "S1")).source
    assert source is not None
    assert source.model_dump() == {
        "received_at": "2026-03-01T12:00:00Z", "record_at": "2026-03-01T11:59:57Z", "topic": "scm.sales",
        "partition": 0, "offset": 2,
    }  # fmt: skip


@pytest.mark.parametrize("read_us", [0, 1, 999])
async def test_the_records_time_is_exact(desk: Desk, read_us: int) -> None:
    batch = desk.pipeline.decode([desk.record("customer C stamped@-3s")], microseconds(BASE) + read_us)
    await desk.pipeline.apply(batch, {})
    source = (await desk.explain("crm.customer.create", "new-C")).source
    assert source is not None
    assert source.record_at == "2026-03-01T11:59:57Z"


@pytest.mark.parametrize("scale", [1000, 1_000_000], ids=["µs", "ns"])
async def test_a_parked_document_with_a_timestamp_in_other_units_is_explained_and_decided(
    desk: Desk, scale: int
) -> None:
    await play(desk, "customer C")
    waits = desk.record("return R1 S1 C 1:100")
    waits.timestamp *= scale
    await desk.pipeline.apply(desk.pipeline.decode([waits], microseconds(BASE)), {})
    await play(desk, "sale S1 C 1:1000")
    explanation = await desk.explain(RETURNS, "R1")
    assert explanation.state == "decided"
    assert explanation.source is not None
    assert explanation.source.record_at == explanation.source.received_at == "2026-03-01T12:00:00Z"


async def test_a_plain_sale_stores_nothing_for_it(desk: Desk, connection: asyncpg.Connection) -> None:
    await play(desk, "customer C", "sale S1 C 1:1099 2:250:books 3:399")
    record = await connection.fetchval("SELECT record FROM event WHERE subject = 'S1'")
    flags, *rest = ormsgpack.unpackb(record)  # above the flags stands the day on which it earned
    assert (flags & 0xFF, rest) == (1, ["GBP", "C", True, [1, 1099, 11, 2, 250, 2, 3, 399, 4], 0])
    assert rated(await desk.explain(SALES, "S1")).exact == "17.48"


async def test_lots_of_a_plain_return_follow_from_its_transfers(desk: Desk) -> None:
    await play(desk, "customer C", "sale S1 C 1:1099 2:5000>G", "return R1 S1 C 1:1099 2:5000")
    explanation = await desk.explain(RETURNS, "R1")
    assert [(lot.account.kind, lot.change, lot.amount) for lot in explanation.lots] == [
        ("gift_card", "taken", 5000),
        ("points", "taken", 10),
    ]
    assert all(lot == Lot(account=lot.account, change="taken", amount=lot.amount) for lot in explanation.lots)
