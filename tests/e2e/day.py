"""One day of trade: every scenario published, drained phase by phase, and all that came back."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.structs import RecordMetadata

from tests.e2e.bad_input import cases
from tests.e2e.place import Place
from tests.e2e.process import running
from tests.e2e.wire import Headers, pairs, traced
from tests.kafka_io import Published, Reading, Record, document, parsed, publish
from tests.language.documents import Clock, Document, card_name, card_number
from tests.language.play import Played, play
from tests.language.scenario import Scenario

COMES_WITHIN_S = 20.0


@dataclass
class Day:
    """The published documents and, in `seen`, all messages of the worker in the order of each key."""

    played: list[Played]
    orders: list[Played]  # the permutations
    chance: list[Played]  # what nobody thought of
    seen: list[Published]
    log: str
    exit_codes: list[int]
    bad: dict[str, RecordMetadata]  # where each bad record lies
    stamped_ms: int  # timestamp of the bad records

    @cached_property
    def dead_letters(self) -> dict[tuple[str, str, str], list[Published]]:
        """By topic, partition and offset of what is dead."""
        letters: dict[tuple[str, str, str], list[Published]] = defaultdict(list)
        for one in self.seen:
            if one.record.topic.endswith("-dlt"):
                told = one.headers
                place = told["kafka_dlt-original-partition"], told["kafka_dlt-original-offset"]
                letters[(told["kafka_dlt-original-topic"], *place)].append(one)
        return letters

    @cached_property
    def by_org(self) -> dict[str, list[Published]]:
        """Outcomes and notices of each tenant."""
        found = defaultdict(list)
        for one in self.seen:
            if not one.record.topic.endswith("-dlt"):
                found[one.envelope["orgcode"]].append(one)
        return found


def record(topic: str, org: str, one: Document) -> Record:
    """A document of a scenario as a record; the tenant is the key, so that a scenario's documents keep their order."""
    stamped_ms = int(one.stamped.timestamp() * 1000)
    return document(topic, one.type, one.subject, one.data, orgcode=org, key=org, timestamp_ms=stamped_ms)


def live(place: Place, scenarios: list[Scenario], orders: list[Scenario], chance: list[Scenario]) -> Day:
    """Publishes and drains all phases; the scenarios take turns on the topics, for any topic takes any type (ENV5)."""
    base = datetime.now(UTC).replace(microsecond=0)
    played = [Played(scenario) for scenario in [*scenarios, *orders, *chance]]
    clocks = {one.scenario.org: Clock(base) for one in played}
    seen: list[Published] = []
    exit_codes: list[int] = []
    bad = asyncio.run(_publish_extras(place, int(base.timestamp() * 1000)))
    for phase in range(max(len(one.scenario.phases) for one in played)):
        records = []
        for number, one in enumerate(played):
            if phase < len(one.scenario.phases):
                topic = place.inputs[number % len(place.inputs)]
                org = one.scenario.org
                records += [record(topic, org, doc) for _, doc in play(one, phase, clocks[org])]
        asyncio.run(_publish(place, records))
        awaited = [
            (one.scenario.org, *until)
            for one in played
            if phase < len(one.scenario.phases) and (until := one.scenario.phases[phase].until)
        ]
        if awaited:
            with running(place.environment, place.log) as worker:
                asyncio.run(_wait_for(place, awaited))
            exit_codes.append(worker.returncode)
        exit_codes.append(place.drain())
        seen = asyncio.run(read(place))
        _learn_card_ids(seen, clocks)
    _share_out(seen, {one.scenario.org: one for one in played})
    by_kind = iter(played)
    return Day(
        played=list(islice(by_kind, len(scenarios))),
        orders=list(islice(by_kind, len(orders))),
        chance=list(by_kind),
        seen=seen,
        log=place.log.read_text(),
        exit_codes=exit_codes,
        bad=bad,
        stamped_ms=int(base.timestamp() * 1000),
    )


async def _publish_extras(place: Place, stamped_ms: int) -> dict[str, RecordMetadata]:
    """Bad input and documents written in two ways go before the scenarios: whatever they do, the partitions go on."""
    bad = cases()
    records = [Record(place.prefix + one.topic, one.value, one.key, one.headers, stamped_ms) for one in bad]
    where = await publish(place.bootstrap, records)
    sales, commands = place.inputs[0], place.inputs[-1]
    twice = [Record(sales, *_keyed(one.org, record)) for one in pairs() for record in (one.first, one.second)]
    await publish(place.bootstrap, [*twice, *(Record(commands, *_keyed(org, (v, h))) for org, v, h in traced())])
    return {one.name: there for one, there in zip(bad, where, strict=True)}


def _keyed(org: str, record: tuple[bytes, Headers]) -> tuple[bytes, bytes, Headers]:
    return record[0], org.encode(), record[1]


async def _publish(place: Place, records: Iterable[Record]) -> None:
    await publish(place.bootstrap, records)


class _Reading(Reading):
    """Dead letters hold what no parser likes, such as a value of brackets alone."""

    def _keep(self, fetched: Mapping[Any, Sequence[ConsumerRecord]]) -> None:
        for record in (record for records in fetched.values() for record in records):
            try:
                envelope = parsed(record).envelope
            except RecursionError:
                envelope = {}
            self.seen.append(Published(record, envelope if isinstance(envelope.get("data"), dict) else {}))


async def read(place: Place) -> list[Published]:
    """Return all messages of the worker so far, including dead letters, sorted by topic, partition, offset."""
    async with _Reading(place.bootstrap, place.outputs) as reading:
        seen = await reading.rest()
    return sorted(seen, key=lambda one: (one.record.topic, one.record.partition, one.record.offset))


async def _wait_for(place: Place, awaited: list[tuple[str, str, str]]) -> None:
    """Until every awaited notice or final outcome is there; what does not come is left to the scenario to tell."""

    def missing(seen: list[Published]) -> list[tuple[str, str, str]]:
        there = {(str(one.envelope.get("orgcode")), one.type, one.subject) for one in seen}
        final = {(org, subject) for org, _, subject in there_finally(seen)}
        return [
            (org, kind, subject)
            for org, kind, subject in awaited
            if not ((org, subject) in final if kind == "final" else any(_is(org, kind, subject, one) for one in there))
        ]

    async with _Reading(place.bootstrap, place.outputs) as reading:
        try:
            await reading.until(lambda seen: not missing(seen), COMES_WITHIN_S)
        except AssertionError:
            print("awaited in vain:", missing(reading.seen))  # noqa: T201 - beside the scenarios that fail for it


def there_finally(seen: list[Published]) -> set[tuple[str, str, str]]:
    """Tenant, type and subject of every document that has its final outcome."""
    final = [one for one in seen if one.data.get("status") not in ("parked", None)]
    return {(str(one.envelope.get("orgcode")), one.type, one.subject) for one in final}


def _is(org: str, kind: str, subject: str, there: tuple[str, str, str]) -> bool:
    return there[0] == org and there[1] == "crm." + kind and subject in ("*", there[2])


def _learn_card_ids(seen: list[Published], clocks: dict[str, Clock]) -> None:
    for one in seen:
        for card in one.data.get("gift_cards") or ():
            clock = clocks.get(one.envelope.get("orgcode", ""))
            if clock and card.get("last4"):
                clock.card_ids[card_number(card_name(card["last4"]))] = card["card_id"]


def _share_out(seen: list[Published], by_org: dict[str, Played]) -> None:
    for one in seen:
        item: dict[str, Any] = {"type": one.type, "subject": one.subject, "data": one.data}
        if "crm-reason" in one.headers:
            item["dead_letter"] = one.headers["crm-reason"]
        elif "crm-replayed" in one.headers:
            item["replayed"] = True
        played = by_org.get(str(one.envelope.get("orgcode")))
        if played:
            played.outcomes.append(item)
