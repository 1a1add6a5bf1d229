"""`python -m bench`, which is what `make bench` runs.

`python -m bench profile` shows where the time of a worker goes, `python -m bench stages` what one sale costs in each
stage that needs no server.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import devstack
from bench import compiled, profiling, report, runs, stages, workload
from bench.latency import Latency
from bench.program import ProgramFailed
from bench.runs import COMPILED, Bench, Result, Task, WrongResult

WORKLOADS = (
    "w1",
    "compiled",
    "processes",
    "compiled_processes",
    "faststream",
    "naive",
    "duplicates",
    "random",
    "latency",
)
# A group waits a moment for its other members before it gives out partitions, as brokers do: two processes start
# together, not one after the other.
_BROKER = {"group.initial.rebalance.delay.ms": "1000"}
# A checkpoint makes the next change of each page write the whole page: what a document costs would depend on when.
_DATABASE = {"checkpoint_timeout": "1h", "max_wal_size": "16GB"}
_RUN_LIMIT_S = 300.0


def tasks_of(options: argparse.Namespace) -> list[Task]:
    """What was asked for, in order. Duplicates are those of `w1`, so they run after it."""
    documents, some = options.documents, min(options.documents, options.naive_documents)
    tasks = {
        "w1": Task("W1", "worker", 1, documents, "bench_w1", "w1", "w1"),
        "compiled": Task("W1", COMPILED, 1, documents, "bench_compiled", "w1", "compiled"),
        "processes": Task("W1", "worker", options.processes, documents, "bench_processes", "w1", "processes"),
        "compiled_processes": Task(
            "W1", COMPILED, options.processes, documents, "bench_compiled_2", "w1", "compiled_processes"
        ),
        "faststream": Task("W1", "faststream", options.processes, documents, "bench_faststream", "w1", "faststream"),
        "naive": Task("W1", "naive", 1, some, "bench_naive", "w1", "naive"),
        "duplicates": Task("100 % duplicates", "worker", 1, documents, "bench_w1", "w1", "duplicates"),
        "random": Task("random ids", "worker", 1, documents, "bench_random", "random", "random"),
    }
    return [task for name, task in tasks.items() if name in options.only]


def measure(options: argparse.Namespace, directory: Path) -> tuple[list[Result], list[Latency]]:
    runs.say("starting Kafka and Postgres …")
    with devstack.start(kafka=_BROKER, postgres=_DATABASE) as stack:
        bench = Bench(stack.report, directory, _RUN_LIMIT_S)
        bench.prepare(options.customers)
        ids = {"w1": getattr(workload, options.ids), "random": workload.at_random}
        published: set[str] = set()
        results = []
        for task in tasks_of(options):
            if task.topic not in published:
                bench.publish_sales(task.topic, options.documents, options.customers, ids[task.topic])
                published.add(task.topic)
            results.append(bench.measure(task))
        latencies = bench.latency(options.requests) if "latency" in options.only else []
        return results, latencies


def main() -> int:
    """0 when everything that ran did the work; 1 where something failed."""
    options = _options()
    if options.build == "compiled" and not compiled.is_used():
        compiled.start_again()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each retry while topics are new
    if options.command == "profile":
        asyncio.run(profiling.profile(options.documents, options.customers, options.batch_documents))
        return 0
    if options.command == "stages":
        stages.stages(options.documents, options.customers, options.batch_documents, options.passes)
        return 0
    on = report.machine()
    try:
        with tempfile.TemporaryDirectory(prefix="g3n-bench-") as directory:
            results, latencies = measure(options, Path(directory))
    except (ProgramFailed, WrongResult, devstack.StackError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.json:
        said = {"results": [asdict(one) for one in results], "latencies": [asdict(one) for one in latencies]}
        print(json.dumps({"machine": on, **said}, indent=1))
    else:
        report.show(results, on)
        report.show_latencies(latencies)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["measure", "profile", "stages"], default="measure")
    parser.add_argument("--documents", type=int, default=300_000, help="of a workload (%(default)s)")
    parser.add_argument("--customers", type=int, default=100_000, help="that are known before (%(default)s)")
    parser.add_argument(
        "--naive-documents", type=int, default=20_000, help="of the naive rival, which takes so long (%(default)s)"
    )
    parser.add_argument("--processes", type=int, default=2, help="of the workload with several (%(default)s)")
    parser.add_argument("--requests", type=int, default=1000, help="of each kind, for their latency (%(default)s)")
    usual = [name for name in WORKLOADS if compiled.is_there() or not _is_compiled(name)]
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=usual, help="these workloads")
    parser.add_argument(
        "--build", choices=["interpreted", "compiled"], default="interpreted",
        help="of the worker, for all that runs but `compiled…` (%(default)s; compiled needs `make build/compiled`)",
    )  # fmt: skip
    parser.add_argument(
        "--ids",
        choices=["time_ordered", "of_tills", "at_random"],
        default="time_ordered",
        help="of W1's sales (%(default)s)",
    )
    parser.add_argument("--batch-documents", type=int, default=2000, help="profile, stages: in a batch (%(default)s)")
    parser.add_argument("--passes", type=int, default=7, help="stages: over the documents (%(default)s)")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    options = parser.parse_args()
    if "duplicates" in options.only and "w1" not in options.only:
        parser.error("duplicates are those of w1: name both")
    if not compiled.is_there() and (options.build == "compiled" or any(map(_is_compiled, options.only))):
        parser.error("there is no compiled build: run make build/compiled")
    return options


def _is_compiled(name: str) -> bool:
    return name.startswith("compiled")


if __name__ == "__main__":
    sys.exit(main())
