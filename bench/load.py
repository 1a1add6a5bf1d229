"""The latency of tenders under a steady load: a mixed day at a share of one worker's capacity."""

import asyncio
import gc
from dataclasses import dataclass
from typing import Final

from bench import openloop, workload
from bench.arena import Arena, Settings, say
from bench.openloop import Waits
from bench.program import running
from worker.codec import Message

PARTS: Final = {0.1: None, 0.5: 50.0, 0.9: 250.0}
"""Parts of the capacity, and the p99 that each should not exceed, in ms (None: there is no target)."""
_SECONDS = 20
# Brokers need so long until they have compiled what they run for small requests: the p99 at half of the capacity was
# 275 ms in the first 15 s after a start, then 91 and 72 ms.
_WARM_UP_S = 20


@dataclass(frozen=True)
class Load:
    """The latencies of tenders at one rate of documents. `bound_ms` is the bound of the p99."""

    part: float
    documents_per_s: float
    tenders: int
    p50_ms: float
    p99_ms: float
    most_ms: float
    bound_ms: float | None


def measure(arena: Arena, capacity: float, customers: int) -> list[Load]:
    """`capacity`: documents that one worker drains in a second. Raises ProgramFailed, and WrongResult if a tender
    is not answered.
    """
    settings = arena.ledger("bench_load", "load", "load")
    with running(["worker", "worker", "run"], settings, arena.directory / "load.log", "ready"):
        return asyncio.run(_measure(settings, capacity, customers))


async def _measure(settings: Settings, capacity: float, customers: int) -> list[Load]:
    loads = []
    async with openloop.tills(settings) as tills:
        say("load: warming up …")
        await tills.play(_day(settings, int(capacity / 2 * _WARM_UP_S), customers, 0), capacity / 2)
        for number, (part, bound_ms) in enumerate(PARTS.items(), start=1):
            rate = part * capacity
            say(f"load: {rate:,.0f} documents a second …")
            waits = await tills.play(_day(settings, int(rate * _SECONDS), customers, number), rate)
            loads.append(_load(part, rate, waits, bound_ms))
    return loads


def _day(settings: Settings, documents: int, customers: int, number: int) -> list[Message]:
    """Make the documents beforehand. While they are due, there is no time for it, nor for a garbage collection that
    walks through all of them (100 ms).
    """
    made = list(workload.day(settings["G3N_TOPIC_PREFIX"], documents, customers, first=number * 10_000_000))
    gc.freeze()
    return made


def _load(part: float, rate: float, waits: Waits, bound_ms: float | None) -> Load:
    p50_ms, p99_ms, most_ms = (1000 * waits.quantile_s(quantile) for quantile in (0.5, 0.99, 1))
    return Load(part, rate, len(waits.due), p50_ms, p99_ms, most_ms, bound_ms)
