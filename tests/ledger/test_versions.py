"""Rows of an older version are compared and encoded by that version (contract §1.2)."""

import asyncpg
import pytest

from schemas import content, registry
from tests.codec.records import Data, Record
from tests.ledger.conftest import Open, header, record, said
from tests.ledger.documents import AT, about, command, sale, sold
from tests.ledger.test_pipeline import bare
from worker.codec import encode
from worker.engine import messages, rows
from worker.stored.event import facts_of

LINES = [{"line_id": n, "sku": "x", "net_minor": 100 * n} for n in (1, 2, 3)]


def turned(data: Data) -> Data:
    return data | {"lines": data["lines"][::-1]}


async def test_lines_in_another_order_are_the_same_sale(another: Open) -> None:
    worker = await another()
    data = sale("S1") | {"lines": LINES}
    first = (await worker.read([record("scm.sale.completed", data)])).messages
    again = (await worker.read([record("scm.sale.completed", turned(data))])).messages
    assert bare(again) == bare(first)
    assert [header(message, "crm-replayed") for message in again] == ["true"]
    both = await worker.read([record("scm.sale.completed", one | {"sale_id": "S2"}) for one in (data, turned(data))])
    assert [header(message, "crm-replayed") for message in both.messages] == [None, "true"]


async def test_a_document_is_compared_by_the_version_that_it_was_digested_with(
    another: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new version may leave out what was content, or add to it: it has no say in what was decided before."""

    def earn(command_id: str, points: int) -> Record:
        return command("loyalty.earn", command_id, customer_id="C", points=points)

    worker = await another()
    await worker.read([command("customer.create", "N", customer_id="C"), earn("OLD", 5)])
    doctype = registry.DOCUMENTS["crm.loyalty.earn"]
    newer = doctype.digest_version + 1
    monkeypatch.setitem(doctype.contents, newer, content.VERSIONS[2].of_members(("command_id", "customer_id")))
    monkeypatch.setattr(type(doctype), "digest_version", property(lambda doctype: max(doctype.contents)))
    await worker.read([earn("NEW", 5)])
    for command_id, points, reason in ("OLD", 5, None), ("OLD", 6, "conflict"), ("NEW", 5, None), ("NEW", 6, None):
        (message,) = (await worker.read([earn(command_id, points)])).messages
        assert header(message, "crm-reason") == reason, (command_id, points)


async def test_outcomes_of_two_encoders_stand_side_by_side(
    another: Open, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is published again with the bytes that it had, those of one document too."""
    returned = {"return_id": "R", "sale_id": "S", "occurred_at": AT, "currency": "GBP",
                "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": 400}]}  # fmt: skip
    before = [sold("S0"), record("scm.return.completed", returned)]
    after = [sold("S"), about("scm.sale.voided", "sale_id", "S0")]
    worker = await another()
    first = await worker.drained(before)

    def outcome(of: encode.DocumentOutcome) -> Data:
        return encode.ENCODERS[1].outcome(of) | {"flavour": "new"}

    newer = max(encode.ENCODERS) + 1
    monkeypatch.setattr(encode, "ENCODERS", {**encode.ENCODERS, newer: encode.ENCODERS[1]._replace(outcome=outcome)})
    monkeypatch.setattr(messages, "ENCODER_VERSION", newer)
    monkeypatch.setattr(rows, "ENCODER_VERSION", newer)
    first += await worker.drained(after)
    assert [one["data"].get("flavour") for one in said(first)] == [None, None, "new", "new", "new"]
    again = await worker.drained([*before, *after])
    assert sorted(bare(again), key=repr) == sorted(bare(first), key=repr)
    facts = facts_of(await connection.fetchval("SELECT facts FROM event WHERE subject = 'R'"))
    assert [version for version, _ in facts.outcomes] == [1, newer]
    await connection.execute("UPDATE batch SET worker = 0, published_at = NULL")
    worker._journal.sweep_at = 0.0
    swept = await worker.catch_up()
    assert swept is not None
    assert sorted(bare(swept.messages), key=repr) == sorted(bare(first), key=repr)
