"""The scenarios of tests/e2e, in memory: what they say of the whole worker is what the decisions alone say."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from tests.codec.records import Record, envelope
from tests.domain.invariants import check
from tests.domain.room import KEY, ORG, Data, Room
from tests.domain.stage import microseconds
from tests.language.corpus import read_all
from tests.language.documents import Clock, Document, card_name, card_number
from tests.language.judge import judge
from tests.language.play import Played, play
from tests.language.scenario import Scenario
from worker.codec import Decoder, Undecodable

DECODER = Decoder((KEY,), frozenset({ORG}), 1 << 20)


def _in_memory(scenario: Scenario) -> bool:
    """Not those about what only Postgres refuses."""
    return not any("refused_by_database" in step.text for phase in scenario.phases for step in phase.steps)


IN_MEMORY = [scenario for scenario in read_all() if _in_memory(scenario)]


@pytest.mark.parametrize("scenario", IN_MEMORY, ids=lambda scenario: scenario.name)
def test_the_domain_decides_as_the_scenario_says(scenario: Scenario) -> None:
    assert judge(lived(scenario)) == []


def lived(scenario: Scenario) -> Played:
    """The scenario in a room of its own; what becomes ready goes on before the next document, deadlines at the end."""
    clock = Clock(datetime(2026, 6, 15, 12, tzinfo=UTC))
    room, played, now = Room(), Played(scenario), clock.base
    for number, phase in enumerate(scenario.phases):
        for _, document in play(played, number, clock):
            told = [*_read(room, document, now), *room.work(microseconds(now), deadlines_too=False)]
            _seen(played, clock, told)
            check(room)
        if phase.until:
            now += timedelta(days=1)
        _seen(played, clock, list(room.work(microseconds(now))))
        check(room)
    return played


def _read(room: Room, document: Document, now: datetime) -> list[Data]:
    value = orjson.dumps(envelope(document.type, document.subject, document.data))
    stamped_ms = microseconds(document.stamped) // 1000
    decoded = DECODER.decode(Record(value, timestamp=stamped_ms), microseconds(now))
    if isinstance(decoded, Undecodable):
        return [{"dead_letter": decoded.reason.value, "type": document.type, "subject": document.subject}]
    return room.read(decoded, microseconds(now))


def _seen(played: Played, clock: Clock, told: list[Data]) -> None:
    for item in told:
        for card in item.get("data", {}).get("gift_cards", ()):
            if (name := card_name(card.get("last4"))) != "?":
                clock.card_ids[card_number(name)] = card["card_id"]
        item.get("data", {}).get("lines", []).sort(key=lambda line: line["line_id"])
    played.outcomes += told
