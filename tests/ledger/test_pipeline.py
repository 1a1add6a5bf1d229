"""A batch from records to committed rows: identity, refusals, what a crash left (contract §1, §3)."""

import time

import asyncpg
import pytest
import structlog
from structlog.testing import capture_logs

from schemas.scalars import format_instant
from tests.codec.records import Data, Record
from tests.ledger.conftest import NOW_US, Open, Worker, header, record, said
from tests.ledger.documents import AT, CARD, about, command, request, sale, sold
from worker.codec import Message

ONLY = "WHERE kind = 'expire'"
DAY_US = 86_400_000_000
MANY = 900  # lines of the largest net that there is: at ten points a penny more than half of what 64 bits hold
RICH = {"points_per_unit": "10", "unit_minor": {"GBP": 1}}


def most_lines(lines: int = MANY) -> list[Data]:
    return [{"line_id": n, "sku": "x", "net_minor": 10**15} for n in range(1, lines + 1)]


def bare(messages: list[Message]) -> list[tuple[str, bytes | None, bytes | None]]:
    return [(message.topic, message.key, message.value) for message in messages]


async def counted(connection: asyncpg.Connection, table: str) -> int:
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_duplicates_say_the_same_byte_for_byte(worker: Worker, connection: asyncpg.Connection) -> None:
    records = [
        command("giftcard.issue", "I", **CARD),
        command("customer.create", "N", customer_id="C"),
        record("scm.return.completed", {"return_id": "R", "sale_id": "S1", "occurred_at": AT, "currency": "GBP",
               "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": 400}]}),
        sold("S1"),
        request("T1", 300),
        request("T2", 900),
        about("scm.tender.captured", "tender_id", "T1"),
        about("scm.sale.voided", "sale_id", "S2"),
    ]  # fmt: skip
    first = await worker.drained(records)
    transfers = await counted(connection, "transfer")
    again = await worker.drained(records)
    assert sorted(bare(again), key=repr) == sorted(bare(first), key=repr)
    assert all(header(message, "crm-replayed") is None for message in first)
    assert all(header(message, "crm-replayed") == "true" for message in again)
    assert await counted(connection, "transfer") == transfers
    statuses = {(one["type"], one["subject"], one["data"]["status"]) for one in said(again)}
    returned = "crm.outcome.return.completed"
    assert {(returned, "R", "parked"), (returned, "R", "applied")} < statuses


async def test_a_replayed_approval_says_what_became_of_the_tender(worker: Worker) -> None:
    await worker.read([command("giftcard.issue", "I", **CARD), request("T1", 300)])
    for change, state in (None, "authorized"), ("captured", "captured"), ("voided", "voided"):
        if change:
            await worker.read([about(f"scm.tender.{change}", "tender_id", "T1")])
        (message,) = (await worker.read([request("T1", 300)])).messages
        assert said([message])[0]["data"]["status"] == "approved"
        assert header(message, "crm-tender-state") == state


async def test_duplicates_within_a_batch(worker: Worker, connection: asyncpg.Connection) -> None:
    messages = (await worker.read([sold("S1"), sold("S1"), sold("S2"), sold("S1")])).messages
    assert [one["subject"] for one in said(messages)] == ["S1", "S1", "S2", "S1"]
    assert len(set(bare(messages))) == 2
    assert [header(message, "crm-replayed") for message in messages] == [None, "true", None, "true"]
    assert await counted(connection, "transfer") == 2


async def test_the_first_content_of_an_identity_stands(worker: Worker, connection: asyncpg.Connection) -> None:
    for records in [sold("S1"), sold("S1", net_minor=2000)], [sold("S1", net_minor=3000)]:
        letter = (await worker.read(records)).messages[-1]
        assert (letter.topic, header(letter, "crm-reason")) == ("scm.sales-dlt", "conflict")
        assert letter.value == records[-1].value
        assert header(letter, "kafka_dlt-original-offset") == str(records[-1].offset)
    assert await connection.fetchval("SELECT sum(amount) FROM transfer") == 10


async def test_a_policy_that_asks_for_a_consent_that_was_given_before(worker: Worker) -> None:
    campaign = {"id": "spring", "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "factor": "3",
                "needs_consent": "marketing"}  # fmt: skip
    consent = {"customer_id": "C", "purpose": "marketing", "granted": True}
    policy = {"policy": {"earn": {"campaigns": [campaign]}}, "effective_from": "2020-01-01T00:00:00Z"}
    await worker.read([command("customer.create", "N", customer_id="C"), command("consent.set", "Y", **consent)])
    messages = (await worker.read([command("policy.put", "P", **policy), sold("S1")])).messages
    assert said(messages)[1]["data"]["points"]["change"] == 30


async def test_tenants_do_not_meet(worker: Worker, connection: asyncpg.Connection) -> None:
    data = sale("S1")
    messages = (await worker.read([record("scm.sale.completed", data, org) for org in ("a", "b", "a")])).messages
    assert [header(message, "crm-replayed") for message in messages] == [None, None, "true"]
    assert len({one["id"] for one in said(messages)}) == 2
    assert await counted(connection, "transfer") == 2


async def test_a_document_that_postgres_refuses_among_good_ones(worker: Worker, connection: asyncpg.Connection) -> None:
    """Its points would not fit into a bigint; nobody else notices."""
    policy = {"earn": {"points_per_unit": "1000", "unit_minor": {"EUR": 1, "GBP": 100}}}
    put = command("policy.put", "P", policy=policy, effective_from="2020-01-01T00:00:00Z")
    await worker.read([put])
    good = [sold(f"S{n}", net_minor=1, customer_id=f"C{n % 7}") for n in range(500)]
    huge = sold("BAD", lines=most_lines(10), currency="EUR", customer_id="C3")
    for place in (250, 0, 499):
        batch = [sold(f"S{place}-{n}", net_minor=1, customer_id=f"C{n % 7}") for n in range(500)]
        batch.insert(place, huge)
        messages = (await worker.read(batch)).messages
        letters = [message for message in messages if message.topic == "scm.sales-dlt"]
        assert [(letter.value, header(letter, "crm-reason")) for letter in letters] == [
            (huge.value, "refused_by_database")
        ]
        assert len(said(messages)) == 500
    assert len((await worker.read(good)).messages) == 500
    assert await connection.fetch("SELECT * FROM imbalance") == []
    assert await counted(connection, "event") == 2001


def refunded(return_id: str, lines: list[Data]) -> Record:
    """A return without a receipt that waits for the tender T1."""
    refunds = [{"refund_id": "1", "kind": "gift_card", "tender_id": "T1", "amount_minor": 1}]
    data = {"return_id": return_id, "occurred_at": AT, "currency": "GBP", "customer_id": f"C-{return_id}"}
    return record("scm.return.completed", {**data, "lines": lines, "refunds": refunds})


async def test_a_parked_document_that_postgres_refuses_gets_its_final_outcome(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    """Its points fit into no bigint; the others that wait, and the deadlines, go on."""
    put = command("policy.put", "P", policy={"earn": RICH}, effective_from="2020-01-01T00:00:00Z")
    await worker.read([put, command("giftcard.issue", "I", **CARD)])
    waiting = [refunded(f"R{n}", most_lines(1)) for n in range(20)]
    poison = [refunded("BAD1", most_lines(1000)), refunded("BAD2", most_lines(999))]
    waiting[3:3], waiting[17:17] = poison[:1], poison[1:]
    assert {one["data"]["status"] for one in said(await worker.drained(waiting))} == {"parked"}
    with capture_logs() as logs:
        told = said(await worker.drained([request("T1", 300, capture=True)]))[1:]
    finals = {
        one["subject"]: (one["data"]["status"], one["data"].get("reason")) for one in told if one["subject"] != "T1"
    }
    assert finals.pop("BAD1") == finals.pop("BAD2") == ("rejected", "over_maximum")
    assert finals == {f"R{n}": ("applied", None) for n in range(20)}
    assert [line["type"] for line in logs if line["event"] == "refused_by_database"] == ["scm.return.completed"] * 2
    assert await counted(connection, "parked") == 0
    assert await connection.fetch("SELECT * FROM imbalance") == []
    again = said((await worker.read(poison)).messages)
    assert [(one["subject"], one["data"]["status"]) for one in again] == [
        ("BAD1", "parked"), ("BAD1", "rejected"), ("BAD2", "parked"), ("BAD2", "rejected"),
    ]  # fmt: skip


async def test_a_deadline_that_is_refused_is_put_off_and_keeps_nobody_waiting(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    """A lot expires for the third time: what expired of it no longer fits into 64 bits."""
    policy = {"earn": {**RICH, "expire_days": 1}}
    await worker.read([command("policy.put", "P", policy=policy, effective_from="2020-01-01T00:00:00Z")])
    days_ago = {"occurred_at": format_instant(NOW_US - 5 * DAY_US)}
    due = []
    for n in range(3):
        assert await worker.catch_up(final=True) is None
        earlier = {"occurred_at": format_instant(NOW_US - (6 + n) * DAY_US)}  # two days of earning are two sums
        await worker.read([
            sold(f"S{n}", lines=most_lines(), **days_ago),
            sold(f"D{n}", customer_id="D", **days_ago),
            sold(f"X{n}", **earlier),
        ])  # fmt: skip
        with capture_logs() as logs:
            while (applied := await worker.catch_up(final=True)) is not None:
                due.append(sorted(one["data"]["points"]["change"] for one in said(applied.messages)))
    points = MANY * 10**16
    assert due == [[-points, -10_000, -10_000], [-points, -10_000, -10_000], [-10_000, -10_000]]
    (line,) = (line for line in logs if line["event"] == "deadline_failed")
    assert (line["log_level"], line["kind"], line["orgcode"]) == ("error", "expire", "acme")
    assert isinstance(line["exc_info"], OverflowError)
    now_us = time.time_ns() // 1000
    (put_off,) = await connection.fetch(f"SELECT due_us, not_before_us FROM timer {ONLY}")
    assert now_us + 50_000_000 < put_off["due_us"] < now_us + DAY_US
    assert await connection.fetchval("SELECT balance FROM account WHERE key = 'C'") == points
    assert await connection.fetch("SELECT * FROM imbalance") == []
    for since_h, later_h in (2, 2), (100, 24):  # twice as long as before, for a day at most
        first_us = time.time_ns() // 1000 - since_h * 3_600_000_000
        await connection.execute(f"UPDATE timer SET due_us = $1, not_before_us = $2 {ONLY}", NOW_US - 1, first_us)
        assert await worker.catch_up() is not None
        assert await worker.catch_up() is None
        due_us = await connection.fetchval(f"SELECT due_us FROM timer {ONLY}")
        assert abs(due_us - time.time_ns() // 1000 - later_h * 3_600_000_000) < 60_000_000


async def test_a_watermark_is_written_only_when_a_deadline_waits_for_it(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    read = {("scm.sales", 0): time.time_ns() // 1000}
    assert await worker.catch_up(watermarks=read) is None
    assert await counted(connection, "watermark") == 0
    policy = {"earn": {**RICH, "expire_days": 1}}
    put = command("policy.put", "P", policy=policy, effective_from="2020-01-01T00:00:00Z")
    await worker.apply(worker.decode([put, sold("S1", occurred_at=format_instant(NOW_US - 5 * DAY_US))], NOW_US), {})
    await connection.execute("UPDATE timer SET not_before_us = 0")
    assert await worker.catch_up() is None
    assert await worker.catch_up(watermarks=read) is not None
    assert await connection.fetchval("SELECT read_us FROM watermark") == read["scm.sales", 0]


async def test_a_dead_letter_takes_no_identity(worker: Worker) -> None:
    policy = {"earn": {"points_per_unit": "1000", "unit_minor": {"GBP": 1}}}
    await worker.read([command("policy.put", "P", policy=policy, effective_from="2020-01-01T00:00:00Z")])
    (letter,) = (await worker.read([sold("S1", lines=most_lines(10))])).messages
    assert header(letter, "crm-reason") == "refused_by_database"
    (outcome,) = said((await worker.read([sold("S1", net_minor=1)])).messages)
    assert outcome["data"]["status"] == "applied"


async def test_dead_letters_are_logged_without_a_value(worker: Worker) -> None:
    secret = "hunter2"
    bad = [
        Record(secret.encode(), offset=7, partition=3),
        sold("S1", store_id=secret, net_minor="5"),
        sold("S1", store_id=secret),
        sold("S1", store_id=secret + "!"),
    ]
    with capture_logs() as logs:
        messages = (await worker.read(bad)).messages
    lines = sorted((line for line in logs if line["event"] == "dead_letter"), key=lambda line: "conflict" in repr(line))
    assert [line["reason"] for line in lines] == ["not_json", "invalid", "conflict"]
    assert dict(lines[0]) | {"detail": ""} == {
        "event": "dead_letter", "log_level": "warning", "topic": "scm.sales", "partition": 3, "offset": 7,
        "reason": "not_json", "detail": "",
    }  # fmt: skip
    assert [(line.get("type"), line.get("subject"), line.get("orgcode")) for line in lines] == [
        (None, None, None), ("scm.sale.completed", "S1", "acme"), ("scm.sale.completed", "S1", "acme"),
    ]  # fmt: skip
    assert secret not in repr(logs)
    assert len(messages) == 4
    assert structlog.is_configured() in (True, False)


async def test_a_sweeper_publishes_what_a_crash_left(another: Open, connection: asyncpg.Connection) -> None:
    """The batch was committed, its worker died before a word of it was published, its offsets never come back."""
    dying, other = await another(), await another()
    setup = [command("giftcard.issue", "I", **CARD), request("T1", 300)]
    applied = await dying.apply(dying.decode(setup, NOW_US), {})
    assert await other.catch_up() is None, "its worker still lives"
    assert dying._pool._alive is not None
    await dying._pool._alive.close()  # the lock that said so goes with its session
    other._journal.sweep_at = 0.0
    swept = await other.catch_up()
    assert swept is not None
    assert sorted(bare(swept.messages), key=repr) == sorted(bare(applied.messages), key=repr)
    assert {header(message, "crm-replayed") for message in swept.messages} == {"true"}
    assert [header(m, "crm-tender-state") for m in swept.messages if m.topic == "crm.tender-outcomes"] == ["authorized"]
    other._journal.sweep_at = 0.0
    other.published(swept.batch_no)
    assert await other.catch_up() is None
    assert await connection.fetchval("SELECT count(*) FROM batch WHERE published_at IS NULL") == 0


async def test_published_batches_are_not_swept(another: Open) -> None:
    gone, other = await another(), await another()
    await gone.read([sold("S1")])
    await gone.close()
    other._journal.sweep_at = 0.0
    assert await other.catch_up() is None


@pytest.mark.parametrize("at_a_time", [1, 3, 100])
async def test_the_division_into_batches_does_not_matter(
    worker: Worker, connection: asyncpg.Connection, at_a_time: int
) -> None:
    records = [
        command("giftcard.issue", "I", **CARD),
        command("customer.create", "N", customer_id="C"),
        sold("S1", tenders=[{"tender_id": "T1", "kind": "gift_card", "amount_minor": 300}]),
        about("scm.tender.captured", "tender_id", "T1"),
        request("T1", 400),
        sold("S2"),
        about("scm.sale.voided", "sale_id", "S1"),
        about("scm.sale.voided", "sale_id", "S3"),
        sold("S3"),
    ]
    for start in range(0, len(records), at_a_time):
        await worker.drained(records[start : start + at_a_time])
    totals = await connection.fetch("SELECT key, balance, held, version FROM account WHERE kind = 0")
    assert [tuple(row) for row in totals] == [("C", 10, 0, 4)]
    assert await connection.fetchval("SELECT balance FROM account WHERE kind = 1") == 500
    assert await counted(connection, "parked") == 0
    assert await connection.fetch("SELECT * FROM imbalance") == []
