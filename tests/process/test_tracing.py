"""A batch's span links to the sampled documents, and says nothing of any document."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from tests.kafka_io import document
from tests.ops.conftest import Record
from worker.codec import Decoder, Outlet
from worker.engine.pipeline import Pipeline
from worker.ledger.pool import Pool
from worker.process import tracing

SAMPLED, OTHER, NOT_SAMPLED = (f"00-{n * 32}-{n * 16}-{flags}" for n, flags in (("a", "01"), ("b", "03"), ("c", "00")))
NUMBER = "6001000000000001"


@pytest.fixture
def exported() -> Iterator[Any]:
    """The in-memory exporter, while spans go to it."""
    exporter = import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    stop = tracing.start("g3n-test", exporter)
    yield exporter
    stop()


def issued(number: int, traceparent: str | None) -> Record:
    data = {
        "command_id": f"K{number}", "occurred_at": "2026-03-01T12:00:00Z", "currency": "GBP", "amount_minor": 7_654_321,
        "gift_card": {"number": NUMBER},
    }  # fmt: skip
    sent = document("crm.commands", "crm.giftcard.issue", f"K{number}", data, key="secret-key")
    headers = [*sent.headers, *([] if traceparent is None else [("traceparent", traceparent.encode())])]
    return Record("crm.commands", number, 1_772_366_400_000, sent.value, sent.key, headers)


@pytest.fixture
async def pipeline(database: str) -> Any:  # noqa: ANN401  a generator of one
    decoder = Decoder((b"k" * 32,), frozenset(), 1 << 20)
    opened = Pipeline(await Pool.open(database), decoder, Outlet("outcomes", "tenders", "g"), ("crm.commands",), 7)
    yield opened
    await opened.close()


async def test_a_batch_is_a_span(pipeline: Pipeline, exported: Any) -> None:  # noqa: ANN401  as in the fixture
    parents = (SAMPLED, None, NOT_SAMPLED, "no traceparent", OTHER, SAMPLED)
    records = [issued(number, parent) for number, parent in enumerate(parents)]
    broken = Record("crm.commands", 99, 1_772_366_400_000, b"{", b"secret-key", [])
    applied = await pipeline.apply(pipeline.decode([*records, broken], 1_772_366_400_000_000), {})

    [span] = exported.get_finished_spans()
    assert span.name == "batch"
    assert dict(span.attributes) == {"g3n.documents": 6, "g3n.dead_letters": 1}
    assert [f"{link.context.trace_id:x}"[:1] for link in span.links] == ["a", "b"]
    assert not any(word in span.to_json() for word in ("K0", "secret-key", NUMBER, "7654321", "acme"))
    outcomes = [dict(message.headers).get("traceparent") for message in applied.messages if message.topic == "outcomes"]
    assert outcomes == [None if parent is None else parent.encode() for parent in parents]


def test_a_failed_batch_says_only_the_type_of_its_error(exported: Any) -> None:  # noqa: ANN401  as in the fixture
    with pytest.raises(ValueError, match="of acme"), tracing.batch([None], {"g3n.documents": 1}):
        raise ValueError("account 17 of acme")
    [span] = exported.get_finished_spans()
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "ValueError")
    assert (span.events, "acme" in span.to_json()) == ((), False)


def test_without_tracing_there_is_no_span(exported: Any) -> None:  # noqa: ANN401  as in the fixture
    tracing.start("g3n-test", exported)()
    with tracing.batch([SAMPLED.encode()], {}):
        pass
    assert exported.get_finished_spans() == ()
