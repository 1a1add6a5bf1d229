"""What must hold after any fault. Each check gives a line for each violation."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress

from tests.e2e import trade
from tests.e2e.day import read
from tests.faults.traffic import Traffic, publish
from tests.faults.world import World, caught_up
from tests.kafka_io import Published

KEPT_POINTS = 10
KEPT_MINOR = trade.LOAD_MINOR - 400
SWEPT_WITHIN_S = 20
UNPUBLISHED = "SELECT count(*) FROM batch WHERE published_at IS NULL"


async def violations(world: World, traffic: Traffic) -> list[str]:
    """Probe every account of the round, then compare what the topics and the ledger hold with what they should."""
    place = world.place
    await publish(place, [one.record(place) for one in traffic.probes()])
    await caught_up(world)
    seen = await read(place)
    mine = [one for one in seen if f"{traffic.name}-" in one.subject]
    return [
        *(f"lost: {document}" for document in trade.missing(traffic.sent, mine)),
        *_two_texts(mine),
        *_dead_letters(traffic, seen),
        *_accounts(traffic, mine),
        *await _ledger(world),
    ]


def _two_texts(seen: list[Published]) -> list[str]:
    """An id has one text, and a document one final outcome."""
    texts: dict[str, set[bytes]] = defaultdict(set)
    for one in seen:
        texts[one.envelope["id"]].add(one.record.value or b"")
        if one.type.startswith("crm.outcome.") and one.data["status"] != "parked":
            texts[f"{one.type} {one.subject}"].add(one.record.value or b"")
    return [f"two texts: {key}" for key, values in texts.items() if len(values) > 1]


def _dead_letters(traffic: Traffic, seen: list[Published]) -> list[str]:
    """The round's poison and conflicts have one source position each, and nothing else is a dead letter."""
    letters: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in seen:
        told = one.headers
        if "crm-reason" in told and (told.get("round") == traffic.name or f"{traffic.name}-" in one.subject):
            at = told["kafka_dlt-original-partition"], told["kafka_dlt-original-offset"]
            letters[told["crm-reason"]].add((told["kafka_dlt-original-topic"], ":".join(at)))
    found = Counter({reason: len(places) for reason, places in letters.items()})
    # A publisher that repeats what may not have arrived can put one record on the topic twice.
    return [
        f"dead letters: {found[reason]} {reason}, at least {least} expected"
        for reason, least in traffic.dead_letters.items()
        if found[reason] < least
    ] + [
        f"dead letters: {found[reason]} {reason}, none expected"
        for reason in found.keys() - traffic.dead_letters.keys()
    ]


def _accounts(traffic: Traffic, seen: list[Published]) -> list[str]:
    """Every account of the round has exactly what its documents leave, and holds nothing."""
    points, cards = trade.probed_points(seen), trade.probed_cards(seen)
    return [
        *(f"points of {n}: {points.get(n)}" for n in traffic.numbers if points.get(n) != KEPT_POINTS),
        *(f"card of {n}: {cards.get(n)}" for n in traffic.numbers if cards.get(n) != (KEPT_MINOR, 0)),
    ]


async def _ledger(world: World) -> list[str]:
    """Each balance is the sum of its transfers, nothing waits, and nothing is left to be published."""
    async with world.database() as connection:
        rows = await connection.fetch("SELECT org, key, balance, booked FROM imbalance")
        waiting = await connection.fetchval("SELECT count(*) FROM parked")
        # A worker notes a little later what it has published, and the sweep looks every second.
        with suppress(TimeoutError):
            async with asyncio.timeout(SWEPT_WITHIN_S):
                while unpublished := await connection.fetchval(UNPUBLISHED):  # noqa: ASYNC110 - nothing tells us
                    await asyncio.sleep(0.1)
    found = [f"balance {row['balance']} of {row['key']}, its transfers say {row['booked']}" for row in rows]
    found += [f"{waiting} documents still wait"] if waiting else []
    return found + ([f"{unpublished} batches are not published"] if unpublished else [])
