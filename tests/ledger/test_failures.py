"""A fault of the program ends one document, one waiting document or one deadline, and nothing else (contract DLT9)."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from schemas.reasons import DeadLetterReason
from tests.codec.records import Data
from tests.domain.room import keyring
from tests.ledger.conftest import NOW_US, Open, Worker, header, record, said
from tests.ledger.documents import AT, CARD, command, request, sold
from tests.ledger.test_pipeline import counted, most_lines, refunded
from worker.codec import Decoder, DocumentOutcome, Message, Outlet, Undecodable
from worker.codec.interface import document
from worker.codec.letter import dead_letter
from worker.domain.decide import DECISIONS, Decision
from worker.domain.decisions import deadlines, returns
from worker.engine.batch import Batch
from worker.engine.poison import LEAST, Poisoned
from worker.positions import Position
from worker.process import metrics

BAD = "BAD"


class Bug(Exception):
    """Raise an error that no document should be able to cause."""


@pytest.fixture
async def worker(another: Open) -> Worker:
    return await another(crash=False)


def broken(decide: Callable[..., Any]) -> Callable[..., Any]:
    """The decision with a bug that only ids that begin with BAD meet."""

    def decision(doc: Any, *rest: object, **more: object) -> object:  # noqa: ANN401  one model a type
        ids = (getattr(doc, name, None) for name in ("sale_id", "return_id", "command_id", "key"))
        if any(str(id_).startswith(BAD) for id_ in ids if id_):
            raise Bug("6006-0017 must not be logged")
        return decide(doc, *rest, **more)

    return decision


def failing(type_: str) -> Decision[Any]:
    """Return the entry of a document type with a decision that fails like that."""
    entry = DECISIONS[type_]
    return Decision(entry.model, entry.needs, broken(entry.decide))


def failures(what: str) -> float:
    return metrics.REGISTRY.get_sample_value("g3n_failures_total", {"what": what}) or 0.0


@pytest.mark.parametrize("place", [0, 77, 200])
async def test_a_document_on_which_the_core_fails_becomes_a_dead_letter_and_the_others_go_on(
    worker: Worker, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    batch = [sold(f"S{n}", customer_id=f"C{n % 7}") for n in range(200)]
    batch.insert(place, sold(BAD))
    before = failures("document")
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setitem(DECISIONS, "scm.sale.completed", failing("scm.sale.completed"))
        messages = (await worker.read(batch)).messages
    (letter,) = (message for message in messages if message.topic == "scm.sales-dlt")
    assert (letter.value, header(letter, "crm-reason")) == (batch[place].value, "failed")
    assert {one["data"]["status"] for one in said(messages)} == {"applied"}
    assert await counted(connection, "event") == len(said(messages)) == 200
    assert failures("document") == before + 1
    (line,) = (line for line in logs if line["event"] == "document_failed")
    assert (line["log_level"], line["type"], line["subject"], line["orgcode"]) == (
        "error", "scm.sale.completed", BAD, "acme",
    )  # fmt: skip
    assert isinstance(line["exc_info"], Bug)
    (outcome,) = said((await worker.read([batch[place]])).messages)
    assert outcome["data"]["status"] == "applied", "it took no identity, so the repaired program decides it"


def encoding_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome of the document BAD can't be encoded."""
    encode = Outlet.messages

    def failing(self: Outlet, of: DocumentOutcome) -> list[Message]:
        if of.subject == BAD:
            raise Bug
        return encode(self, of)

    monkeypatch.setattr(Outlet, "messages", failing)


async def test_an_outcome_that_cannot_be_encoded_is_not_booked(
    worker: Worker, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoding_fails(monkeypatch)
    messages = (await worker.read([sold("S1"), sold(BAD), sold("S2")])).messages
    assert [header(message, "crm-reason") for message in messages if message.topic == "scm.sales-dlt"] == ["failed"]
    assert [one["subject"] for one in said(messages)] == ["S1", "S2"]
    assert await counted(connection, "transfer") == 2


async def test_a_record_on_which_decoding_or_masking_fails(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Decoder._decode

    def decoded(self: Decoder, one: Any, now_us: int) -> Any:  # noqa: ANN401
        if one.key == b"bad":
            raise Bug
        return decode(self, one, now_us)

    def mask(*_args: object, **_more: object) -> None:
        raise Bug

    bad = sold("S2")
    bad.key = b"bad"
    monkeypatch.setattr(Decoder, "_decode", decoded)
    messages = (await worker.read([sold("S1"), bad])).messages
    assert header(messages[0], "crm-reason") == "failed"
    assert (messages[0].key, messages[0].value) == (b"bad", bad.value)
    monkeypatch.setattr("worker.engine.dead_letters.dead_letter", _only_empty)
    (letter,) = (await worker.read([bad])).messages
    assert (letter.key, letter.value, header(letter, "crm-masked")) == (None, None, "true")
    assert header(letter, "kafka_dlt-original-offset") == str(bad.offset)


def _only_empty(letter: Undecodable, *more: Any) -> Message:  # noqa: ANN401  as `dead_letter`
    if letter.record.value is not None:
        raise Bug
    return dead_letter(letter, *more)


async def test_an_interface_tells_only_the_sender_of_the_document(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(customer_id: str) -> Any:  # noqa: ANN401
        data: Data = {"command_id": customer_id, "customer_id": customer_id}
        return document("crm.customer.create", data, keyring(), NOW_US, trusted=False, traceparent=None)

    good, bad = [asked(f"C{n}") for n in range(5)], asked(BAD)
    monkeypatch.setitem(DECISIONS, "crm.customer.create", failing("crm.customer.create"))
    applied = await worker.apply(Batch([*good[:2], bad, *good[2:]], NOW_US), {})
    assert applied.to_callers[bad] is DeadLetterReason.FAILED
    assert all(said(applied.to_callers[one])[0]["data"]["status"] == "applied" for one in good)  # type: ignore[arg-type]
    assert applied.messages == []


async def test_a_waiting_document_on_which_the_core_fails_waits_on(
    worker: Worker, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"line_id": 1, "sku": "x", "net_minor": 100}]
    await worker.drained([command("giftcard.issue", "I", **CARD)])
    await worker.drained([refunded(id_, lines) for id_ in ("R1", BAD, "R2", "R3")])
    before = failures("parked")
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(returns, "complete", broken(returns.complete))
        told = said(await worker.drained([request("T1", 300, capture=True)]))[1:]
        assert {one["subject"]: one["data"]["status"] for one in told if one["subject"] != "T1"} == dict.fromkeys(
            ("R1", "R2", "R3"), "applied"
        )
        assert await worker.catch_up(final=True) is None, "it is left alone for a while"
    assert failures("parked") == before + 1
    assert [line["subject"] for line in logs if line["event"] == "parked_failed"] == [BAD]
    await connection.execute("UPDATE parked SET not_before_us = 0")
    (final, *_) = said(await worker.rest())
    assert (final["subject"], final["data"]["status"]) == (BAD, "applied")
    assert await counted(connection, "parked") == 0


async def test_a_waiting_document_that_this_version_cannot_read(worker: Worker, connection: asyncpg.Connection) -> None:
    lines = [{"line_id": 1, "sku": "x", "net_minor": 100}]
    await worker.drained([command("giftcard.issue", "I", **CARD), refunded("R1", lines), refunded(BAD, lines)])
    stored = await connection.fetchval("SELECT document FROM parked WHERE subject = $1", BAD)
    await connection.execute("UPDATE parked SET document = $1 WHERE subject = $2", stored[:-3], BAD)
    with capture_logs() as logs:
        told = said(await worker.drained([request("T1", 300, capture=True)]))[1:]
    assert "R1" in {one["subject"] for one in told if one["data"]["status"] == "applied"}
    assert [line["subject"] for line in logs if line["event"] == "parked_failed"] == [BAD]
    assert await connection.fetchval("SELECT array_agg(subject) FROM parked") == [BAD]


async def test_a_deadline_on_which_the_core_fails_is_put_off(
    worker: Worker, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.read([command("giftcard.issue", "I", **CARD), request("T1", 100), request("BAD-T", 100)])
    await connection.execute("UPDATE timer SET due_us = $1, not_before_us = $1", NOW_US - 1)
    monkeypatch.setattr(deadlines, "due", broken(deadlines.due))
    told = said(await worker.rest())
    assert [one["subject"] for one in told] == ["T1"]
    assert await connection.fetchval("SELECT array_agg(key) FROM timer WHERE kind = 'hold'") == ["BAD-T"]


async def test_a_stored_outcome_that_cannot_be_encoded_keeps_no_other_back(
    worker: Worker, another: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash left a batch unpublished, and this version of the program fails on one of its outcomes."""
    gone = await another()
    await gone.apply(gone.decode([sold("S1"), sold(BAD), sold("S2")], NOW_US), {})
    await gone.close()
    encoding_fails(monkeypatch)
    before = failures("outcome")
    with capture_logs() as logs:
        swept = await worker.catch_up()
    assert swept is not None
    assert {one["subject"] for one in said(swept.messages)} == {"S1", "S2"}
    assert failures("outcome") == before + 1
    assert [line["subject"] for line in logs if line["event"] == "outcome_failed"] == [BAD]


async def test_a_fault_that_every_document_meets_is_nobodys_dead_letter(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    await connection.execute("DROP TABLE consent, transfer CASCADE")
    with pytest.raises(asyncpg.UndefinedTableError):
        await worker.read([record("scm.sale.voided", {"sale_id": "S0", "occurred_at": AT}), sold("S1"), sold("S2")])
    assert await counted(connection, "event") == 0


async def test_a_worker_under_test_crashes(another: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DECISIONS, "scm.sale.completed", failing("scm.sale.completed"))
    with pytest.raises(Bug):
        await (await another()).read([sold("S1"), sold(BAD)])


async def test_no_dead_letter_is_written_when_the_database_refuses_half_of_a_batch(
    another: Open, connection: asyncpg.Connection
) -> None:
    """The partition halts first. What an operator waives becomes dead letters all the same."""
    worker = await another()
    policy = {"earn": {"points_per_unit": "1000", "unit_minor": {"EUR": 1, "GBP": 100}}}
    await worker.read([command("policy.put", "P", policy=policy, effective_from="2020-01-01T00:00:00Z")])
    huge = [sold(f"{BAD}{n}", lines=most_lines(10), currency="EUR") for n in range(LEAST // 2)]
    batch = worker.decode(huge + [sold(f"S{n}", net_minor=1) for n in range(LEAST // 2)], NOW_US)
    at = (huge[0].topic, huge[0].partition)
    read = {at: NOW_US}, {at: Position(LEAST, None)}
    with pytest.raises(Poisoned) as found:
        await worker.apply(batch, *read, lambda _: False)
    assert list(found.value.halts) == [at]
    assert (await counted(connection, "dead_letter"), await counted(connection, "watermark")) == (0, 1)
    assert await connection.fetchval("SELECT max(next_offset) FROM watermark") is None
    worker.failed()
    messages = (await worker.apply(batch, *read, lambda _: True)).messages
    assert sum(message.topic.endswith("-dlt") for message in messages) == LEAST // 2
    assert len({one["subject"] for one in said(messages)}) == LEAST // 2
    assert await connection.fetchval("SELECT max(next_offset) FROM watermark") == LEAST
