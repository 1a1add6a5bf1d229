"""The same documents read by two workers at once, and all of them once more: one effect a document (contract §1)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from tests.e2e import trade
from tests.e2e.day import read
from tests.e2e.place import Place, place
from tests.e2e.process import run
from tests.e2e.trade import Sent
from tests.kafka_io import Published, publish
from tests.stack import Servers

GROUPS = 150
NUMBERS = [f"{i}" for i in range(GROUPS)]


@dataclass
class History:
    """The messages that two workers published together, and those after one of them had read everything once more."""

    sent: list[Sent]
    first: list[Published]
    once_more: list[Published]


@pytest.fixture(scope="module")
def history(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    folder = tmp_path_factory.mktemp("replay")
    with place(stack, folder, G3N_ORGCODES=trade.ORG, G3N_BATCH_DOCUMENTS="50") as made:
        cards = [trade.card(number, 0) for number in NUMBERS]
        sent = [
            one
            for number in NUMBERS
            for one in (
                trade.return_(number, 0, 500, 300),
                trade.request(number, 0, 700),
                trade.sale(number, 0, 700),
                trade.customer(number, 0),
            )
        ]
        _publish(made, cards)
        assert made.drain() == 0
        _publish(made, sent)
        asyncio.run(publish(made.bootstrap, [trade.customer("stranger", 0).record(made, org="stranger")]))
        _publish_elsewhere(made, sent)
        with ThreadPoolExecutor() as both:
            codes = list(both.map(lambda _: run(made.environment, made.log, "drain"), range(2)))
        assert codes == [0, 0]
        _publish(made, [trade.points_probe(n, 0) for n in NUMBERS] + [trade.card_probe(n, 0) for n in NUMBERS])
        assert made.drain() == 0
        first = asyncio.run(read(made))
        archivist = {"G3N_CONSUMER_GROUP": made.prefix + "archivist"}
        settings = {**made.environment, **archivist}
        assert run(settings, made.log, "adopt", "settings", "--reason", "reads everything again") == 0
        assert made.drain(**archivist) == 0
        yield History(sent, first, asyncio.run(read(made)))


def _publish(made: Place, sent: list[Sent]) -> None:
    asyncio.run(publish(made.bootstrap, [one.record(made) for one in sent]))


def _publish_elsewhere(made: Place, sent: list[Sent]) -> None:
    """The same documents under other keys: two workers meet them at once, each in another partition."""
    records = [replace(one.record(made), key=f"again-{number}".encode()) for number, one in enumerate(sent)]
    asyncio.run(publish(made.bootstrap, records))


def outcomes(seen: list[Published]) -> list[Published]:
    return [one for one in seen if not one.record.topic.endswith("-dlt")]


def test_two_workers_on_the_same_documents_have_one_effect(history: History) -> None:
    assert trade.missing(history.sent, history.first) == []
    assert trade.probed_points(history.first) == dict.fromkeys(NUMBERS, 10)
    assert trade.probed_cards(history.first) == dict.fromkeys(NUMBERS, (trade.LOAD_MINOR - 400, 0))


def test_one_id_says_one_thing_whoever_publishes_it(history: History) -> None:
    texts: dict[str, set[bytes | None]] = defaultdict(set)
    for one in outcomes(history.once_more):
        texts[one.envelope["id"]].add(one.record.value)
    assert [key for key, values in texts.items() if len(values) > 1] == []


def test_a_replay_of_everything_decides_nothing_anew(history: History) -> None:
    known = {one.envelope["id"] for one in outcomes(history.first)}
    assert {one.envelope["id"] for one in outcomes(history.once_more)} == known
    replayed = {one.envelope["id"] for one in outcomes(history.once_more) if "crm-replayed" in one.headers}
    assert replayed == known, {one.type for one in history.once_more if one.envelope.get("id") in replayed ^ known}


def test_a_tenant_that_is_not_served_is_dead_lettered(history: History) -> None:
    letters = [one for one in history.once_more if one.record.topic.endswith("-dlt")]
    assert {one.headers["crm-reason"] for one in letters} == {"unknown_org"}
    assert {one.headers["kafka_dlt-original-topic"].rpartition("-")[2] for one in letters} == {"crm.commands"}
    assert len(letters) == 2, "a dead letter from each of the two groups that read it"
