"""The worker dies at each step of a batch; a restart loses and doubles nothing (contract §1, §3)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.e2e import trade
from tests.e2e.day import read
from tests.e2e.place import Place, place
from tests.e2e.trade import Sent
from tests.kafka_io import Published, publish
from tests.stack import Servers

KILLED = 137
POINTS = ("after_read", "after_decode", "after_load", "after_write", "after_commit", "after_publish", "after_offsets")
# Where it dies, the first or the third time that it comes by.
DEATHS = [("after_read", 3), ("after_decode", 1), ("after_load", 3), ("after_write", 1), ("after_write", 3)]
DEATHS += [("after_commit", 1), ("after_commit", 3), ("after_publish", 1), ("after_publish", 3), ("after_offsets", 1)]
GROUPS = 40


@pytest.fixture(scope="module")
def made(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Small batches, so that a crash falls between them; a fixed member: the group does not wait for the dead one."""
    with place(stack, tmp_path_factory.mktemp("crash"), G3N_BATCH_DOCUMENTS="40", G3N_WORKER_INSTANCE="one") as one:
        rounds = [f"{point}-{count}" for point, count in DEATHS] + ["again"]
        cards = [trade.card(number, 0) for name in rounds for number in the_numbers(name)]
        publish_all(one, cards)
        assert one.drain() == 0
        yield one


def the_numbers(name: str) -> list[str]:
    return [f"{name}-{i}" for i in range(GROUPS)]


def documents(name: str) -> list[Sent]:
    """Returns that wait, requests, sales that capture and earn, customers who claim: every way to be decided."""
    sent = []
    for number in the_numbers(name):
        sent += [trade.return_(number, 0, 500, 300), trade.request(number, 0, 700), trade.sale(number, 0, 700)]
        sent += [trade.customer(number, 0)]
    return sent


def publish_all(made: Place, sent: list[Sent]) -> None:
    async def all_of_them() -> None:
        await publish(made.bootstrap, [one.record(made) for one in sent])

    asyncio.run(all_of_them())


def assert_nothing_lost_or_doubled(made: Place, name: str, sent: list[Sent]) -> None:
    """Every document has one final outcome, every id one text, every account what it should have."""
    numbers = the_numbers(name)
    publish_all(made, [trade.points_probe(n, 0) for n in numbers] + [trade.card_probe(n, 0) for n in numbers])
    assert made.drain() == 0
    seen = [one for one in asyncio.run(read(made)) if f"{name}-" in one.subject]
    assert trade.missing(sent, seen) == []
    assert [one for one in seen if one.record.topic.endswith("-dlt")] == []
    assert _said_otherwise(seen) == {}
    assert trade.probed_points(seen) == dict.fromkeys(numbers, 10)
    assert trade.probed_cards(seen) == dict.fromkeys(numbers, (trade.LOAD_MINOR - 400, 0))


def _said_otherwise(seen: list[Published]) -> dict[str, set[bytes]]:
    """Ids with two texts, and documents with two final outcomes."""
    texts: dict[str, set[bytes]] = defaultdict(set)
    for one in seen:
        texts[one.envelope["id"]].add(one.record.value or b"")
        if one.data["status"] != "parked" and one.type.startswith("crm.outcome."):
            texts[f"{one.type} {one.subject}"].add(one.record.value or b"")
    return {key: values for key, values in texts.items() if len(values) > 1}


@pytest.mark.parametrize(("point", "count"), DEATHS)
def test_a_crash_loses_and_doubles_nothing(made: Place, point: str, count: int) -> None:
    sent = documents(f"{point}-{count}")
    publish_all(made, sent)
    assert made.drain(G3N_FAULT=f"{point}:{count}") == KILLED
    assert made.drain() == 0
    assert_nothing_lost_or_doubled(made, f"{point}-{count}", sent)


def test_crash_after_crash_loses_and_doubles_nothing(made: Place) -> None:
    sent = documents("again")
    publish_all(made, sent)
    codes = [made.drain(G3N_FAULT=f"{point}:2") for point in reversed(POINTS)]
    assert set(codes) <= {KILLED, 0}
    assert codes[0] == KILLED
    assert made.drain() == 0
    assert_nothing_lost_or_doubled(made, "again", sent)
