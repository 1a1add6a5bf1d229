"""`python -m bench`, which `make bench` runs.

- `measure`: throughput and cost of the worker and its rivals; then the latencies of tills.
- `limits`: the latencies of tills while something goes wrong.
- `growth`: the cost of a document as the ledger fills up.
- `profile`: the time of a worker, function by function.
- `stages`: the CPU time of a sale in each stage that needs no server.
"""

import argparse
import asyncio
import json
import logging
import math
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import devstack
from bench import compiled, growth, latency, load, profiling, report, stages, streams_rival
from bench.arena import Arena, WrongResult, say
from bench.ground import Finding, Ground
from bench.program import ProgramFailed, end_of
from bench.runs import TASKS, Runs
from bench.trials import TRIALS

LATENCY, LOAD = "latency", "load"
WORKLOADS = (*TASKS, LATENCY, LOAD)
# A group waits a moment for its other members before it gives out partitions, as brokers do: two processes start
# together, not one after the other.
_BROKER = {"group.initial.rebalance.delay.ms": "1000"}
# After a checkpoint, the first change of each page writes the whole page, so the cost would depend on the moment.
_DATABASE = {"checkpoint_timeout": "1h", "max_wal_size": "16GB"}
_RUN_LIMIT_S = 900.0


@contextmanager
def arena(customers: int) -> Iterator[Arena]:
    """Servers with customers and gift cards, until the end of the context."""
    say("starting Kafka and Postgres …")
    with (
        tempfile.TemporaryDirectory(prefix="g3n-bench-") as directory,
        devstack.start(kafka=_BROKER, postgres=_DATABASE) as stack,
    ):
        made = Arena(stack.report, Path(directory), _RUN_LIMIT_S)
        made.prepare(customers)
        yield made


def measure(options: argparse.Namespace) -> dict[str, list[Any]]:
    with arena(options.customers) as made:
        runs = Runs(made, options.documents, options.customers)
        for name, task in TASKS.items():
            if name in options.only:
                runs.measure(name, task)
        measured: dict[str, list[Any]] = {"results": list(runs.results.values()), "latencies": [], "loads": []}
        if LATENCY in options.only:
            measured["latencies"] = latency.measure(made, options.requests)
        if LOAD in options.only:
            measured["loads"] = load.measure(made, runs.results["day"].documents_per_s, options.customers)
    return measured


def limits(options: argparse.Namespace) -> dict[str, list[Any]]:
    findings: dict[str, list[Any]] = {}
    with arena(options.customers) as made:
        for name in options.only:
            trial = TRIALS[name]
            size = options.size or trial.size
            say(f"{name}: {(trial.run.__doc__ or '').partition('.')[0]} …")
            # Any tenant, because a tenant other than the tills' floods the topics.
            settings = made.ledger(f"bench_{name}", name, name, G3N_ORGCODES="")
            ground = Ground(made, name, settings, size, options.customers)
            try:
                findings[name] = asyncio.run(trial.run(ground))
            except (ProgramFailed, WrongResult) as error:  # the other trials are still worth running
                findings[name] = [Finding(f"failed: {error}", math.inf, 0)]
                for log in sorted(made.directory.glob(f"{name}-*.log")):
                    say(f"{log.name}: {end_of(log)}")
            for one in findings[name]:
                say(f"  {one.what}: {one.value:,.4g} {one.unit}; {one.note}")
    return findings


def main() -> int:
    """Return the exit status: 1 if a run failed or a bound does not hold."""
    options = _options()
    if options.build == "compiled" and not compiled.is_used():
        compiled.start_again()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs each retry while topics are new
    try:
        return _run(options)
    except (ProgramFailed, WrongResult, devstack.StackError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    on = report.machine()
    match options.command:
        case "profile":
            asyncio.run(profiling.profile(options.documents, options.customers, options.batch_documents))
        case "stages":
            stages.stages(options.documents, options.customers, options.batch_documents, options.passes)
        case "limits":
            findings = limits(options)
            _say_json(on, findings) if options.json else report.show_findings(findings, on)
            return 0 if all(one.holds for of_trial in findings.values() for one in of_trial) else 1
        case "growth":
            with arena(options.customers) as made:
                windows = growth.measure(made, options.rows, options.customers)
            _say_json(on, {"windows": windows}) if options.json else report.show_growth(windows, on)
        case _:
            measured = measure(options)
            if options.json:
                _say_json(on, measured)
            else:
                report.show(measured["results"], on)
                report.show_latencies(measured["latencies"])
                report.show_loads(measured["loads"])
    return 0


def _say_json(on: dict[str, Any], measured: dict[str, list[Any]]) -> None:
    results = {name: [asdict(one) for one in ones] for name, ones in measured.items()}
    print(json.dumps({"machine": on, **results}, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = ["measure", "limits", "growth", "profile", "stages"]
    parser.add_argument("command", nargs="?", choices=commands, default="measure")
    parser.add_argument("--documents", type=int, default=300_000, help="of a workload, at most (%(default)s)")
    parser.add_argument("--customers", type=int, default=100_000, help="that are known before (%(default)s)")
    parser.add_argument("--requests", type=int, default=1000, help="of each kind, for their latency (%(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="growth: sales in the end (%(default)s)")
    parser.add_argument("--size", type=int, help="limits: of each trial; else what the trial says")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these workloads or trials")
    parser.add_argument(
        "--build", choices=["interpreted", "compiled"], default="interpreted",
        help="of the worker, for all that runs but `compiled…` (%(default)s; compiled needs `make build/compiled`)",
    )  # fmt: skip
    parser.add_argument("--batch-documents", type=int, default=2000, help="profile, stages: in a batch (%(default)s)")
    parser.add_argument("--passes", type=int, default=7, help="stages: over the documents (%(default)s)")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    options = parser.parse_args()
    known = tuple(TRIALS) if options.command == "limits" else WORKLOADS
    usual = [
        name
        for name in known
        if (compiled.is_there() or not _is_compiled(name)) and (name != "streams" or streams_rival.can_run())
    ]
    options.only = options.only or usual
    if unknown := set(options.only) - set(known):
        parser.error(f"--only: {', '.join(sorted(unknown))}: not one of {', '.join(known)}")
    for name in options.only:
        before = "day" if name == LOAD else TASKS[name].after if name in TASKS else None
        if before is not None and before not in options.only:
            parser.error(f"{name} goes on with what {before} leaves: name both")
    if not compiled.is_there() and (options.build == "compiled" or any(map(_is_compiled, options.only))):
        parser.error("there is no compiled build: run make build/compiled")
    return options


def _is_compiled(name: str) -> bool:
    return name.startswith("compiled")


if __name__ == "__main__":
    sys.exit(main())
