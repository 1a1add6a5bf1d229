"""The table at the end."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bench.latency import Latency
from bench.runs import Result

_WIDTH_OFF_TERMINAL = 150
RIVALS = ("faststream", "naive")


def machine() -> dict[str, str | int | float]:
    """What the numbers depend on beside the code. A load before the start means that others work here too."""
    return {
        "python": platform.python_version(),
        "cpus": os.cpu_count() or 1,
        "load_before": round(os.getloadavg()[0], 1),
    }


def show(results: Sequence[Result], on: Mapping[str, str | int | float]) -> None:
    """A line a run; the ratios are to the rivals of the same call, if they ran."""
    if not results:
        return
    rates = {result.program: result.documents_per_s for result in results if result.program in RIVALS}
    table = Table(title="Documents drained end to end: Kafka → Postgres → Kafka", caption=_caption(on))
    for heading in ("workload", "program"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        "pro-\ncesses", "documents", "seconds", "documents\na second", *(f"×\n{name}" for name in RIVALS),
        "CPU s a\nmillion:\nworker", "\n\nPostgres", "\n\nKafka", "bytes a\ndocument:\nWAL", "\ntables +\nindexes",
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
            *(f"{result.documents_per_s / rates[name]:.2f}" if name in rates else "" for name in RIVALS),
            _number(result.worker_cpu_s_per_million),
            _number(result.postgres_cpu_s_per_million),
            _number(result.kafka_cpu_s_per_million),
            _number(result.wal_bytes_per_document),
            _number(result.table_bytes_per_document),
        )
    _print(table)


def show_latencies(latencies: Sequence[Latency]) -> None:
    """A line a kind of request."""
    if not latencies:
        return
    table = Table(title="A till on an idle system: one request after the other", caption="From sent to answer read.")
    table.add_column("request", no_wrap=True)
    for heading in ("requests", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for one in latencies:
        table.add_row(one.request, f"{one.requests:,}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}")
    _print(table)


def _print(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL).print(table)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _caption(on: Mapping[str, str | int | float]) -> str:
    return (
        f"Python {on['python']}, {on['cpus']} CPUs, load before it began: {on['load_before']}. Seconds: from when the "
        "group gave out partitions to the exit of the program. CPU of the worker: its start included. "
        "Tables: growth beyond the customers."
    )
