"""`make faults`: every fault, again and again, under traffic, with what it broke and how long the recovery took.

    python -m tests.faults.campaign --rounds 3 --seed 7 --only "Postgres crashes"

Exit status 0 if no round found a violation, 1 otherwise. The same seed gives the same documents and the same choices.
After a round that fails, the rest runs on new servers. The folder of the old ones is kept, with the workers' log.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import monotonic

from tests.e2e import trade
from tests.e2e.place import Place, place
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault
from tests.faults.invariants import Violations, alerts, violations
from tests.faults.servers import OwnServers, own_servers
from tests.faults.traffic import publish
from tests.faults.world import CATCHES_UP_WITHIN_S, World, caught_up, lag
from tests.kafka_io import Reading
from tests.stack import Servers, login

SETTINGS = {"G3N_BATCH_DOCUMENTS": "40", "G3N_ON_FAILURE": "dead_letter"}
BETWEEN_DOCUMENTS_S = 0.01
LAST = 20  # documents that are published after the fault
SHOWN = 5  # violations of a round
ANSWERS_WITHIN_S = 150


@dataclass
class Round:
    """The result of one fault."""

    fault: str
    violations: Violations
    recovered_s: float
    took_s: float


@contextmanager
def arena(folder: Path, brokers: int = 1) -> Iterator[tuple[OwnServers, Place]]:
    """Servers of the campaign's own, and a ledger with its topics on them."""
    (folder / "servers").mkdir(parents=True)
    folder.chmod(0o755)
    with own_servers(folder / "servers", brokers) as servers:
        dsn = servers.both_hosts(asyncio.run(login(servers.superuser_dsn)))
        stack = Servers("own", servers.bootstrap_servers, dsn, servers.superuser_dsn)
        with place(stack, folder, **SETTINGS) as made:
            writes = {"G3N_POSTGRES_DSN": f"{made.dsn}?target_session_attrs=primary"}
            yield servers, replace(made, environment={**made.environment, **writes})


async def one_round(
    servers: OwnServers, made: Place, fault: Fault, name: str, seed: int, program: tuple[str, ...] = ("worker",)
) -> Round:
    """Traffic, the fault in the middle of it, traffic to the end; then everything is checked.

    `program`: the module that is the worker, and its first words.
    """
    began, chance = monotonic(), random.Random(f"{name} {seed}")
    traffic = fault.traffic(name, chance)
    world = World(servers, made, traffic, chance, program)
    logged = made.log.stat().st_size
    await publish(made, [one.record(made) for one in traffic.before()])
    async with world.running(fault.workers, **fault.settings):
        await caught_up(world)
        records = traffic.records(made)
        publishing = asyncio.create_task(publish(made, records[:-LAST], BETWEEN_DOCUMENTS_S))
        await asyncio.sleep(len(records) * BETWEEN_DOCUMENTS_S * chance.uniform(0.1, 0.4))
        await fault.act(world)
        recovered_s = await _first_answer(world, name)
        if recovered_s >= ANSWERS_WITHIN_S:
            await world.show_stacks()
        await publishing
        if fault.sends_again:
            await publish(made, records)
        await publish(made, records[-LAST:])
        try:
            await caught_up(world)
            found = await violations(world, fault.tells, fault.may_tell, logged)
        except TimeoutError:
            late = f"{await lag(world)} records are not committed {CATCHES_UP_WITHIN_S} s after the last came"
            found = Violations(unaccounted=[late, *alerts(world, logged)])
            await world.show_stacks()
    if recovered_s >= ANSWERS_WITHIN_S:
        found.lost.append(f"the tender that was asked for after the fault: no answer within {ANSWERS_WITHIN_S} s")
    if fault.graceful:
        found.unaccounted += [f"a worker ended with status {status}" for status in world.exit_statuses if status]
    return Round(fault.name, found, recovered_s, monotonic() - began)


async def _first_answer(world: World, name: str) -> float:
    """Seconds until a tender that is asked for now is answered."""
    began = monotonic()
    async with Reading(world.place.bootstrap, [world.place.prefix + "crm.tender-outcomes"]) as outcomes:
        await publish(world.place, [trade.request(f"beacon-{name}", 1, 1).record(world.place)])
        with suppress(AssertionError):
            await outcomes.until(lambda seen: any(one.subject == f"Tbeacon-{name}" for one in seen), ANSWERS_WITHIN_S)
    return monotonic() - began


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each round and the table of all."""
    parser = argparse.ArgumentParser(prog="make faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault happens (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="of documents and choices (default 1)")
    parser.add_argument("--only", action="append", help="faults whose name contains this; may be repeated")
    parser.add_argument("--short", action="store_true", help="only the faults that CI causes")
    chosen = parser.parse_args(arguments)
    faults = [
        one
        for name, one in FAULTS.items()
        if any(part in name for part in chosen.only or [""]) and not (chosen.short and one.long)
    ]
    for one in [one for one in faults if one.mounts and os.geteuid() != 0]:
        print(f"{one.name}: left out, only root may mount a small disk", file=sys.stderr)
        faults.remove(one)
    if not faults:
        print(f"no fault is named like {chosen.only!r}; there are: {', '.join(FAULTS)}", file=sys.stderr)
        return 2
    rounds: list[Round] = []
    for brokers in sorted({one.brokers for one in faults}):
        left = [(number, one) for number in range(chosen.rounds) for one in faults if one.brokers == brokers]
        while left:
            rounds += _rounds(brokers, left, chosen.seed)
    print(_table(rounds))
    return 1 if any([*one.violations] for one in rounds) else 0


def _rounds(brokers: int, left: list[tuple[int, Fault]], seed: int) -> list[Round]:
    """Take rounds from `left`, on new servers, until one fails. Then say where its servers and logs are."""
    folder = Path(tempfile.mkdtemp(prefix="g3n-faults-"))
    rounds: list[Round] = []
    with _failure_is_shown(), arena(folder, brokers) as (servers, made):
        while left and not any([*one.violations] for one in rounds):
            number, fault = left.pop(0)
            name = f"r{number}f{list(FAULTS).index(fault.name)}"
            began = monotonic()
            try:
                rounds.append(asyncio.run(one_round(servers, made, fault, name, seed)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the other faults are still to come
                failed = Violations(unaccounted=[f"the round ended with {error!r}"])
                rounds.append(Round(fault.name, failed, ANSWERS_WITHIN_S, monotonic() - began))
            print(_line(rounds[-1]), flush=True)
    if any([*one.violations] for one in rounds):
        print(f"kept: {folder}", flush=True)
    else:
        shutil.rmtree(folder)
    return rounds


@contextmanager
def _failure_is_shown() -> Iterator[None]:
    """Go on with other servers if the end of a round's servers fails, too."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is, the other faults are still to come
        traceback.print_exc()


def _line(one: Round) -> str:
    verdict = "; ".join([*one.violations][:SHOWN]) or "ok"
    return f"{one.fault:64} {one.took_s:4.0f} s, recovered in {one.recovered_s:4.1f} s  {verdict}"


def _table(rounds: list[Round]) -> str:
    """The table of docs/reliability.md."""
    lines = ["| fault | in CI | rounds | lost | doubled | unaccounted | seconds to recover: median, most |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(one.fault for one in rounds):
        of = [one for one in rounds if one.fault == name]
        found = [sum(len(getattr(one.violations, kind)) for one in of) for kind in ("lost", "doubled", "unaccounted")]
        took = [one.recovered_s for one in of]
        in_ci = "" if FAULTS[name].long else "yes"
        cells = [name, in_ci, len(of), *found, f"{median(took):.1f}, {max(took):.1f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
