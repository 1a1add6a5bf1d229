"""Two workers race documents that need each other: none may be left waiting, none may count twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.e2e import trade
from tests.e2e.day import read
from tests.e2e.place import Place, place
from tests.e2e.process import running
from tests.e2e.trade import Sent
from tests.kafka_io import Published, Reading, publish
from tests.stack import Servers

PAIRS = 1000
COMES_WITHIN_S = 150.0


@pytest.fixture(scope="module")
def arena(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(stack, tmp_path_factory.mktemp("race"), G3N_BATCH_DOCUMENTS="100", G3N_LINGER_MS="0") as made:
        yield made


def returns_and_sales(number: str) -> tuple[Sent, ...]:
    return trade.customer(number, 0), trade.sale(number, 0), trade.return_(number, 1, 500)


def claims_and_sales(number: str) -> tuple[Sent, ...]:
    return trade.sale(number, 0), trade.customer(number, 1)


def voids_and_requests(number: str) -> tuple[Sent, ...]:
    return trade.card(number, 0), trade.request(number, 0, 700), trade.tender_void(number, 1)


def captures_and_requests(number: str) -> tuple[Sent, ...]:
    return trade.card(number, 0), trade.capture(number, 1), trade.request(number, 0, 700)


def voids_and_sales(number: str) -> tuple[Sent, ...]:
    return trade.customer(number, 0), trade.sale(number, 0), trade.sale_void(number, 1)


def all_at_once(number: str) -> tuple[Sent, ...]:
    """A sale, its tender and a return that refunds it, on both partitions."""
    return (
        trade.customer(number, 1),
        trade.card(number, 0),
        trade.return_(number, 1, 500, 300),
        trade.sale(number, 0, 700),
        trade.request(number, 1, 700),
    )


def every_pair() -> tuple[list[Sent], list[Sent]]:
    """The documents that cards have to be there for, and the racers, in the order they are published."""
    first, racers = [], []
    kinds = (
        returns_and_sales,
        claims_and_sales,
        voids_and_requests,
        captures_and_requests,
        voids_and_sales,
        all_at_once,
    )
    for number in range(PAIRS):
        for kind in kinds:
            documents = kind(f"{kind.__name__}-{number}")
            first += [one for one in documents if one.kind == "crm.giftcard.issue"]
            racers += [one for one in documents if one.kind != "crm.giftcard.issue"]
    return first, racers


@pytest.fixture(scope="module")
def raced(arena: Place) -> tuple[list[Sent], list[Published]]:
    """The racers, and all that came back of them and of the probes after them."""
    first, racers = every_pair()
    asyncio.run(_publish(arena, first))
    arena.drain()
    with running(arena.environment, arena.log) as one, running(arena.environment, arena.log) as other:
        asyncio.run(_race(arena, racers))
    assert (one.returncode, other.returncode) == (0, 0), arena.log.read_text()[-4000:]
    numbers = {document.subject[1:] for document in racers if document.kind == "scm.sale.completed"}
    probes = [trade.points_probe(number, 0) for number in numbers]
    probes += [trade.card_probe(document.subject.removeprefix("issue-"), 0) for document in first]
    asyncio.run(_publish(arena, probes))
    arena.drain()
    return racers, asyncio.run(read(arena))


async def _publish(arena: Place, documents: list[Sent]) -> None:
    await publish(arena.bootstrap, [one.record(arena) for one in documents])


async def _race(arena: Place, racers: list[Sent]) -> None:
    """Published while both workers read, until every racer has its final outcome."""
    async with Reading(arena.bootstrap, arena.outputs) as reading:
        await _publish(arena, racers)
        wanted = Counter(one.kind for one in racers).total()

        def all_there(seen: list[Published]) -> bool:
            return len(seen) >= wanted and not trade.missing(racers, seen)

        with suppress(AssertionError):  # the tests say what is missing
            await reading.until(all_there, COMES_WITHIN_S)


def test_nothing_is_left_waiting(raced: tuple[list[Sent], list[Published]]) -> None:
    racers, seen = raced
    assert trade.missing(racers, seen) == []
    assert [one for one in seen if one.record.topic.endswith("-dlt")] == []


def test_nothing_has_two_final_outcomes(raced: tuple[list[Sent], list[Published]]) -> None:
    _, seen = raced
    final = Counter(
        (one.type, one.subject)
        for one in seen
        if one.type.startswith("crm.outcome.") and one.data["status"] != "parked"
    )
    assert [key for key, count in final.items() if count > 1] == []


def test_every_account_has_what_it_should(raced: tuple[list[Sent], list[Published]]) -> None:
    _, seen = raced
    kept = {"returns_and_sales": 10, "claims_and_sales": trade.EARNED, "voids_and_sales": 0, "all_at_once": 10}
    points = trade.probed_points(seen)
    wrong = {number: balance for number, balance in points.items() if balance != kept[number.rpartition("-")[0]]}
    assert wrong == {}
    assert len(points) == PAIRS * len(kept)
    left = {
        "voids_and_requests": trade.LOAD_MINOR,
        "captures_and_requests": trade.LOAD_MINOR - 700,
        "all_at_once": trade.LOAD_MINOR - 400,
    }
    cards = trade.probed_cards(seen)
    assert {number: shown for number, shown in cards.items() if shown != (left[number.rpartition("-")[0]], 0)} == {}
    assert len(cards) == PAIRS * len(left)


def test_both_workers_took_part(arena: Place, raced: tuple[list[Sent], list[Published]]) -> None:
    """Else nothing raced: parked returns and unclaimed points show that either came first."""
    _, seen = raced
    parked = [one for one in seen if one.data.get("status") == "parked"]
    assert len(parked) > PAIRS // 100, arena.log.read_text()[-2000:]
