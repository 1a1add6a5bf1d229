"""Rows of today have the bytes of the release that introduced their layout, and are read unchanged."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.registry import DOCUMENTS
from tests.stored import examples, golden
from worker.stored import account, entry, event, outcome, parked, returned, sale, tender, trace
from worker.stored.packing import pack, unpack
from worker.stored.rows import AccountRow, TenderRow

WRITTEN: dict[str, Callable[[], dict[str, bytes | None]]] = {
    "account_lots": lambda: {name: account.pack_lots(one) for name, one in examples.ACCOUNTS.items()},
    "account_earned": lambda: {name: account.pack_earned(one) for name, one in examples.ACCOUNTS.items()},
    "account_extra": lambda: {name: account.pack_extra(one) for name, one in examples.ACCOUNTS.items()},
    "sale": lambda: {name: sale.pack_sale(one) for name, one in examples.SALES.items()},
    "tender": lambda: {name: tender.pack_tender(one) for name, one in examples.TENDERS.items()},
    "entry": lambda: {name: entry.pack_entry(one) for name, one in examples.ENTRIES.items()},
    "return": lambda: {name: returned.pack_return(one) for name, one in examples.RETURNS.items()},
    "trace": lambda: {name: trace.pack_trace(one) for name, one in examples.TRACES.items()},
    "outcome": lambda: {
        name: pack(outcome.OutcomeV1.of(one, "S1", examples.NOW_US).members())
        for name, one in examples.OUTCOMES.items()
    },
    "event": lambda: {name: facts.pack(waits, told) for name, (facts, waits, told) in examples.EVENTS.items()},
    "parked": lambda: {name: parked.pack_parked(one) for name, one in examples.PARKED.items()},
}


@pytest.mark.parametrize("struct", WRITTEN)
def test_the_bytes_are_those_that_were_released(struct: str) -> None:
    """A layout that only an older release wrote has the release in its name, and is only read."""
    written = {name: value for name, value in golden.read(struct).items() if "@" not in name}
    assert golden.text(WRITTEN[struct]()) == golden.text(written)


@pytest.mark.parametrize("name", ["from_topic", "over_http", "over_http_traced", "deadline", "parked"])
def test_a_document_that_is_decided_first(name: str) -> None:
    facts, _, told = examples.EVENTS[name]
    record_us = facts.received_us + 1000 * facts.record_ms
    args = (told, facts.digest_version, facts.received_us, record_us, facts.source, facts.traceparent)
    assert event.pack_first(*args) == golden.read("event")[name]


def test_every_struct_has_its_file() -> None:
    assert {path.stem for path in golden.FOLDER.glob("*.txt")} == set(WRITTEN)


def _account(name: str) -> AccountRow:
    row = AccountRow.of(1, examples.ACCOUNTS[name])
    lots, earned, extra = (golden.read(f"account_{column}")[name] for column in ("lots", "earned", "extra"))
    return row._replace(lots=lots, earned=earned, extra=extra)


@pytest.mark.parametrize("name", examples.ACCOUNTS)
def test_an_account_is_read_as_it_was(name: str) -> None:
    row = _account(name)
    assert AccountRow.of(1, account.account_of(row._asdict())) == row


@pytest.mark.parametrize("name", examples.TENDERS)
def test_a_tender_is_read_as_it_was(name: str) -> None:
    row = TenderRow.of(1, examples.TENDERS[name])._replace(extra=golden.read("tender")[name] or b"")
    assert TenderRow.of(1, tender.tender_of(row._asdict())) == row


def _again(packed: Any, read: Callable[[bytes], bytes]) -> dict[str, bytes]:  # noqa: ANN401  bytes by name
    return {name: read(one) for name, one in packed.items()}


def test_the_rest_is_read_as_it_was() -> None:
    sales, entries, events, waiting = map(golden.read, ("sale", "entry", "event", "parked"))
    assert _again(sales, lambda one: sale.pack_sale(sale.sale_of("S1", one))) == sales
    assert _again(entries, lambda one: entry.pack_entry(entry.entry_of("crm.loyalty.earn", "X1", one))) == entries
    assert _again(waiting, lambda one: parked.pack_parked(parked.parked_of(one))) == waiting

    def repacked(one: bytes) -> bytes:
        facts = event.facts_of(one)
        return facts._replace(outcomes=facts.outcomes[:-1]).pack(facts.waits, facts.outcomes[-1])

    assert _again(events, repacked) == events


def test_a_return_is_read_as_it_was() -> None:
    for name, packed in golden.read("return").items():
        again = returned.return_of("R1", packed, "S1", final=False, rejected=False)
        again.trace = examples.RETURNS[name].trace
        assert returned.pack_return(again) == packed


def test_an_outcome_is_read_as_it_was() -> None:
    for name, packed in golden.read("outcome").items():
        assert pack(outcome.OutcomeV1.restore(unpack(packed or b"")).members()) == packed
        if "@" in name:
            continue
        expected = outcome.OutcomeV1.of(examples.OUTCOMES[name], "S1", examples.NOW_US)
        assert outcome.OutcomeV1.restore(unpack(packed or b"")) == expected


def test_a_trace_is_read_as_it_was() -> None:
    for name, packed in golden.read("trace").items():
        said, moves = trace.trace_of(packed or b"")
        expected = examples.TRACES[name]
        assert (said.lines, said.set_off, said.rated, said.currency) == (
            expected.lines, expected.set_off, expected.rated, expected.currency,
        )  # fmt: skip
        told = [(move.account.id, *move[1:]) for move in expected.moves if not all(one.plain for one in expected.moves)]
        assert [tuple(move) for move in moves] == told


def test_a_parked_document_is_read_as_it_was() -> None:
    doctype = DOCUMENTS["scm.return.completed"]
    for packed in golden.read("parked").values():
        document = parked.parked_of(packed or b"")
        assert pack(doctype.dump(doctype.restore(document.model))) == pack(document.model)
