"""A parked document is decided right after the one that it waits for, also within a batch (contract WAIT8)."""

import asyncpg
import pytest

from tests.codec.records import Record
from tests.ledger.conftest import Open, Worker, record, said
from tests.ledger.documents import AT, CARD, about, command, request, sold
from tests.ledger.test_pipeline import counted, most_lines


def returned(return_id: str, sale_id: str, net_minor: int) -> Record:
    data = {"return_id": return_id, "sale_id": sale_id, "occurred_at": AT, "currency": "GBP",
            "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": net_minor}]}  # fmt: skip
    return record("scm.return.completed", data)


async def in_turn(worker: Worker, records: list[Record]) -> list[tuple[str, str, str | None]]:
    """One batch of a stream: (subject, status, reason) of each outcome, in the order in which they are published."""
    messages = (await worker.read(records, stream=True)).messages + await worker.rest()
    return [(one["subject"], one["data"]["status"], one["data"].get("reason")) for one in said(messages)]


async def test_a_parked_document_is_decided_right_after_the_one_that_it_waits_for(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    outcomes = await in_turn(
        worker,
        [
            command("customer.create", "N", customer_id="C"),
            returned("R1", "S1", 600),
            returned("R2", "S2", 1000),
            sold("S1"),
            returned("R3", "S1", 600),
            returned("R1", "S1", 600),  # a duplicate, behind
            sold("S2"),
            about("scm.sale.voided", "sale_id", "S2"),
            returned("R4", "S2", 1),
        ],
    )
    assert outcomes == [
        ("N", "applied", None),
        ("R1", "parked", "sale_not_found"),
        ("R2", "parked", "sale_not_found"),
        ("S1", "applied", None),
        ("R1", "applied", None),
        ("R3", "partial", "over_returned"),
        ("R1", "parked", "sale_not_found"),
        ("R1", "applied", None),
        ("S2", "applied", None),
        ("R2", "applied", None),
        ("S2", "applied", None),
        ("R4", "rejected", "already_voided"),
    ]
    assert await connection.fetchval("SELECT balance FROM account WHERE kind = 0") == 0
    assert await counted(connection, "parked") == 0
    assert await connection.fetchval("SELECT count(*) FROM watermark") == 1
    assert await connection.fetch("SELECT * FROM imbalance") == []


async def test_a_capture_that_waited_is_decided_before_the_void_behind_its_request(worker: Worker) -> None:
    records = [
        command("giftcard.issue", "I", **CARD),
        about("scm.tender.captured", "tender_id", "T1"),
        request("T1", 300),
        about("scm.tender.voided", "tender_id", "T1"),
    ]
    messages = (await worker.read(records, stream=True)).messages
    states = [(one["type"], one["data"]["tender"]["state"]) for one in said(messages) if "tender" in one["data"]]
    assert states == [
        ("crm.outcome.tender.captured", "awaiting"),
        ("crm.outcome.tender.requested", "captured"),
        ("crm.outcome.tender.captured", "captured"),
        ("crm.outcome.tender.voided", "voided"),
    ]


async def test_points_that_a_parked_return_takes_back_pay_for_nothing_behind_its_sale(worker: Worker) -> None:
    pays = {"tender_id": "T1", "occurred_at": AT, "currency": "GBP", "amount_minor": 5, "kind": "points",
            "customer_id": "C"}  # fmt: skip
    records = [
        command("customer.create", "N", customer_id="C"),
        returned("R1", "S1", 1000),
        sold("S1"),
        record("scm.tender.requested", pays),
    ]
    assert (await in_turn(worker, records))[-1] == ("T1", "declined", "insufficient_balance")


async def test_in_a_backlog_parked_documents_wait_for_the_end_of_the_batch(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.pipeline._BACKLOG", 2)
    outcomes = await in_turn(worker, [returned("R1", "S1", 600), sold("S1"), returned("R2", "S1", 600)])
    assert outcomes[-2:] == [("R2", "applied", None), ("R1", "partial", "over_returned")]


async def test_of_a_batch_that_wakes_many_the_first_are_decided_in_turn(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.pipeline._MOST_IN_TURN", 1)
    records = [returned("R1", "S1", 600), sold("S1"), returned("R2", "S2", 600), sold("S2"), returned("R3", "S2", 600)]
    outcomes = await in_turn(worker, records)
    assert outcomes[:3] == [("R1", "parked", "sale_not_found"), ("S1", "applied", None), ("R1", "applied", None)]
    assert outcomes[-2:] == [("R3", "applied", None), ("R2", "partial", "over_returned")]


async def test_what_was_decided_before_a_crash_is_not_decided_again(
    worker: Worker, another: Open, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [returned("R1", "S1", 600), sold("S1"), returned("R2", "S1", 400)]

    async def crash(_: int) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(worker._waiting, "decide_ready", crash)
        with pytest.raises(ConnectionError):
            await worker.read(records, stream=True)
    assert await counted(connection, "watermark") == 0
    other = await another()
    outcomes = await in_turn(other, records)
    assert {("R1", "applied", None), ("R2", "applied", None)} <= set(outcomes)
    assert await counted(connection, "parked") == 0
    assert await connection.fetch("SELECT * FROM imbalance") == []


async def test_a_document_that_postgres_refuses_divides_only_what_is_left(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    policy = {"earn": {"points_per_unit": "1000", "unit_minor": {"EUR": 1, "GBP": 100}}}
    await worker.read([command("policy.put", "P", policy=policy, effective_from="2020-01-01T00:00:00Z")])
    huge = sold("BAD", lines=most_lines(10), currency="EUR")
    records = [returned("R1", "S1", 600), sold("S1"), sold("S2"), huge, sold("S3")]
    applied = await worker.read(records, stream=True)
    outcomes = [message for message in applied.messages if message.topic != "scm.sales-dlt"]
    assert [(one["subject"], one["data"]["status"]) for one in said(outcomes)] == [
        ("R1", "parked"), ("S1", "applied"), ("R1", "applied"), ("S2", "applied"), ("S3", "applied"),
    ]  # fmt: skip
    assert len(applied.messages) == len(outcomes) + 1
    assert await counted(connection, "watermark") == 1
    await worker.catch_up()
    assert await connection.fetchval("SELECT count(*) FROM batch WHERE published_at IS NULL") == 0
