"""Print the tables at the end."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bench.ground import Finding
from bench.growth import Window
from bench.latency import Latency
from bench.load import Load
from bench.runs import COPY, STREAMS, Result

_WIDTH_OFF_TERMINAL = 190
RIVALS = {"faststream": "FastStream", STREAMS: "Streams", COPY: "COPY", "naive": "naive"}
"""What a ratio is to, and how its column is called."""


def machine() -> dict[str, str | int | float]:
    """Describe the machine. A load before the start means that other programs run on it."""
    return {
        "python": platform.python_version(),
        "cpus": os.cpu_count() or 1,
        "load_before": round(os.getloadavg()[0], 1),
    }


def show(results: Sequence[Result], on: Mapping[str, str | int | float]) -> None:
    """Print a line for each run. The ratios compare it with the rivals of the same call, if they ran."""
    if not results:
        return
    rates = {(one.workload, one.program): one.documents_per_s for one in results if one.program in RIVALS}
    table = Table(title="Documents drained end to end: Kafka → Postgres → Kafka", caption=_caption(on))
    for heading in ("workload", "program"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        "pro-\ncesses", "documents", "seconds", "documents\na second", *(f"×\n{name}" for name in RIVALS.values()),
        "CPU s a\nmillion:\nworker", "\n\nPostgres", "\n\nKafka", "bytes a\ndocument:\nWAL", "\ntables +\nindexes",
        "largest\nprocess,\nMiB",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(
            result.workload,
            result.program,
            str(result.processes),
            f"{result.documents:,}",
            f"{result.work_s:.1f}",
            f"{result.documents_per_s:,.0f}",
            *(_ratio(result, rates.get((result.workload, name))) for name in RIVALS),
            _number(result.worker_cpu_s_per_million),
            _number(result.postgres_cpu_s_per_million),
            _number(result.kafka_cpu_s_per_million),
            _number(result.wal_bytes_per_document),
            _number(result.table_bytes_per_document),
            _number(result.largest_rss_mib),
        )
    _print(table)
    _noise(results)


def _noise(results: Sequence[Result]) -> None:
    """Return how much runs of one program on one stream differ."""
    alike: dict[tuple[str, str, int], list[float]] = {}
    for one in results:
        alike.setdefault((one.workload, one.program, one.processes), []).append(one.documents_per_s)
    for (workload, program, _), rates in alike.items():
        if len(rates) > 1:
            print(f"A against A, {workload}, {program}: the fastest run is {max(rates) / min(rates):.2f} × the slowest")


def show_latencies(latencies: Sequence[Latency]) -> None:
    """Print a line for each kind of request."""
    if not latencies:
        return
    table = Table(title="A till on an idle system: one request after the other", caption="From sent to answer read.")
    table.add_column("request", no_wrap=True)
    for heading in ("requests", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for one in latencies:
        table.add_row(one.request, f"{one.requests:,}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}")
    _print(table)


def show_loads(loads: Sequence[Load]) -> None:
    """Print a line for each rate."""
    if not loads:
        return
    table = Table(
        title="Tenders on Kafka under a steady load: a mixed day, one worker",
        caption="From when a tender was due, answered or not before it, until its outcome is read.",
    )
    for heading in (
        "part of\ncapacity",
        "documents\na second",
        "tenders",
        "p50 ms",
        "p99 ms",
        "at most\nms",
        "target\np99",
    ):
        table.add_column(heading, justify="right")
    for one in loads:
        table.add_row(
            f"{one.part:.0%}", f"{one.documents_per_s:,.0f}", f"{one.tenders:,}", f"{one.p50_ms:,.1f}",
            f"{one.p99_ms:,.1f}", f"{one.most_ms:,.0f}", _number(one.bound_ms),
        )  # fmt: skip
    _print(table)


def show_findings(findings: Mapping[str, Sequence[Finding]], on: Mapping[str, str | int | float]) -> None:
    """Print a line for each number, and whether it is within its bound."""
    table = Table(title="Limits", caption=_machine(on))
    for heading, justify in {
        "trial": "left",
        "measured": "left",
        "value": "right",
        "bound": "right",
        "": "left",
    }.items():
        table.add_column(heading, justify=justify, no_wrap=heading == "trial")  # type: ignore[arg-type]
    for trial, of_trial in findings.items():
        for one in of_trial:
            bound = "–" if one.bound is None else f"{one.bound:,.4g} {one.unit}"
            table.add_row(trial, one.what, f"{one.value:,.4g} {one.unit}", bound, "" if one.holds else "too much")
            if one.note:
                table.add_row("", f"  {one.note}", "", "", "")
    _print(table)


def show_growth(windows: Sequence[Window], on: Mapping[str, str | int | float]) -> None:
    """Print a line for each window, and the cost of the last one relative to the first."""
    table = Table(title="A sale in a ledger that fills up", caption=_machine(on))
    for heading in ("sales before", "CPU s a million", "worker", "Postgres", "WAL, bytes", "CPU ÷ first"):
        table.add_column(heading, justify="right")
    for one in windows:
        table.add_row(
            f"{one.rows:,}", _number(one.cpu_s_per_million), _number(one.worker_cpu_s_per_million),
            _number(one.postgres_cpu_s_per_million), _number(one.wal_bytes_per_document),
            f"{one.cpu_s_per_million / windows[0].cpu_s_per_million:.2f}",
        )  # fmt: skip
    _print(table)


def _print(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL).print(table)


def _ratio(result: Result, rival: float | None) -> str:
    return "" if rival is None else f"{result.documents_per_s / rival:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _caption(on: Mapping[str, str | int | float]) -> str:
    return (
        f"{_machine(on)} Seconds: from when the group gave out partitions to the exit of the program. "
        "CPU of the worker: its start included. Tables: growth beyond the customers."
    )


def _machine(on: Mapping[str, str | int | float]) -> str:
    return f"Python {on['python']}, {on['cpus']} CPUs, load before it began: {on['load_before']}."
