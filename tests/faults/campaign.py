"""`make faults`: every fault, again and again, under traffic, with what it broke and how long the recovery took.

    python -m tests.faults.campaign --rounds 3 --seed 7 --only "Postgres crashes"

Exit status 0 if no round found a violation, 1 otherwise. The same seed gives the same documents and the same choices.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.e2e import trade
from tests.e2e.place import Place, place
from tests.faults.catalogue import FAULTS, Fault
from tests.faults.invariants import violations
from tests.faults.servers import OwnServers, own_servers
from tests.faults.traffic import Traffic, publish
from tests.faults.world import CATCHES_UP_WITHIN_S, World, caught_up, lag
from tests.kafka_io import Reading
from tests.stack import Servers, login

SETTINGS = {"G3N_BATCH_DOCUMENTS": "40", "G3N_ON_FAILURE": "dead_letter"}
BETWEEN_DOCUMENTS_S = 0.01
SHOWN = 5  # violations of a round


@dataclass
class Round:
    """What one fault did."""

    fault: str
    violations: list[str]
    recovered_s: float
    restarts: int


@contextmanager
def arena(folder: Path) -> Iterator[tuple[OwnServers, Place]]:
    """Servers of the campaign's own, and a ledger with its topics on them."""
    (folder / "servers").mkdir()
    with own_servers(folder / "servers") as servers:
        dsn = asyncio.run(login(servers.superuser_dsn))
        with place(Servers("own", servers.bootstrap_servers, dsn, servers.superuser_dsn), folder, **SETTINGS) as made:
            yield servers, made


async def one_round(servers: OwnServers, made: Place, fault: Fault, name: str, seed: int) -> Round:
    """Traffic, the fault in the middle of it, traffic to the end; then everything is checked."""
    world = World(servers, made, random.Random(f"{name} {seed}"))
    traffic = Traffic(name, world.chance)
    await publish(made, [one.record(made) for one in traffic.before()])
    async with world.running(fault.workers, **fault.settings):
        await caught_up(world)
        records = traffic.records(made)
        publishing = asyncio.create_task(publish(made, records[:-20], BETWEEN_DOCUMENTS_S))
        await asyncio.sleep(len(records) * BETWEEN_DOCUMENTS_S * world.chance.uniform(0.1, 0.4))
        await fault.act(world)
        recovered_s = await _first_answer(world, name)
        await publishing
        await publish(made, records[-20:])
        try:
            await caught_up(world)
            found = await violations(world, traffic)
        except TimeoutError:
            found = [f"{await lag(world)} records are not committed {CATCHES_UP_WITHIN_S} s after the last came"]
    if fault.graceful:
        found += [f"a worker ended with status {status}" for status in world.exit_statuses if status]
    return Round(fault.name, found, recovered_s, world.restarts)


async def _first_answer(world: World, name: str) -> float:
    """Seconds until a tender that is asked for now is answered."""
    began = monotonic()
    async with Reading(world.place.bootstrap, [world.place.prefix + "crm.tender-outcomes"]) as outcomes:
        await publish(world.place, [trade.request(f"beacon-{name}", 1, 1).record(world.place)])
        await outcomes.until(lambda seen: any(one.subject == f"Tbeacon-{name}" for one in seen), 90)
    return monotonic() - began


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each round and the table of all."""
    parser = argparse.ArgumentParser(prog="make faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault happens (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="of documents and choices (default 1)")
    parser.add_argument("--only", default="", help="faults whose name contains this")
    chosen = parser.parse_args(arguments)
    faults = [one for one in FAULTS.values() if chosen.only in one.name]
    if not faults:
        print(f"no fault is named like {chosen.only!r}; there are: {', '.join(FAULTS)}", file=sys.stderr)
        return 2
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="g3n-faults-") as folder, arena(Path(folder)) as (servers, made):
        for number in range(chosen.rounds):
            for fault in faults:
                name = f"r{number}f{list(FAULTS).index(fault.name)}"
                rounds.append(asyncio.run(one_round(servers, made, fault, name, chosen.seed)))
                print(_line(rounds[-1]), flush=True)
        if any(one.violations for one in rounds):
            kept = Path(tempfile.mkdtemp(prefix="g3n-faults-log-")) / "workers.log"
            kept.write_bytes(made.log.read_bytes())
            print(f"the workers' log: {kept}", file=sys.stderr)
    print(_table(rounds))
    return 1 if any(one.violations for one in rounds) else 0


def _line(one: Round) -> str:
    verdict = "; ".join(one.violations[:SHOWN]) or "ok"
    return f"{one.fault:48} {one.recovered_s:5.1f} s  {verdict}"


def _table(rounds: list[Round]) -> str:
    lines = [f"{'fault':48} rounds  violations  restarts  slowest recovery"]
    for name in dict.fromkeys(one.fault for one in rounds):
        of = [one for one in rounds if one.fault == name]
        wrong, restarts = sum(len(one.violations) for one in of), sum(one.restarts for one in of)
        lines.append(f"{name:48} {len(of):6}  {wrong:10}  {restarts:8}  {max(one.recovered_s for one in of):14.1f} s")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
