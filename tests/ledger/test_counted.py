"""Metrics of a batch for the people who run the programme: missing amounts and late documents."""

from datetime import UTC, datetime

import pytest

from tests.language.documents import Clock, build
from tests.language.words import words
from tests.ledger.conftest import NOW_US, Worker, record
from worker.process.metrics import MISSING, REGISTRY

NOW = datetime.fromtimestamp(NOW_US // 1_000_000, UTC)
AMOUNTS = ("points_deficit", "card_deficit", "shortfall")


@pytest.fixture(autouse=True)
def _from_zero() -> None:
    """Another test of this process may have counted an amount beside which a few points are lost: it is a float."""
    for what in AMOUNTS:
        MISSING.labels(what).reset()


def counted() -> dict[str, float]:
    """The metrics of this process, by name and label."""
    missing = {what: ("g3n_missing_total", {"what": what}) for what in AMOUNTS}
    late = {f"late {le}": ("g3n_late_days_bucket", {"le": le}) for le in ("2.0", "3.0", "+Inf")}
    return {name: REGISTRY.get_sample_value(*sample) or 0 for name, sample in (missing | late).items()}


async def added_by(worker: Worker, *texts: str) -> dict[str, float]:
    """Return the increase of the metrics by these documents, a batch each."""
    clock, before = Clock(NOW), counted()
    for text in texts:
        document = build(words(text, clock.base), clock)
        sent = record(document.type, document.data)
        sent.timestamp = int(document.stamped.timestamp()) * 1000
        await worker.read([sent])
        await worker.rest()
    return {name: value - before[name] for name, value in counted().items() if value != before[name]}


async def test_spent_amounts_that_were_taken_back_are_counted(worker: Worker) -> None:
    await added_by(worker, "customer C", "sale S1 C 1:1000", "redeem K1 C 10", "sale S2 - 1:500>G", "spend K2 G 200")
    assert await added_by(worker, "return R1 S1 C 1:400") == {"points_deficit": 4}
    assert await added_by(worker, "void S2") == {"card_deficit": 200}
    assert await added_by(worker, "return R1 S1 C 1:400") == {}  # a duplicate
    await added_by(worker, 'policy {"negative_balance": "within_balance"}', "sale S3 C 1:1000", "redeem K3 C 6")
    assert await added_by(worker, "void S3") == {"shortfall": 10}


async def test_documents_that_came_more_than_a_day_late(worker: Worker) -> None:
    assert await added_by(worker, "sale S1 - 1:100 @-1d", "sale S2 - 1:100 @-23h") == {}
    assert await added_by(worker, "sale S3 - 1:100 @-36h") == {"late 2.0": 1, "late 3.0": 1, "late +Inf": 1}
    assert await added_by(worker, "sale S4 - 1:100 @-60h") == {"late 3.0": 1, "late +Inf": 1}
    # one that waits is counted when it comes, not again when it goes on
    assert await added_by(worker, "return R1 S5 - 1:100 @-900d") == {"late +Inf": 1}
    assert await added_by(worker, "sale S5 - 1:100") == {}
