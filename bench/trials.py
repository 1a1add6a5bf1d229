"""The latency of a till while something goes wrong: `python -m bench limits`.

In each trial, tills ask for tenders at a fixed rate, whether or not they are answered, while a worker is killed, a
backlog is read, or another tenant floods the topic. The latencies are compared with a bound.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bench import meter, operators, workload
from bench.arena import say
from bench.filling import copy
from bench.ground import LOOK_EVERY_S, Finding, Ground
from bench.shop import ORGCODE, SEED, Shop, Sold, customer
from worker.codec import Message

OTHER: Final = "other"
_PAUSE_S = 5.0
_WORKERS = 6
_LOAD_RATE = 300
_HOLDS_MADE = 100_000
_COPY_S = 5
_MEBIBYTE = 1 << 20
_PARKED_LINES = 400

HOLDS: Final = "SELECT count(*) FROM timer WHERE kind = 'hold' AND key LIKE 'due-%'"
LATEST_DUE: Final = "SELECT max(due_us) FROM timer WHERE kind = 'hold'"
DECIDED: Final = (
    "SELECT count(*) FROM event WHERE digest IS NOT NULL AND type = $1 AND org = (SELECT id FROM org WHERE code = $2)"
)
SUBJECTS: Final = "SELECT count(*) FROM event WHERE digest IS NOT NULL AND subject = ANY($1)"
PARKED: Final = "SELECT count(*) FROM parked"
SALE, TENDER, ISSUE = 1, 4, 21
"""Numbers of document types."""


async def killed(ground: Ground) -> list[Finding]:
    """One of two workers is killed with kill -9. The other one answers."""
    async with ground.worker(1) as one, ground.worker(2), ground.tills() as tills:

        async def kill() -> None:
            await asyncio.sleep(_PAUSE_S)
            one.kill()
            await asyncio.sleep(2 * _PAUSE_S)

        waits = await ground.asking(tills, kill())
    return [Finding("longest wait of a tender", 1000 * waits.quantile_s(1), 3000, note=str(waits))]


async def deadlines(ground: Ground) -> list[Finding]:
    """Holds that have all expired when the worker starts. Beyond 100,000 they are copies, of further tenants."""
    made = min(ground.size, _HOLDS_MADE)
    copies = round(ground.size / made) - 1
    hold_s, shop = 20 + made // 2_000 + _COPY_S * copies, Shop(ground.prefix)
    async with ground.worker():
        await ground.publish(
            shop.tender(f"due-{number}", number % workload.CARDS, hold_s=hold_s) for number in range(made)
        )
        say(f"  holds made in {await ground.counted(HOLDS, made):.0f} s")
    await copy(ground.settings["G3N_POSTGRES_DSN"], ORGCODE, copies)
    rest_s = max(0.0, await ground.number(LATEST_DUE) / 1e6 - time.time())
    say(f"  copied {copies} times; waiting {rest_s:.0f} s until they run out")
    await asyncio.sleep(rest_s)
    async with ground.worker(), ground.tills() as tills:
        releasing = asyncio.create_task(ground.counted(HOLDS, 0))
        waits = await ground.asking(tills, asyncio.shield(releasing))
    return [
        Finding(f"{ground.size:,} holds released", await releasing, 15 * ground.size / 100_000, "s"),
        Finding("p99 of a tender meanwhile", 1000 * waits.quantile_s(0.99), 150, note=str(waits)),
    ]


async def backlog(ground: Ground) -> list[Finding]:
    """Sales that are unread when the worker starts. Its memory and its open files do not grow while it reads them."""
    await ground.publish(workload.sales(ground.prefix, ground.size, ground.customers))
    async with ground.worker() as program:
        reading = asyncio.create_task(ground.counted(DECIDED, ground.size, SALE, ORGCODE))
        watching = asyncio.create_task(_watched(program.pid, reading))
        async with ground.tills() as tills:
            waits = await ground.asking(tills, asyncio.shield(reading))
        held = await watching
    early, late = held[len(held) // 10], held[len(held) // 2 :]
    growth = max(one.rss_mib for one in late) / early.rss_mib
    return [
        Finding("p99 of a tender", 1000 * waits.quantile_s(0.99), 250, note=str(waits)),
        Finding("sales a second meanwhile", ground.size / await reading, unit="/s"),
        Finding("memory: greatest ÷ at a tenth", growth, 1.25, "×", f"{early.rss_mib:.0f} MiB at a tenth"),
        Finding("open files: more than at a tenth", max(one.files for one in late) - early.files, 4, ""),
    ]


async def _watched(pid: int, task: "asyncio.Task[float]") -> list[meter.Held]:
    held = [meter.held(pid)]
    while not task.done():
        await asyncio.sleep(LOOK_EVERY_S)
        held.append(meter.held(pid))
    return held


async def flood(ground: Ground) -> list[Finding]:
    """Another tenant requests `size` tenders at once, on many gift cards."""
    return await _flooded(ground, lambda shop, number: shop.tender(f"F{number}", number % workload.CARDS))


async def hot_card(ground: Ground) -> list[Finding]:
    """The same on one gift card."""
    return await _flooded(ground, lambda shop, number: shop.tender(f"F{number}", workload.HOT))


async def poison(ground: Ground) -> list[Finding]:
    """`size` records that are not documents, among the tenders."""

    def make(shop: Shop, number: int) -> Message:
        return Message(shop.topic("scm.tenders"), b"%d" % number, b"\xff not JSON")

    return await _flooded(ground, make, documents=False)


async def _flooded(ground: Ground, make: Callable[[Shop, int], Message], *, documents: bool = True) -> list[Finding]:
    shop = Shop(ground.prefix, orgcode=OTHER)
    async with ground.worker(), ground.tills() as tills:
        await ground.publish(shop.issue(number, workload.CARD_MINOR) for number in range(workload.CARDS))
        await ground.counted(DECIDED, workload.CARDS, ISSUE, OTHER)

        async def flooding() -> None:
            took_s = await ground.publish(make(shop, number) for number in range(ground.size))
            say(f"  {ground.size:,} records published in {took_s:.1f} s")
            if documents:
                say(f"  and decided {await ground.counted(DECIDED, ground.size, TENDER, OTHER):.1f} s later")

        waits = await ground.asking(tills, flooding())
    return [Finding("p99 of the others' tenders", 1000 * waits.quantile_s(0.99), 3000, note=str(waits))]


async def parked(ground: Ground) -> list[Finding]:
    """`size` MiB of returns wait for sales that never come."""
    shop = Shop(ground.prefix)
    sold = Sold("nowhere", customer(0), [100] * _PARKED_LINES)
    async with ground.worker(), ground.tills() as tills:

        async def fill() -> None:
            count = await _fill(ground, shop, sold)
            await ground.counted(PARKED, count)
            await asyncio.sleep(_PAUSE_S)

        waits = await ground.asking(tills, fill())
    return [Finding("p99 of a tender", 1000 * waits.quantile_s(0.99), 250, note=str(waits))]


async def _fill(ground: Ground, shop: Shop, sold: Sold) -> int:
    def messages() -> Iterator[Message]:
        number, size = 0, 0
        while size < ground.size * _MEBIBYTE:
            message = shop.return_(
                number, Sold(f"nowhere-{number}", sold.customer_id, sold.nets), *range(1, _PARKED_LINES)
            )
            number, size = number + 1, size + len(message.value or b"")
            yield message

    made = list(messages())
    await ground.publish(made)
    return len(made)


async def scaled(ground: Ground) -> list[Finding]:
    """1 → 6 → 1 workers under a steady load. No document is lost."""
    documents = list(workload.day(ground.prefix, ground.size, ground.customers, first=SEED))
    subjects = [orjson.loads(message.value or b"")["subject"] for message in documents]
    async with ground.worker(), ground.tills() as tills:

        async def scale() -> None:
            await asyncio.sleep(_PAUSE_S)
            async with AsyncExitStack() as more:
                for number in range(1, _WORKERS):
                    await more.enter_async_context(ground.worker(number))
                await asyncio.sleep(_PAUSE_S)

        scaling = asyncio.create_task(scale())
        waits = await tills.play(documents, _LOAD_RATE)
        await scaling
        await ground.counted(SUBJECTS, len(set(subjects)), subjects)
    return [
        Finding(
            "p99 of a tender", 1000 * waits.quantile_s(0.99), note=f"{len(documents):,} documents, none lost; {waits}"
        )
    ]


@dataclass(frozen=True)
class Trial:
    """`size` is the default; the trial's docstring gives its unit."""

    run: Callable[[Ground], Coroutine[Any, Any, list[Finding]]]
    size: int = 0


TRIALS: Final = {
    "killed": Trial(killed),
    "deadlines": Trial(deadlines, 100_000),
    "backlog": Trial(backlog, 150_000),
    "flood": Trial(flood, 100_000),
    "hot_card": Trial(hot_card, 100_000),
    "poison": Trial(poison, 100_000),
    "parked": Trial(parked, 50),
    "scaled": Trial(scaled, 15_000),
    "audit": Trial(operators.audit, 250_000),
    "plan": Trial(operators.plan, 150_000),
}
