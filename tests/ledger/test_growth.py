"""A document costs the same whether its rows have seen ten others or thousands."""

from collections.abc import Callable

import asyncpg
import pytest

from schemas.scalars import format_instant
from tests.codec.records import Record
from tests.ledger.conftest import NOW_US, Open, Worker, record, said
from tests.ledger.documents import AT, CARD, about, command, sale
from tests.ledger.measure import buffers_of, cost_of, worker_session
from tests.ledger.test_pipeline import DAY_US
from worker.domain.state.sale import MOST_REQUESTS
from worker.ledger.queries import SQL

FEW, MANY, PROBES = 10, 4000, 40
GROWS = 1.3

# 50,000 that are ready, in an order of their own; the others wait until 10⁹ µs and later.
PARKED = """
INSERT INTO parked (received_us, record_us, due_us, org, type, ready, subject, waits_for, waits_key, sale_id, document)
SELECT n, n, 1000000000 + n - 50000, 1, 3, n <= 50000, 'R' || n, 'sale', 'S', 'S', '\\x'
FROM generate_series(1, $1::bigint) n ORDER BY md5(n::text)
"""

Nth = Callable[[int], Record]


def _request(n: int, kind: str = "gift_card") -> Record:
    payer = {"gift_card": {"number": "6006-0017"}} if kind == "gift_card" else {"customer_id": "C"}
    data = {"tender_id": f"T{n}", "sale_id": "0", "occurred_at": AT, "currency": "GBP", "amount_minor": 1,
            "kind": kind, "sale_total_minor": 1000, **payer}  # fmt: skip
    return record("scm.tender.requested", data)


def _names_one_tender(n: int) -> Record:
    tenders = [{"tender_id": "0", "kind": "gift_card", "amount_minor": 1 + n % 900}]
    return record("scm.sale.completed", sale(f"S{n}", customer_id=None, tenders=tenders))


def _status(n: int) -> Record:
    at = format_instant(NOW_US - (MANY * 10 - n) * 1_000_000)
    data = {"command_id": f"U{n}", "occurred_at": at, "customer_id": "C", "status": ("blocked", "active")[n % 2]}
    return record("crm.customer.update", data)


def _earn(n: int) -> Record:
    """Two days take turns."""
    at = format_instant(NOW_US - n % 2 * DAY_US)
    return record("crm.loyalty.earn", {"command_id": f"E{n}", "occurred_at": at, "customer_id": "C", "points": 5})


def _return_to_a_card(n: int) -> Record:
    refund = {"refund_id": "1", "kind": "gift_card", "amount_minor": 1, "gift_card": {"number": "6006-0017"}}
    lines = [{"line_id": 1, "sale_line_id": 1, "net_minor": 1}]
    data = {"return_id": f"R{n}", "sale_id": "S", "occurred_at": AT, "currency": "GBP", "lines": lines,
            "refunds": [refund]}  # fmt: skip
    return record("scm.return.completed", data)


CASES: dict[str, Nth] = {
    "card requests that name one sale": _request,
    "points requests that name one sale": lambda n: _request(n, "points"),
    "sales that name one tender": _names_one_tender,
    "a customer blocked and unblocked": _status,
    "points earned on two days by turns": _earn,
    "returns of one sale to one card": _return_to_a_card,
}


@pytest.mark.parametrize("name", CASES)
async def test_a_document_costs_the_same_after_thousands(
    another: Open, connection: asyncpg.Connection, name: str
) -> None:
    nth = CASES[name]
    worker = await another()
    money = {**CARD, "amount_minor": 50_000}
    await worker.read([command("giftcard.issue", "I", **money), command("customer.create", "N", customer_id="C")])
    await worker.read(
        [command("loyalty.earn", "E", customer_id="C", points=100_000), record("scm.sale.completed", sale("S", 10**6))]
    )
    await worker.read(nth(n) for n in range(FEW))
    await worker.close()
    few = await cost_of(another, connection, [nth(n) for n in range(FEW, FEW + PROBES)])
    worker = await another()
    first = FEW + PROBES
    for start in range(first, first + MANY, 500):
        await worker.read(nth(n) for n in range(start, start + 500))
    await worker.close()
    many = await cost_of(another, connection, [nth(n) for n in range(first + MANY, first + MANY + PROBES)])
    assert many.buffers <= GROWS * few.buffers, (few, many)
    assert many.wal_bytes <= GROWS * few.wal_bytes, (few, many)


async def test_a_sale_remembers_a_hundred_requests(worker: Worker) -> None:
    """Its void hits those. An id that more of them name is a placeholder: no share of a sale can be told from it."""
    policy = {"policy": {"redeem": {"max_share_of_sale": "0.9"}}, "effective_from": "2020-01-01T00:00:00Z"}
    await worker.read([command("policy.put", "P", **policy), command("customer.create", "N", customer_id="C")])
    await worker.read(
        [command("loyalty.earn", "E", customer_id="C", points=1000), command("giftcard.issue", "I", **CARD)]
    )
    told = said((await worker.read(_request(n) for n in range(MOST_REQUESTS + 2))).messages)
    assert {one["data"]["status"] for one in told} == {"approved"}
    (late,) = said((await worker.read([_request(900, "points")])).messages)
    assert (late["data"]["status"], late["data"]["reason"]) == ("declined", "over_maximum")
    void, *_ = said((await worker.read([about("scm.sale.voided", "sale_id", "0")])).messages)
    assert [part["tender_id"] for part in void["data"]["tenders"]] == [f"T{n}" for n in range(MOST_REQUESTS)]
    (capture,) = said((await worker.read([about("scm.tender.captured", "tender_id", f"T{MOST_REQUESTS}")])).messages)
    assert capture["data"]["status"] == "applied"


async def test_ready_documents_are_locked_in_order_a_batch_at_a_time(
    database: str, connection: asyncpg.Connection
) -> None:
    """The order holds however many documents are ready or wait."""
    await connection.execute("INSERT INTO org (code) VALUES ('acme')")
    await connection.execute(PARKED, 60_000)
    session = await worker_session(database)
    for analysed in (False, True):
        if analysed:
            await connection.execute("ANALYZE parked")
        for mode in ("force_custom_plan", "force_generic_plan"):
            assert await buffers_of(session, "lock_due_parked", "1", "500", mode=mode) <= 500 * 5, (analysed, mode)
    taken = await session.fetch(SQL["lock_due_parked"], 1, 500)
    assert [row["received_us"] for row in taken] == list(range(1, 501))
    overdue = await session.fetch(SQL["lock_due_parked"], 10**9 + 3, 500)
    assert [row["received_us"] for row in overdue if not row["ready"]] == [50_001, 50_002, 50_003]
    await session.close()
