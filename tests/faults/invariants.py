"""Invariants after any fault. Each check gives a line for each violation."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.e2e import trade
from tests.e2e.day import read
from tests.faults.traffic import Traffic, publish
from tests.faults.world import World, caught_up, until
from tests.kafka_io import Published

SWEPT_WITHIN_S = 20
UNPUBLISHED = "SELECT count(*) FROM batch WHERE published_at IS NULL"
ALL_PUBLISHED = f"SELECT NOT EXISTS ({UNPUBLISHED.replace('count(*)', '')})"
DIFFERENT = "SELECT org, key, balance, booked FROM imbalance"


@dataclass
class Violations:
    """Lines for a person."""

    lost: list[str] = field(default_factory=list)  # documents without an outcome, poison without a dead letter
    doubled: list[str] = field(default_factory=list)  # two final outcomes, two texts of one id
    unaccounted: list[str] = field(default_factory=list)  # money, points, offsets, or nobody was told

    def __iter__(self) -> Iterator[str]:
        yield from (f"lost: {line}" for line in self.lost)
        yield from (f"doubled: {line}" for line in self.doubled)
        yield from (f"unaccounted: {line}" for line in self.unaccounted)


async def violations(world: World, tells: str, may_tell: Collection[str], logged: int) -> Violations:
    """Probe every account of the round, then compare what the topics and the ledger hold with what they should.

    `tells`: an event that the workers must have logged after the first `logged` bytes of their log. `may_tell`: other
    alerts that they may have logged.
    """
    await publish(world.place, [one.record(world.place) for one in world.traffic.probes()])
    await caught_up(world)
    left = await _ledger(world)
    found = compared(world.traffic, world.saved + await read(world.place), world.forgotten, world.answers)
    found.lost += await _not_in_ledger(world)
    found.unaccounted += left + world.wrong
    entries = _logged(world, logged)
    if tells and all(entry["event"] != tells for entry in entries):
        found.unaccounted.append(f"no worker logged {tells}")
    found.unaccounted += alerts(world, logged, (tells, *may_tell))
    return found


def alerts(world: World, logged: int, explained: Collection[str] = ()) -> list[str]:
    """Return a line for each kind of alert after the first `logged` bytes of the workers' log."""
    events = {str(entry["event"]) for entry in _logged(world, logged) if entry.get("alert")}
    return [f"an alert that nothing explains: {event}" for event in sorted(events.difference(explained))]


def compared(
    traffic: Traffic,
    seen: Sequence[Published],
    forgotten: Collection[tuple[str, int, int]] = (),
    answers: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
) -> Violations:
    """Compare what was published with what the traffic asked for.

    `forgotten`: places of what the ledger no longer knows. `answers`: those of the API, by the document's subject.
    """
    found = Violations()
    mine = [one for one in seen if f"{traffic.name}-" in one.subject]
    found.lost += trade.missing([*traffic.before(), *traffic.sent], mine)
    found.doubled += _two_texts([one for one in mine if one.at not in forgotten])
    _dead_letters(traffic, seen, found)
    _answers(answers, mine, found)
    found.unaccounted += traffic.wrong(mine)
    return found


def _two_texts(seen: Sequence[Published]) -> list[str]:
    """An id has one text, and a document one final outcome."""
    texts: dict[str, set[bytes]] = defaultdict(set)
    for one in seen:
        texts[one.envelope["id"]].add(one.record.value or b"")
        if one.type.startswith("crm.outcome.") and one.data["status"] != "parked":
            texts[f"{one.type} {one.subject}"].add(one.record.value or b"")
    return [key for key, values in texts.items() if len(values) > 1]


def _dead_letters(traffic: Traffic, seen: Sequence[Published], found: Violations) -> None:
    """The round's poison and conflicts have one source position each, and nothing else is a dead letter."""
    letters: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in seen:
        told = one.headers
        if "crm-reason" in told and (told.get("round") == traffic.name or f"{traffic.name}-" in one.subject):
            at = told["kafka_dlt-original-partition"], told["kafka_dlt-original-offset"]
            letters[told["crm-reason"]].add((told["kafka_dlt-original-topic"], ":".join(at)))
    counts = Counter({reason: len(places) for reason, places in letters.items()})
    # A publisher that repeats what may not have arrived can put one record on the topic twice.
    for reason, least in traffic.dead_letters.items():
        if counts[reason] < least:
            found.lost.append(f"{least - counts[reason]} of {least} dead letters, {reason}")
    for reason in counts.keys() - traffic.dead_letters.keys():
        found.unaccounted.append(f"{counts[reason]} dead letters, {reason}: none expected")


def _answers(answers: Mapping[str, Mapping[str, object]], seen: Sequence[Published], found: Violations) -> None:
    """The API's answers equal the published outcomes."""
    told = {one.subject: one.data for one in seen if one.type.startswith("crm.outcome.")}
    for subject, answer in answers.items():
        if subject not in told:
            found.lost.append(f"{subject}, which was answered")
        elif told[subject] != answer:
            found.doubled.append(f"{subject} was answered {answer}, and published as {told[subject]}")


async def _not_in_ledger(world: World) -> list[str]:
    """Documents whose outcomes may have been published, and of which the ledger knows nothing."""
    async with world.database() as connection:
        rows = await connection.fetch("SELECT subject FROM event WHERE position($1 in subject) > 0", world.traffic.name)
    known = {row["subject"] for row in rows}
    sent = [*world.traffic.before(), *world.traffic.sent]
    return [f"{one.kind} {one.subject}, from the ledger" for one in sent if one.subject not in known]


async def _ledger(world: World) -> list[str]:
    """Each balance is the sum of its transfers, nothing waits, and soon nothing is left to be published."""
    async with world.database() as connection:
        rows = await connection.fetch(DIFFERENT)
        waiting = await connection.fetchval("SELECT count(*) FROM parked")
        # A worker notes a little later what it has published, and the sweep looks every second.
        with suppress(TimeoutError):
            await until(lambda: connection.fetchval(ALL_PUBLISHED), SWEPT_WITHIN_S)
        unpublished = await connection.fetchval(UNPUBLISHED)
    found = [f"balance {row['balance']} of {row['key']}, its transfers say {row['booked']}" for row in rows]
    found += [f"{waiting} documents still wait"] if waiting else []
    return found + ([f"{unpublished} batches are not published"] if unpublished else [])


def _logged(world: World, after: int) -> list[dict[str, object]]:
    lines = world.place.log.read_bytes()[after:].splitlines()
    return [json.loads(line) for line in lines if line.startswith(b"{")]
