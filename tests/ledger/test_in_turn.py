"""A parked document is decided right after the one that it waits for, also within a batch (contract WAIT8)."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from tests.codec.records import Record
from tests.ledger.conftest import NOW_US, Open, Worker, header, record, said
from tests.ledger.documents import AT, CARD, about, command, request, sale, sold
from tests.ledger.test_pipeline import counted, most_lines
from worker.codec import Message
from worker.codec.interface import document
from worker.engine.batch import Batch
from worker.engine.work import Work
from worker.stored.event import facts_of

PAYS = [
    {"tender_id": "T1", "kind": "gift_card", "amount_minor": 300},
    {"tender_id": "T2", "kind": "cash", "amount_minor": 700},
]
REFUNDS = [{"refund_id": "F", "kind": "gift_card", "tender_id": "T1", "amount_minor": 100}]
Outcomes = list[tuple[str, str, str | None]]


def returned(return_id: str, sale_id: str, net_minor: int, **more: object) -> Record:
    data = {"return_id": return_id, "sale_id": sale_id, "occurred_at": AT, "currency": "GBP",
            "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": net_minor}], **more}  # fmt: skip
    return record("scm.return.completed", data)


def outcomes_of(messages: Sequence[Message]) -> Outcomes:
    """(subject, status, reason) of each outcome."""
    return [
        (one["subject"], one["data"]["status"], one["data"].get("reason"))
        for one in said(messages)
        if one["type"].startswith("crm.outcome.")
    ]


async def in_turn(worker: Worker, records: list[Record]) -> Outcomes:
    """One batch of a stream, in the order in which its outcomes are published."""
    applied = await worker.read(records, stream=True)
    assert not applied.ready
    assert await worker.rest() == []
    return outcomes_of(applied.messages)


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


async def test_in_a_backlog_parked_documents_are_decided_in_turn(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    """Of two returns of the same line, the one that came first gets it, however many documents a batch has."""
    parked = await in_turn(worker, [returned(f"R{number}", f"S{number}", 600) for number in range(300)])
    assert {status for _, status, _ in parked} == {"parked"}
    behind = [one for number in range(300) for one in (sold(f"S{number}"), returned(f"Q{number}", f"S{number}", 600))]
    applied = await worker.read(behind, stream=True)
    assert len(applied.batch_no) == 1
    assert not applied.ready
    assert outcomes_of(applied.messages) == [
        one
        for number in range(300)
        for one in (
            (f"S{number}", "applied", None),
            (f"R{number}", "applied", None),
            (f"Q{number}", "partial", "over_returned"),
        )
    ]
    assert await counted(connection, "parked") == 0
    assert await connection.fetch("SELECT * FROM imbalance") == []


async def test_more_parked_documents_than_a_batch_takes_are_decided_after_it(
    worker: Worker, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.ledger.parked.LIMIT", 2)
    await in_turn(worker, [returned(f"R{number}", "S1", 100) for number in range(3)])
    applied = await worker.read([returned("R3", "S1", 100), sold("S1"), returned("R4", "S1", 700)], stream=True)
    assert applied.ready
    assert outcomes_of(applied.messages) == [
        ("R3", "parked", "sale_not_found"), ("S1", "applied", None), ("R0", "applied", None), ("R1", "applied", None),
        ("R4", "applied", None),
    ]  # fmt: skip
    assert outcomes_of(await worker.rest()) == [("R2", "applied", None), ("R3", "rejected", "over_returned")]
    assert await counted(connection, "parked") == 0


async def test_a_return_that_waits_for_a_sale_and_a_tender_goes_on_twice_in_one_batch(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    await in_turn(worker, [command("giftcard.issue", "I", **CARD), returned("R1", "S1", 100, refunds=REFUNDS)])
    outcomes = await in_turn(worker, [sold("S1", tenders=PAYS), request("T1", 300), returned("R2", "S1", 1000)])
    assert outcomes == [
        ("S1", "applied", None), ("T1", "approved", None), ("R1", "applied", None), ("R2", "partial", "over_returned"),
    ]  # fmt: skip
    facts = facts_of(await connection.fetchval("SELECT facts FROM event WHERE subject = 'R1'"))
    numbers = {row["subject"]: row["no"] for row in await connection.fetch("SELECT subject, no FROM event")}
    assert [(wait.waits_for, wait.key, wait.ended_by) for wait in facts.waits] == [
        ("sale", "S1", numbers["S1"]), ("tender", "T1", numbers["T1"]),
    ]  # fmt: skip
    assert numbers["T1"] + 1 == numbers["R1"] == numbers["R2"] - 1


async def test_a_document_that_goes_on_in_its_own_batch_is_stored_with_both_outcomes(
    worker: Worker, another: Open, connection: asyncpg.Connection
) -> None:
    again = returned("R1", "S1", 600)
    records = [returned("R1", "S1", 600), again, sold("S1"), again, returned("R2", "S1", 600)]
    first = await worker.read(records, stream=True)
    assert outcomes_of(first.messages) == [
        ("R1", "parked", "sale_not_found"),
        ("R1", "parked", "sale_not_found"),  # the duplicate
        ("S1", "applied", None),
        ("R1", "applied", None),
        ("R1", "parked", "sale_not_found"),  # the other duplicate: both outcomes again
        ("R1", "applied", None),
        ("R2", "partial", "over_returned"),
    ]
    own = [message for message in first.messages if header(message, "crm-replayed") is None]
    repeated = (await (await another()).read([records[0], sold("S1"), records[-1]])).messages
    assert {message.value for message in repeated} == {message.value for message in own}
    numbers = await connection.fetch("SELECT subject, no & 4095 AS place FROM event WHERE no > 0 ORDER BY no")
    assert [tuple(row) for row in numbers] == [("S1", 1), ("R1", 2), ("R2", 3)]
    assert await connection.fetchval("SELECT max(documents) FROM batch") == 4  # two for R1
    assert await counted(connection, "parked") == 0


async def test_a_document_that_goes_on_and_waits_again_stays_parked(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    outcomes = await in_turn(worker, [returned("R1", "S1", 100, refunds=REFUNDS), sold("S1", tenders=PAYS)])
    assert outcomes == [("R1", "parked", "sale_not_found"), ("S1", "applied", None)]
    (row,) = await connection.fetch("SELECT waits_for, waits_key, ready FROM parked")
    assert tuple(row) == ("tender", "T1", False)
    records = [command("giftcard.issue", "I", **CARD), request("T1", 300)]
    assert (await in_turn(worker, records))[-1] == ("R1", "applied", None)
    facts = facts_of(await connection.fetchval("SELECT facts FROM event WHERE subject = 'R1'"))
    assert [wait.waits_for for wait in facts.waits] == ["sale", "tender"]


async def test_documents_of_an_interface_wake_parked_documents_too(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    await in_turn(worker, [command("customer.create", "N", customer_id="C"), returned("R1", "S1", 1000)])
    over_http = document(
        "scm.sale.completed", sale("S1"), worker.keyring("acme"), NOW_US, trusted=False, traceparent=None
    )
    applied = await worker.apply(Batch([over_http], NOW_US), {})
    told = applied.to_callers[over_http]
    assert isinstance(told, list)
    assert outcomes_of(told) == [("S1", "applied", None)]
    assert outcomes_of(applied.messages) == [("R1", "applied", None)]
    assert await connection.fetchval("SELECT balance FROM account WHERE kind = 0") == 0


async def test_a_parked_document_that_fails_does_not_fail_the_one_that_wakes_it(
    another: Open, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await another(crash=False)
    await in_turn(worker, [returned("R1", "S1", 600)])
    decide = worker._decider._decide_one

    def broken(work: Work, *rest: Any) -> None:  # noqa: ANN401  as the decider's
        if work.subject == "R1":
            raise AssertionError
        decide(work, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(worker._decider, "_decide_one", broken)
        applied = await worker.read([sold("S1"), sold("S2")], stream=True)
        assert outcomes_of(applied.messages) == [("S1", "applied", None), ("S2", "applied", None)]
        assert await worker.rest() == []
    assert await connection.fetchval("SELECT ready FROM parked") is True


async def test_the_sweep_publishes_what_went_on_in_the_batch_of_a_worker_that_is_gone(
    another: Open, connection: asyncpg.Connection
) -> None:
    gone = await another()
    await gone.read([returned("R0", "S1", 100)], stream=True)
    records = [returned("R1", "S1", 600), sold("S1"), returned("R2", "S1", 300)]
    applied = await gone.apply(gone.decode(records, NOW_US), {})
    await gone.close()
    swept = await (await another()).rest()
    assert outcomes_of(swept) == [
        ("S1", "applied", None),
        ("R0", "parked", "sale_not_found"), ("R0", "applied", None),
        ("R1", "parked", "sale_not_found"), ("R1", "applied", None),
        ("R2", "applied", None),
    ]  # fmt: skip
    assert {message.value for message in applied.messages} <= {message.value for message in swept}
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
