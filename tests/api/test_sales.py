"""A shop without topics: sales, returns and voids over HTTP."""

from tests.api.conftest import Caller, problem


def sold(sale_id: str, **more: object) -> dict[str, object]:
    line = {"line_id": 1, "sku": "x", "net_minor": 1200}
    return {
        "sale_id": sale_id, "store_id": "web", "occurred_at": "2026-03-01T10:00:00Z", "currency": "GBP",
        "customer_id": "C", "lines": [line],
    } | more  # fmt: skip


def returned(return_id: str, sale_id: str) -> dict[str, object]:
    line = {"line_id": 1, "sale_line_id": 1, "net_minor": 600}
    return {
        "return_id": return_id, "sale_id": sale_id, "occurred_at": "2026-03-02T10:00:00Z", "currency": "GBP",
        "customer_id": "C", "lines": [line],
    }  # fmt: skip


async def test_a_shop_without_topics_completes_returns_and_voids_its_sales(caller: Caller) -> None:
    """The same documents as on the topics; when a sale was is what its body says."""
    policies = [("2", "2020-01-01T00:00:00Z"), ("3", "2026-03-02T00:00:00Z")]
    for rate, since in policies:
        await caller.ok("loyalty.policy.put", {"policy": {"earn": {"points_per_unit": rate}}, "effective_from": since})
    await caller.ok("customer.create", {"customer_id": "C"})
    first = await caller.ok("sale.complete", sold("S1"))
    assert (first["points"]["change"], first["policy_version"]) == (24, 1)
    again = await caller.post("sale.complete", sold("S1"))
    assert (again.json(), again.headers["idempotency-replayed"]) == (first, "true")
    assert problem(await caller.post("sale.complete", sold("S1", store_id="shop"))) == (409, "conflict", "conflict")
    assert (await caller.ok("return.complete", returned("R1", "S1")))["points"]["change"] == -12
    voided = await caller.ok("sale.void", {"sale_id": "S1", "occurred_at": "2026-03-03T10:00:00Z"})
    assert voided["points"]["balance"] == 0


async def test_a_return_before_its_sale_waits_and_a_sale_after_its_void_is_refused(caller: Caller) -> None:
    waiting = await caller.ok("return.complete", returned("R1", "S1"))
    assert (waiting["status"], waiting["reason"]) == ("parked", "sale_not_found")
    await caller.ok("sale.void", {"sale_id": "S2", "occurred_at": "2026-03-03T10:00:00Z"})
    assert problem(await caller.post("sale.complete", sold("S2"))) == (409, "invalid-state", "already_voided")


async def test_a_sale_of_tomorrow_is_no_sale(caller: Caller) -> None:
    answer = await caller.post("sale.complete", sold("S1", occurred_at="2199-01-01T00:00:00Z"))
    assert problem(answer) == (400, "invalid-request", "invalid")
    assert answer.json()["detail"] == "occurred_at: at most 24 hours ahead of the clock"
