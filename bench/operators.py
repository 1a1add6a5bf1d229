"""What operators run beside the tills: an audit of a full ledger, and the plan of a replay."""

import asyncio
from typing import Final

from bench import workload
from bench.filling import Filled
from bench.ground import Finding, Ground

_AUDIT_S: Final = 300
_AUDITED: Final = 10_000_000
_PLAN_MIB: Final = 1024


async def audit(ground: Ground) -> list[Finding]:
    """An audit of `size` sales, each with a transfer, while tills ask. It finds nothing wrong."""
    filled = Filled(ground.arena, ground.settings, ground.customers)
    await asyncio.to_thread(filled.fill, ground.size)
    async with ground.worker(), ground.tills() as tills:
        auditing = asyncio.create_task(ground.run("worker", "worker", "audit"))
        waits = await ground.asking(tills, asyncio.shield(auditing))
    ended = await auditing
    bound_s = _AUDIT_S * filled.sales / _AUDITED
    return [
        Finding(f"audit of {filled.sales:,} sales", ended.wall_s, bound_s, "s", f"{ended.cpu_s:.0f} s of CPU"),
        Finding("its memory", ended.rss_mib, unit="MiB"),
        Finding("p99 of a tender meanwhile", 1000 * waits.quantile_s(0.99), note=str(waits)),
    ]


async def plan(ground: Ground) -> list[Finding]:
    """A plan to replay `size` documents of a mixed day that the ledger does not have."""
    await ground.publish(workload.day(ground.prefix, ground.size, ground.customers))
    ended = await ground.run("worker", "worker", "replay", "--json")
    return [
        Finding(f"plan of {ground.size:,} records", ended.wall_s, unit="s"),
        Finding("its memory", ended.rss_mib, _PLAN_MIB, "MiB"),
    ]
