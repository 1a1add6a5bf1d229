"""On the topics, guesses of cards are limited by source (contract SAFE1)."""

import pytest
from structlog.testing import capture_logs

from tests.codec.records import Record
from tests.ledger.conftest import NOW_US, Worker, record, said
from tests.ledger.documents import AT, CARD, command
from worker.codec import Document
from worker.engine.sources import Sources

MISSES = 3


def redeem(
    command_id: str, number: str = "6006-0017", source: str = "/till", ms: int = 0, pin: str | None = None
) -> Record:
    data = {"command_id": command_id, "occurred_at": AT, "gift_card": {"number": number, "pin": pin},
            "amount_minor": 1, "currency": "GBP"}  # fmt: skip
    made = record("crm.giftcard.redeem", data, source=source)
    made.timestamp += ms
    return made


@pytest.fixture
async def strict(worker: Worker) -> Worker:
    worker._decider._sources = Sources(MISSES)
    await worker.read([command("giftcard.issue", "I", **CARD)])
    return worker


async def results(worker: Worker, *records: Record) -> list[str]:
    told = said((await worker.read(records, NOW_US + 10**9)).messages)
    return [one["data"].get("reason", one["data"]["status"]) for one in told]


async def test_a_source_that_guesses_too_much_has_no_card_accepted(strict: Worker) -> None:
    guesses = [redeem(str(n), "9999-9999") for n in range(MISSES)]
    with capture_logs() as logs:
        assert await results(strict, *guesses[:2], redeem("a")) == ["card_not_accepted"] * 2 + ["applied"]
        assert await results(strict, guesses[2], redeem("b")) == ["card_not_accepted"] * 2
    assert [one["source"] for one in logs if one["event"] == "source_guesses_cards"] == ["/till"]
    assert await results(strict, redeem("c", source="/other")) == ["applied"]
    assert await results(strict, redeem("d", ms=60_000)) == ["applied"]


async def test_of_a_source_over_its_limit_no_pin_is_tried(strict: Worker) -> None:
    """Nor counted: it can't freeze a card either."""
    pinned = {"gift_card": {"number": "7007-0017"}, "amount_minor": 500, "currency": "GBP", "pin": "4711"}
    await strict.read([command("giftcard.issue", "J", **pinned)])
    await results(strict, *(redeem(str(n), "9999-9999") for n in range(MISSES)))
    wrong = [redeem(f"w{n}", "7007-0017", pin="0000") for n in range(9)]
    assert await results(strict, *wrong) == ["card_not_accepted"] * 9
    assert await results(strict, redeem("z", "7007-0017", pin="4711", source="/other")) == ["applied"]


async def test_without_a_limit_nothing_is_kept(worker: Worker) -> None:
    await results(worker, *(redeem(str(n), "9999-9999") for n in range(9)))
    assert not worker._decider._sources._buckets


async def test_documents_of_interfaces_are_not_counted(strict: Worker) -> None:
    """Read back from crm.accepted, it is decided as it was at the interface."""
    batch = strict.decode([*(redeem(str(n), "9999-9999") for n in range(MISSES + 1)), redeem("a")], NOW_US)
    for document in batch.items:
        assert isinstance(document, Document)
        document.stored = True
    told = said((await strict.apply(batch, {})).messages)
    assert [one["data"]["status"] for one in told] == ["rejected"] * (MISSES + 1) + ["applied"]
